//! Where a writer's next block goes on: the newest of its blocks in the repository, on whatever branch.

use ledger::BlockError;
use model::{BlockId, KeyId};
use store::{GitObjects, RefError};

/// A line whose end is not known.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// The references.
    #[error(transparent)]
    Refs(#[from] RefError),
    /// A block that a reference names.
    #[error(transparent)]
    Block(#[from] BlockError),
}

/// The newest block by a key; none if it wrote nothing yet.
pub fn own_end(objects: &GitObjects, writer: &KeyId) -> Result<Option<BlockId>, LineError> {
    Ok(replica::own_end(objects, &objects.refs()?, writer)?)
}
