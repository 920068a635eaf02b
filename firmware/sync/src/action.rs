//! What the machine wants done. Its owner does it and tells it what came of it.

use crate::{conduct::Misdeed, message::Head};
use ledger::{Block, NewObjects};
use model::{ChunkId, KeyId, Millis};
use std::fmt;

/// The number of a request; no number comes twice while the machine lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// A block that a peer gave, with the objects that none of its parents has; itself among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// The block. Its form, its organisation and that its parents are here was looked at, nothing else.
    pub block: Block,
    /// Its objects, under the names that their bytes have.
    pub objects: NewObjects,
}

impl Arrival {
    /// How many bytes its objects have.
    pub fn bytes(&self) -> u64 {
        self.objects.iter().map(|(_, object)| object.bytes.len() as u64).sum()
    }
}

/// A chunk that a peer gave; its bytes are those of its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArrivedChunk {
    /// Its name.
    pub id: ChunkId,
    /// Its plain bytes.
    pub bytes: Vec<u8>,
}

/// Why a connection is to be closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// The peer is banned.
    Banned(Millis),
    /// The peer has another ledger.
    OtherOrganisation,
    /// The peer speaks another protocol: one of the two needs an update.
    OtherProtocol(u16),
    /// The peer said nothing for too long.
    Silent,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Banned(until) => write!(f, "banned until {until}"),
            Self::OtherOrganisation => f.write_str("it has the ledger of another organisation"),
            Self::OtherProtocol(number) => {
                write!(f, "it speaks protocol {number} and this box {}: update", crate::SYNC_PROTOCOL)
            }
            Self::Silent => f.write_str("it said nothing for too long"),
        }
    }
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Send a frame.
    Send {
        /// To whom.
        peer: KeyId,
        /// The frame.
        frame: Vec<u8>,
    },
    /// Make a request; what comes goes to [`Sync::response`](crate::Sync::response).
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
    /// The peer is of our organisation and can hear gossip.
    Up {
        /// Who.
        peer: KeyId,
    },
    /// Check these blocks, oldest first, and store them; then say [`Sync::stored`](crate::Sync::stored) or
    /// [`Sync::refused`](crate::Sync::refused).
    Blocks {
        /// Who gave them.
        peer: KeyId,
        /// For the answer.
        id: RequestId,
        /// The blocks. What is before them is here, or among them and earlier.
        blocks: Vec<Arrival>,
    },
    /// Store these chunks, then say [`Sync::stored`](crate::Sync::stored).
    Chunks {
        /// Who gave them.
        peer: KeyId,
        /// For the answer.
        id: RequestId,
        /// The chunks.
        chunks: Vec<ArrivedChunk>,
    },
    /// None of the peers that are connected has these chunks. They stay wanted, and all are asked again after a while.
    Absent {
        /// Which.
        chunks: Vec<ChunkId>,
    },
    /// The peer has this head, and the block is here with all that is before it.
    Head {
        /// Who says so.
        peer: KeyId,
        /// The head.
        head: Head,
    },
    /// New gossip for the voting engine; [`Sync::spread`](crate::Sync::spread) it if it keeps the rules.
    Gossip {
        /// Who sent it.
        peer: KeyId,
        /// What.
        bytes: Vec<u8>,
    },
    /// The peer did something wrong; it is taken down already. Keep [`Sync::conduct`](crate::Sync::conduct).
    Misdeed {
        /// Who.
        peer: KeyId,
        /// What.
        misdeed: Misdeed,
    },
    /// Close the connection; it is forgotten already.
    Close {
        /// To whom.
        peer: KeyId,
        /// Why.
        reason: Reason,
    },
}
