//! What a replica wants done, in order.

use ledger::{JudgeTask, finality::Evidence};
use model::{BlockId, ChunkId, KeyId};
use sync::{ArrivedChunk, Misdeed, Reason, RequestId};

/// Something for the host to do, or to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Send a frame to a peer.
    Send {
        /// To whom.
        peer: KeyId,
        /// The frame.
        frame: Vec<u8>,
    },
    /// Make a request of a peer; what comes goes to [`Replica::response`](crate::Replica::response).
    Request {
        /// Of whom.
        peer: KeyId,
        /// Its number.
        id: RequestId,
        /// The request.
        bytes: Vec<u8>,
        /// The longest answer that is to be read.
        max_bytes: u32,
    },
    /// Close the connection to a peer.
    Close {
        /// To whom.
        peer: KeyId,
        /// Why.
        reason: Reason,
    },
    /// A peer did something wrong; it is taken down already.
    Misdeed {
        /// Who.
        peer: KeyId,
        /// What.
        misdeed: Misdeed,
    },
    /// Store these chunks, then say [`Replica::chunks_stored`](crate::Replica::chunks_stored).
    Chunks {
        /// For the answer.
        id: RequestId,
        /// The chunks.
        chunks: Vec<ArrivedChunk>,
    },
    /// None of the peers that are connected has these chunks; they stay wanted.
    Absent(Vec<ChunkId>),
    /// Ask a judge, and say [`Replica::judged`](crate::Replica::judged).
    Judge(JudgeTask),
    /// Main moved: a newer block is final.
    Moved {
        /// The newest final block.
        block: BlockId,
        /// Its height.
        height: u64,
    },
    /// The tentative state is another: a head came, or what it builds on is final.
    Tentative,
    /// A key is in use twice: a copied card, a restored backup.
    Clone {
        /// The key; it may be this box's own.
        key: KeyId,
        /// A head of the one line.
        a: BlockId,
        /// A head of the other.
        b: BlockId,
    },
    /// A validator voted twice; the evidence is kept.
    Evidence(Box<Evidence>),
    /// Something that a person should see.
    Trouble(String),
}
