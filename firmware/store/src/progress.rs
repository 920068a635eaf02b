//! How far a node's events are in blocks, read from the ledger itself.
//!
//! The node's own line holds all of them, on whatever branch it went on; the branches hold those of a key that the node
//! had before. The highest number counts. Nothing else is remembered, so nothing else can disagree after a crash.

use crate::{git::GitObjects, refs::RefError};
use ledger::{Owner, State, StateError};
use model::{BlockId, KeyId, RefName};

/// A branch that does not say which events it holds.
#[derive(Debug, thiserror::Error)]
pub enum ProgressError {
    /// The branch's reference cannot be read.
    #[error(transparent)]
    Ref(#[from] RefError),
    /// Its state cannot be read.
    #[error("cannot read which events are in blocks, at block {block}")]
    State {
        /// The branch's head.
        block: BlockId,
        /// Why.
        source: Box<StateError>,
    },
}

/// The number of the last event of the node with that key that is in a block; 0 if there is none.
pub(crate) fn last_event(objects: &GitObjects, key: KeyId) -> Result<u64, ProgressError> {
    let mut last = 0;
    for (branch, head) in objects.branches()? {
        for block in [Some(head), objects.head(&RefName::Writer(key, branch))?].into_iter().flatten() {
            let found = last_event_at(objects, block, key);
            last =
                last.max(found.map_err(|source| ProgressError::State { block, source: Box::new(source) })?);
        }
    }
    Ok(last)
}

fn last_event_at(objects: &GitObjects, block: BlockId, key: KeyId) -> Result<u64, StateError> {
    let state = State::at(objects, block)?;
    match state.key(&key)?.map(|key| key.owner) {
        Some(Owner::Node(node)) => ledger::last_event(objects, &state, &node),
        _ => Ok(0),
    }
}
