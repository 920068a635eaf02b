//! Git objects, chunk packs, write-ahead log and SQLite index on a card that loses power.
//!
//! An adapter: it puts on a disk what the pure rooms decide. [`Store`] is the ledger of one home, [`GitObjects`]
//! reads it without a lock, [`index`] is a copy of the events to search in. Whatever must survive a power cut goes
//! through [`disk::Disk`], so that the crash disk of the tests sees each write and each sync.

pub mod chunks;
mod consolidate;
#[cfg(any(test, feature = "crash"))]
pub mod crash;
mod delta;
pub mod disk;
mod git;
pub mod index;
mod lock;
mod merge;
mod notes;
mod pack;
mod progress;
mod refs;
mod repository;
mod store;
pub mod wal;

pub use consolidate::{Consolidated, PACKS_MAX};
pub use git::{GitObjects, OpenRepositoryError};
pub use lock::{Lock, LockError};
pub use model::{RefName, RefNameError};
pub use notes::{NOTE_BYTES_MAX, NoteError, unwrap_note};
pub use pack::PackError;
pub use progress::ProgressError;
pub use refs::{RefError, parse_packed};
pub use store::{CommitError, NewEvent, OpenError, Options, Recovery, Store, TrimError};
