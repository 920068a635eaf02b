//! A proposal: somebody's new blocks, kept in memory until every one of them has passed the rules.

use super::{Core, CoreError};
use crate::wire::Merged;
use ledger::{Block, BlockKind, Entry, Folder, Layered, NewObjects, Objects, check_block};
use model::{BlockId, ObjectId};
use std::collections::BTreeSet;

/// The most new blocks of one proposal.
const BLOCKS_MAX: usize = 1000;

impl Core {
    /// Checks a writer's new blocks and merges their head into main; events that wait go along. Objects that no
    /// new block reaches are dropped.
    pub fn propose(&mut self, head: BlockId, objects: NewObjects) -> Result<Merged, CoreError> {
        let blocks = self.new_blocks(head, &objects)?;
        let layered = Layered { new: &objects, base: &self.objects };
        for block in &blocks {
            check_block(&layered, block)
                .map_err(|fault| CoreError::Faulty { block: block.id, fault: Box::new(fault) })?;
        }
        let mut new = reached(&objects, &blocks)?;
        let events = self.event_blocks(&mut new)?;
        let heads: Vec<BlockId> = events.map(|(block, _)| block).into_iter().chain([head]).collect();
        self.merge(new, &heads, events.map(|(_, last)| last))
    }

    /// The blocks of the proposal that the store does not have, oldest first.
    fn new_blocks(&self, head: BlockId, objects: &NewObjects) -> Result<Vec<Block>, CoreError> {
        let layered = Layered { new: objects, base: &self.objects };
        let mut blocks = Vec::new();
        let mut next = Some(head);
        while let Some(id) = next.filter(|id| !self.objects.contains(&(*id).into())) {
            let block = Block::read(&layered, id)?;
            if matches!(block.kind, BlockKind::Genesis | BlockKind::Merge) {
                return Err(CoreError::NotAWriters(id));
            }
            next = block.own();
            blocks.push(block);
            if blocks.len() > BLOCKS_MAX {
                return Err(CoreError::TooManyBlocks(BLOCKS_MAX));
            }
        }
        blocks.reverse();
        Ok(blocks)
    }
}

/// Of the objects that were sent, those that the new blocks reach.
fn reached(sent: &NewObjects, blocks: &[Block]) -> Result<NewObjects, CoreError> {
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
) -> Result<(), CoreError> {
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
