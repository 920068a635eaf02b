//! The peer protocol as a state machine; pure.
//!
//! Two boxes tell each other their heads in frames ([`Message`]), fetch what they lack by requests ([`Request`],
//! [`Response`]) as git packs and chunks, and remember who misbehaved ([`Conduct`]). [`Sync`] decides what to send and to ask;
//! [`Server`] answers from the store. There is no clock, socket, file, thread or randomness in it: time arrives as an
//! argument, what is to be done comes back as [`Action`]s. Pull only: nothing that nobody asked for is taken, and
//! nothing is believed that the ledger's rules do not bear out. Format: docs/formats/sync.md.

mod action;
mod arrival;
mod bucket;
mod chunks;
mod conduct;
mod fresh;
mod gossip;
mod heads;
mod limits;
mod links;
mod machine;
mod message;
mod pack;
mod request;
mod response;
mod serve;
mod walk;

pub use action::{Action, Arrival, ArrivedChunk, Reason, RequestId};
pub use arrival::{ArrivalError, unpack};
pub use chunks::{ChunkError, Chunks, read as read_chunks, write as write_chunks};
pub use conduct::{BAN_SCORE, Conduct, ConductError, Misdeed, Record};
pub use limits::{Limits, Rate};
pub use machine::{Asked, Sync, WantedChunk};
pub use message::{
    Bucket, FrameError, Head, Hello, MAX_CERTIFICATE_BYTES, MAX_FRAME_BYTES, MAX_GOSSIP_BYTES, MAX_HEADS,
    MAX_HEADS_IN_FRAME, Message, SYNC_PROTOCOL, ShortId, Summary,
};
pub use pack::{OBJECT_OVERHEAD, PackError, PackReader, PackWriter, cost};
pub use request::{MAX_CHUNKS_ASKED, MAX_HAVE, MAX_REQUEST_BYTES, MAX_WANT, Request};
pub use response::{Response, ResponseError};
pub use serve::{ChunkSource, MAX_BLOCK_COST, Server, serve};
