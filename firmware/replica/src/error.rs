//! What can go wrong in a replica.

use crate::DepotError;
use ledger::{
    BlockError, BlockFault, DraftError, FinalityFault, LoadError, Reason, SignError, StateError, TreeError,
    finality::ValidatorsError,
};
use model::{BlockId, KeyId};

/// An operation that failed. Nothing of it counts; after a failure of the depot, what it had begun may be there.
#[derive(Debug, thiserror::Error)]
pub enum ReplicaError {
    /// The depot failed.
    #[error(transparent)]
    Depot(#[from] DepotError),
    /// There is no branch to follow.
    #[error("the ledger has no branch {branch}: making or joining it was cut short; do it again")]
    NoBranch {
        /// Its name.
        branch: model::Name,
    },
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
    /// A state cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// An object is missing.
    #[error(transparent)]
    Object(#[from] LoadError),
    /// A block breaks a rule.
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
    /// What was given is no writer's line of blocks.
    #[error("the proposal {block} is no block of a writer", block = .0.short())]
    NotAWriters(BlockId),
    /// What was given begins no branch.
    #[error("the block {block} begins no branch", block = .0.short())]
    NotAFork(BlockId),
    /// There is a branch of that name.
    #[error("there is a branch {0} already")]
    BranchExists(model::Name),
    /// A writer who has another line of blocks here already.
    #[error(
        "block {block} does not go on from the last block by {key}: begin anew from that one, or the key is in use twice",
        block = .block.short()
    )]
    SecondLine {
        /// The writer.
        key: KeyId,
        /// The block.
        block: BlockId,
    },
    /// The validators are not known.
    #[error(transparent)]
    Validators(Box<ValidatorsError>),
    /// What is final cannot be told.
    #[error(transparent)]
    Finality(Box<FinalityFault>),
    /// Too many blocks at once.
    #[error("the proposal has more than {0} new blocks: propose them in parts")]
    TooManyBlocks(usize),
}

impl From<FinalityFault> for ReplicaError {
    fn from(fault: FinalityFault) -> Self {
        Self::Finality(Box::new(fault))
    }
}

impl From<ValidatorsError> for ReplicaError {
    fn from(error: ValidatorsError) -> Self {
        Self::Validators(Box::new(error))
    }
}
