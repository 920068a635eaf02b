//! What can go wrong with the ledger, and whose fault it is.

use crate::{home::HomeError, view::LoadError};
use ledger::{BlockError, BlockFault, DraftError, LoadError as ObjectError, Reason, SignError, TreeError};
use model::BlockId;
use store::{CommitError, OpenError, PackError, RefError, TrimError, wal::WalError};

/// An operation of [`Core`](super::Core) that failed. Nothing of it is in the ledger.
#[derive(Debug, thiserror::Error)]
pub enum CoreError {
    /// The home.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store has no branch main.
    #[error(
        "the ledger has no branch main: the making of this home was cut short; remove it and make it again"
    )]
    NoMain,
    /// A reference.
    #[error(transparent)]
    Ref(#[from] RefError),
    /// Main cannot be read.
    #[error("main cannot be read")]
    View(#[from] LoadError),
    /// An event was not appended.
    #[error(transparent)]
    Append(#[from] WalError),
    /// A block cannot be drafted.
    #[error(transparent)]
    Draft(#[from] DraftError),
    /// A block cannot be signed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// A block cannot be read.
    #[error(transparent)]
    Block(#[from] BlockError),
    /// A tree cannot be read.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// An object is missing.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// A block of a proposal breaks a rule.
    #[error("block {block} is refused: {fault}", block = .block.short())]
    Faulty {
        /// The block.
        block: BlockId,
        /// The rule.
        fault: Box<BlockFault>,
    },
    /// A head was left out of the merge.
    #[error("block {block} was not merged: {reason}", block = .block.short())]
    LeftOut {
        /// The head.
        block: BlockId,
        /// Why.
        reason: Box<Reason>,
    },
    /// A proposal that is no writer's line of blocks.
    #[error("the proposal {block} is no block of a writer", block = .0.short())]
    NotAWriters(BlockId),
    /// A proposal of too many blocks.
    #[error("the proposal has more than {0} new blocks: propose them in parts")]
    TooManyBlocks(usize),
    /// The disk took no new blocks.
    #[error(transparent)]
    Commit(#[from] CommitError),
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
