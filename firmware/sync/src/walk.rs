//! Which blocks somebody lacks, in an order in which they can be taken: none before what it builds on.
//!
//! The walk goes depth first from the blocks that are wanted, along first parents before others, and stops at what the
//! other side has. What lies below the blocks that it has is found out only as far back as the walk comes: a
//! block is never older than its parents, so it is enough to look at what is as young as the block in question.

use crate::links::Links;
use ledger::{Kind, Objects, ReadError};
use model::BlockId;
use std::collections::{BinaryHeap, HashSet};

/// So many blocks below those that the other side has are looked at; beyond, it may be sent what it has.
const MAX_PAINTED: usize = 200_000;

/// The links of a block that is here.
pub(crate) fn links(objects: &dyn Objects, id: &BlockId) -> Result<Option<Links>, ReadError> {
    let object = objects.read(&(*id).into())?.filter(|object| object.kind == Kind::Commit);
    Ok(object.and_then(|object| Links::parse(&object.bytes)))
}

/// The blocks of `want` and all before them that are not among `have` and before those, oldest first.
pub(crate) fn missing(
    objects: &dyn Objects,
    want: &[BlockId],
    have: &[BlockId],
) -> Result<Vec<BlockId>, ReadError> {
    let mut had = Had::new(objects, have)?;
    let mut seen = HashSet::new();
    let mut order = Vec::new();
    let mut stack: Vec<Step> = want.iter().rev().map(|id| Step::Enter(*id)).collect();
    while let Some(step) = stack.pop() {
        match step {
            Step::Leave(id) => order.push(id),
            Step::Enter(id) => {
                if !seen.insert(id) {
                    continue;
                }
                let Some(links) = links(objects, &id)? else { continue };
                if had.covers(id, links.at)? {
                    continue;
                }
                stack.push(Step::Leave(id));
                stack.extend(links.parents.iter().rev().map(|parent| Step::Enter(*parent)));
            }
        }
    }
    Ok(order)
}

enum Step {
    Enter(BlockId),
    Leave(BlockId),
}

/// What the other side has, as far back as anybody asked.
struct Had<'a> {
    objects: &'a dyn Objects,
    /// What is to be looked at next, the youngest first.
    queue: BinaryHeap<(u64, BlockId)>,
    painted: HashSet<BlockId>,
}

impl<'a> Had<'a> {
    fn new(objects: &'a dyn Objects, have: &[BlockId]) -> Result<Self, ReadError> {
        let mut had = Self { objects, queue: BinaryHeap::new(), painted: HashSet::new() };
        have.iter().try_for_each(|id| had.paint(*id))?;
        Ok(had)
    }

    /// Whether the other side has the block, which was made at `at`.
    fn covers(&mut self, id: BlockId, at: u64) -> Result<bool, ReadError> {
        while let Some((time, next)) = self.queue.peek().copied()
            && time >= at
            && !self.painted.contains(&id)
            && self.painted.len() < MAX_PAINTED
        {
            self.queue.pop();
            for parent in links(self.objects, &next)?.map(|links| links.parents).unwrap_or_default() {
                self.paint(parent)?;
            }
        }
        Ok(self.painted.contains(&id))
    }

    fn paint(&mut self, id: BlockId) -> Result<(), ReadError> {
        if self.painted.contains(&id) {
            return Ok(());
        }
        // A block that is not here is of no use: nothing that is here lies above it.
        if let Some(links) = links(self.objects, &id)? {
            self.painted.insert(id);
            self.queue.push((links.at, id));
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "walk_tests.rs"]
mod tests;
