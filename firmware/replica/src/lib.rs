//! One box's copy of the ledger: writes, merges, votes and syncs, as a state machine; pure.
//!
//! A [`Replica`] stands over the port [`Depot`] and is called with what happened: a local write, a peer's bytes, a judge's
//! answer, time that passed. What the box should do comes back as [`Effect`]s. It has no clock, socket, file, thread or
//! randomness; the write-ahead log of events is the host's. Merging, rules and voting are `ledger`'s,
//! talking to peers is `sync`'s: this room knows when each has its turn. Why it is a room of its own is
//! docs/decisions/0012-replica.md.

mod adopt;
mod branches;
mod depot;
mod effect;
mod error;
mod intake;
mod ladder;
mod lines;
mod memory;
mod merged;
mod options;
mod peers;
mod propose;
mod receive;
mod replica;
mod settle;
mod status;
mod tentative;
mod trunk;
mod validate;
mod vote;
mod write;

pub use branches::BRANCHES_MAX;
pub use depot::{Depot, DepotError};
pub use effect::Effect;
pub use error::ReplicaError;
pub use lines::own_end;
pub use memory::{MemoryDepot, Shelf};
pub use options::{Now, Options};
pub use replica::{Main, Replica};
pub use status::{Proposal, Status};
pub use write::{Documents, Written};

/// The most events of one block.
pub const BLOCK_EVENTS: usize = 256;
/// The most bytes of events in one block; a single event has at most 16 KiB.
pub const BLOCK_BYTES: usize = 64 * 1024;
