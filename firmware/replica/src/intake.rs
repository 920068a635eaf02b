//! Somebody's new blocks, kept in memory until every one of them has passed the rules.

use crate::ReplicaError;
use ledger::{Block, Entry, Folder, Layered, LoadError, NewObjects, Objects, check_block};
use model::{BlockId, KeyId, ObjectId};
use std::collections::BTreeSet;

/// The most new blocks of one proposal.
const BLOCKS_MAX: usize = 1000;

/// Checks a writer's new blocks up to a head. Gives the writer, and of the objects those that the blocks reach.
pub(crate) fn check(
    stored: &dyn Objects,
    head: BlockId,
    sent: &NewObjects,
) -> Result<(KeyId, NewObjects), ReplicaError> {
    let blocks = new_blocks(stored, head, sent)?;
    let layered = Layered { new: sent, base: stored };
    for block in &blocks {
        check_block(&layered, block)
            .map_err(|fault| ReplicaError::Faulty { block: block.id, fault: Box::new(fault) })?;
    }
    let writer = match blocks.last() {
        Some(newest) => newest.author,
        None => writer(Block::read(stored, head)?)?,
    };
    Ok((writer, reached(sent, &blocks)?))
}

fn writer(block: Block) -> Result<KeyId, ReplicaError> {
    if block.kind.is_of_branch() { Err(ReplicaError::NotAWriters(block.id)) } else { Ok(block.author) }
}

/// The blocks of the proposal that the store does not have, oldest first.
fn new_blocks(stored: &dyn Objects, head: BlockId, sent: &NewObjects) -> Result<Vec<Block>, ReplicaError> {
    let layered = Layered { new: sent, base: stored };
    let (mut blocks, mut next) = (Vec::new(), Some(head));
    while let Some(id) = next {
        if stored.read(&id.into()).map_err(LoadError::from)?.is_some() {
            break;
        }
        let block = Block::read(&layered, id)?;
        writer(block.clone())?;
        next = block.own();
        blocks.push(block);
        if blocks.len() > BLOCKS_MAX {
            return Err(ReplicaError::TooManyBlocks(BLOCKS_MAX));
        }
    }
    blocks.reverse();
    Ok(blocks)
}

/// Of the objects that were sent, those that the new blocks reach.
fn reached(sent: &NewObjects, blocks: &[Block]) -> Result<NewObjects, ReplicaError> {
    let (mut kept, mut seen) = (NewObjects::default(), BTreeSet::new());
    for block in blocks {
        keep(sent, &block.id.into(), &mut kept);
        keep_tree(sent, &block.tree, &mut kept, &mut seen)?;
    }
    Ok(kept)
}

fn keep_tree(
    sent: &NewObjects,
    id: &ObjectId,
    kept: &mut NewObjects,
    seen: &mut BTreeSet<ObjectId>,
) -> Result<(), ReplicaError> {
    if sent.get(id).is_none() || !seen.insert(*id) {
        return Ok(());
    }
    keep(sent, id, kept);
    for (_, entry) in Folder::load(sent as &dyn Objects, id)?.iter() {
        match entry {
            Entry::File(id) => keep(sent, &id, kept),
            Entry::Folder(id) => keep_tree(sent, &id, kept, seen)?,
        }
    }
    Ok(())
}

fn keep(sent: &NewObjects, id: &ObjectId, kept: &mut NewObjects) {
    if let Some(object) = sent.get(id) {
        kept.insert(object.kind, object.bytes.clone());
    }
}
