//! What the network tells the agent, in order for each peer: up, then frames and requests, then down.

use bytes::Bytes;
use model::PublicKey;
use std::net::SocketAddr;
use tokio::sync::oneshot;

/// One thing that happened.
#[derive(Debug)]
pub enum Event {
    /// An admitted peer is connected, and has admitted us.
    Up {
        /// Who.
        peer: PublicKey,
        /// Where it was reached, if not through a relay: worth keeping for the next start.
        addresses: Vec<SocketAddr>,
    },
    /// It no longer is. Whatever was being sent may be lost.
    Down {
        /// Who.
        peer: PublicKey,
    },
    /// A peer sent a frame. Those of one connection arrive once each, in order.
    Frame {
        /// Who.
        peer: PublicKey,
        /// At most `frame_bytes_max`.
        bytes: Bytes,
    },
    /// A peer asks.
    Request {
        /// Who.
        peer: PublicKey,
        /// At most `request_bytes_max`.
        bytes: Bytes,
        /// Where the answer goes.
        reply: Reply,
    },
    /// A stranger, or a peer, knocks at the join door.
    Knock {
        /// Who; the connection proves it.
        key: PublicKey,
        /// At most `knock_bytes_max`.
        bytes: Bytes,
        /// Where the answer goes: at most `knock_answer_bytes_max`, within a few seconds.
        reply: Reply,
    },
    /// A box is on the LAN, or has new addresses there. Anybody can claim this of any key: only a connection
    /// proves it. Admitted peers are dialled without further ado.
    Found {
        /// Who it says it is.
        key: PublicKey,
        /// Where it says it is.
        addresses: Vec<SocketAddr>,
    },
}

/// Where an answer goes. Dropping it refuses the request.
#[derive(Debug)]
pub struct Reply(pub(crate) oneshot::Sender<Bytes>);

impl Reply {
    /// Answers. If the peer has gone meanwhile, so has the answer.
    pub fn send(self, answer: impl Into<Bytes>) {
        let _gone = self.0.send(answer.into());
    }
}
