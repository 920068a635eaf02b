//! How far a node's events are in blocks, read from the blocks themselves.
//!
//! A writer's blocks follow each other (each is an ancestor of the next) and no block is older than its
//! parents, so the first block of events by that writer, walking back from its head by time, is its last one;
//! among blocks of the same second the highest number counts.

use crate::{
    git::GitObjects,
    refs::{RefError, RefName},
};
use ledger::{Block, BlockError, Objects};
use model::{BlockId, KeyId, Millis};
use std::collections::{BTreeSet, HashSet};

/// A branch that cannot be walked.
#[derive(Debug, thiserror::Error)]
pub enum ProgressError {
    /// The branch's reference cannot be read.
    #[error(transparent)]
    Ref(#[from] RefError),
    /// A block on it cannot be read.
    #[error("cannot read block {block} of the node's own branch, which says what events are in blocks")]
    Block {
        /// The block.
        block: BlockId,
        /// Why.
        source: Box<BlockError>,
    },
}

/// The number of the last event in the blocks of the branch of `key`; 0 if there is none.
pub(crate) fn last_event(objects: &GitObjects, key: KeyId) -> Result<u64, ProgressError> {
    match objects.head(&RefName::writer(key))? {
        Some(head) => last_event_up_to(objects, head, key),
        None => Ok(0),
    }
}

fn last_event_up_to(objects: &dyn Objects, head: BlockId, key: KeyId) -> Result<u64, ProgressError> {
    let (mut waiting, mut seen) = (BTreeSet::new(), HashSet::new());
    let mut found: Option<(Millis, u64)> = None;
    let mut next = Some(read(objects, head)?);
    while let Some(block) = next {
        if found.is_some_and(|(at, _)| block.at < at) {
            break;
        }
        if let (true, Some(events)) = (block.author == key, &block.events) {
            let before = found.map_or(0, |(_, last)| last);
            found = Some((block.at, before.max(*events.end())));
        }
        for parent in block.parents {
            if seen.insert(parent) {
                waiting.insert((read(objects, parent)?.at, parent));
            }
        }
        next = waiting.pop_last().map(|(_, block)| read(objects, block)).transpose()?;
    }
    Ok(found.map_or(0, |(_, last)| last))
}

fn read(objects: &dyn Objects, block: BlockId) -> Result<Block, ProgressError> {
    Block::read(objects, block).map_err(|source| ProgressError::Block { block, source: Box::new(source) })
}
