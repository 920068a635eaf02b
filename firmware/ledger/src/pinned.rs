//! What lies below a checkpoint: believed, as far as the bytes are those of their ids.
//!
//! An id binds everything below it, so it is enough that each block and each file is what its id says. All blocks are
//! read, and the whole state of the checkpoint; older states are bound as well but not read.

use crate::{
    block::Block,
    fault::BlockFault,
    object::{Kind, LoadError, Object, Objects, load},
    state::StateError,
    tree::{Folder, TreeError},
    verify::{VerifyError, fault},
};
use model::{BlockId, ObjectId};
use std::collections::{BTreeSet, HashSet};

/// Checks the ids below a checkpoint and collects the blocks of branches among them.
pub(crate) fn check(
    objects: &dyn Objects,
    checkpoint: BlockId,
    known: &mut BTreeSet<BlockId>,
) -> Result<(), VerifyError> {
    let mut seen = HashSet::from([checkpoint]);
    let mut next = vec![checkpoint];
    while let Some(id) = next.pop() {
        let block = block(objects, id).map_err(|found| fault(id, found))?;
        if id == checkpoint {
            tree(objects, &block.tree).map_err(|error| fault(id, error.into()))?;
        }
        if block.kind.is_of_branch() {
            known.insert(id);
        }
        next.extend(block.parents.iter().filter(|parent| seen.insert(**parent)));
    }
    Ok(())
}

fn block(objects: &dyn Objects, id: BlockId) -> Result<Block, BlockFault> {
    let bytes = exact(objects, &id.into(), Kind::Commit).map_err(StateError::from)?;
    Ok(Block::parse(&bytes)?)
}

/// An object whose bytes have the id.
fn exact(objects: &dyn Objects, id: &ObjectId, kind: Kind) -> Result<Vec<u8>, LoadError> {
    let object = Object { kind, bytes: load(objects, id, kind)? };
    let what = match kind {
        Kind::Blob => "file",
        Kind::Tree => "folder",
        Kind::Commit => "block",
    };
    if object.id() == *id { Ok(object.bytes) } else { Err(LoadError::Damaged { kind: what, id: *id }) }
}

fn tree(objects: &dyn Objects, root: &ObjectId) -> Result<(), TreeError> {
    let mut seen = HashSet::from([*root]);
    let mut next = vec![*root];
    while let Some(id) = next.pop() {
        let folder = Folder::parse(&exact(objects, &id, Kind::Tree)?)?;
        for (_, entry) in folder.iter().filter(|(_, entry)| seen.insert(entry.id())) {
            if entry.is_folder() {
                next.push(entry.id());
            } else {
                exact(objects, &entry.id(), Kind::Blob)?;
            }
        }
    }
    Ok(())
}
