//! The adapter between boxes: QUIC connections by key (iroh), and who else is on the LAN (mDNS).
//!
//! Bytes only: what a frame or a request means is the `sync` room's business. A peer is a public key; the
//! connection proves it, so no address is ever believed. Keys that were admitted are dialled, and dialled again,
//! by themselves; a stranger's connection is closed before a byte, but for one short knock at the join door.
//! No outside service is used: no relay unless one is named, no DNS, no telemetry.
//! Why it is so: `docs/decisions/0011-transport.md`; what goes over the wire: `docs/formats/transport.md`.

mod accept;
mod book;
mod dial;
mod event;
mod frame;
mod gate;
mod key;
mod knock;
mod lan;
mod lane;
mod link;
mod net;
mod options;
mod request;
mod shared;

pub use event::{Event, Reply};
pub use knock::KnockError;
pub use net::{Net, OpenError, PeerStatus, SendError};
pub use options::{Bind, Limits, Options};
pub use request::RequestError;

/// The protocol between boxes of one organisation; another number is another protocol.
const MAIN: &[u8] = b"ledger/1";
/// The door for strangers: one knock, one answer.
const JOIN: &[u8] = b"ledger-join/1";

/// Why a connection or a stream was closed, as its number on the wire.
mod code {
    use iroh::endpoint::VarInt;

    /// The box is going away, or the connection has done its work.
    pub const BYE: VarInt = VarInt::from_u32(0);
    /// The key is not admitted.
    pub const NOT_ADMITTED: VarInt = VarInt::from_u32(1);
    /// There is another connection between the two already.
    pub const DUPLICATE: VarInt = VarInt::from_u32(2);
    /// Too many connections, or too many knocks.
    pub const BUSY: VarInt = VarInt::from_u32(3);
    /// Frames wait and are not read.
    pub const SLOW: VarInt = VarInt::from_u32(4);
    /// Longer than the limit, or not the protocol.
    pub const WRONG: VarInt = VarInt::from_u32(5);
    /// A request that gets no answer.
    pub const REFUSED: VarInt = VarInt::from_u32(6);
}
