//! What can go wrong with the ledger, and whose fault it is.

use crate::{home::HomeError, rotation::RotationError, view::LoadError};
use replica::ReplicaError;
use store::{NoteError, OpenError, PackError, RefError, TrimError, wal::WalError};

/// An operation of [`Core`](super::Core) that failed. Nothing of it is in the ledger.
#[derive(Debug, thiserror::Error)]
pub enum CoreError {
    /// The home.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// A key.
    #[error(transparent)]
    Rotation(#[from] RotationError),
    /// Nothing is signed with a key that gives way to another.
    #[error("this box's key is being replaced: try again when main has the new one")]
    GivingUp,
    /// There is no new key.
    #[error("no new key was made for this box: ledgerctl nodes rotate makes one")]
    NoNextKey,
    /// The state cannot be read.
    #[error(transparent)]
    State(#[from] ledger::StateError),
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store has no such branch.
    #[error(
        "this box follows the branch {branch} and does not have it: follow another one (ledgerctl branch follow main); if \
         that is main, the making of this home was cut short: remove it and make it again"
    )]
    NoBranch {
        /// What node.toml names.
        branch: model::Name,
    },
    /// A reference.
    #[error(transparent)]
    Ref(#[from] RefError),
    /// Main cannot be read.
    #[error("main cannot be read")]
    View(#[from] LoadError),
    /// An event was not appended.
    #[error(transparent)]
    Append(#[from] WalError),
    /// The replica.
    #[error(transparent)]
    Replica(#[from] ReplicaError),
    /// A note was not kept.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The log was not trimmed.
    #[error(transparent)]
    Trim(#[from] TrimError),
    /// The packs were not merged.
    #[error(transparent)]
    Pack(#[from] PackError),
}

/// Whose fault an error is, and so what to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The asker may not.
    Denied,
    /// What was asked does not fit what is there.
    Conflict,
    /// What was asked is too large.
    TooLarge,
    /// The disk has no room.
    DiskFull,
    /// Ours, or the disk's.
    Ours,
}
