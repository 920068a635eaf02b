//! Verification of a whole ledger: every block from a head of main to the genesis, each once.
//!
//! The walk goes from new to old along main and takes up each writer's line where main merged it: of a line it
//! remembers the one block that must come next. So memory grows with the number of writers, not of blocks, and each
//! block is read a bounded number of times. A writer whose blocks on main are not one line is found as such.

use crate::{
    block::Block,
    check::{BlockFault, check_but_lines},
    integrate::Reason,
    object::Objects,
    trailers::BlockKind,
};
use model::{BlockId, KeyId, OrgId};
use std::collections::HashMap;

/// What was verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// The organisation.
    pub org: OrgId,
    /// The head's height on main.
    pub height: u64,
    /// How many blocks.
    pub blocks: u64,
    /// How many events in them.
    pub events: u64,
}

/// A ledger that does not keep the rules.
#[derive(Debug, thiserror::Error)]
#[error("block {block}: {fault}")]
pub struct VerifyError {
    /// The first faulty block that was met, from the head downwards.
    pub block: BlockId,
    /// What is wrong with it.
    pub fault: Box<BlockFault>,
}

/// Verifies every block from a head of main to the genesis. `progress` hears how many blocks are done.
pub fn verify(
    objects: &dyn Objects,
    head: BlockId,
    progress: &mut dyn FnMut(u64),
) -> Result<Report, VerifyError> {
    let top = read(objects, head)?;
    let report = Report { org: top.org, height: top.height.unwrap_or(0), blocks: 0, events: 0 };
    let mut walk = Walk { objects, lines: HashMap::new(), report, progress };
    let mut block = top;
    loop {
        if !block.kind.is_of_branch() {
            return Err(fault(block.id, BlockFault::NotOnMain { parent: block.id }));
        }
        walk.check(&block)?;
        for head in block.heads() {
            walk.head(&block, *head)?;
        }
        match block.main() {
            Some(main) => block = read(objects, main)?,
            None => break,
        }
    }
    walk.finish()?;
    Ok(walk.report)
}

fn fault(block: BlockId, fault: BlockFault) -> VerifyError {
    VerifyError { block, fault: Box::new(fault) }
}

fn read(objects: &dyn Objects, id: BlockId) -> Result<Block, VerifyError> {
    Block::read(objects, id).map_err(|error| fault(id, error.into()))
}

/// Where a writer's line goes on below the blocks that were checked: at its block before, or nowhere.
type Next = Option<BlockId>;

struct Walk<'a> {
    objects: &'a dyn Objects,
    lines: HashMap<KeyId, Next>,
    report: Report,
    progress: &'a mut dyn FnMut(u64),
}

impl Walk<'_> {
    fn check(&mut self, block: &Block) -> Result<(), VerifyError> {
        check_but_lines(self.objects, block).map_err(|found| fault(block.id, found))?;
        self.report.blocks += 1;
        if let (BlockKind::Events, Some(events)) = (block.kind, &block.events) {
            self.report.events += events.end() - events.start() + 1;
        }
        (self.progress)(self.report.blocks);
        Ok(())
    }

    /// A head that `merge` took in: its writer's line must lead to it.
    fn head(&mut self, merge: &Block, id: BlockId) -> Result<(), VerifyError> {
        let head = read(self.objects, id)?;
        let second = || {
            let reason = Box::new(Reason::SecondLine);
            fault(merge.id, BlockFault::Head { head: id, reason })
        };
        if let Some(next) = self.lines.get(&head.author) {
            let mut next = read(self.objects, next.ok_or_else(second)?)?;
            while next.sequence > head.sequence {
                next = read(self.objects, self.step(&next)?.ok_or_else(second)?)?;
            }
            if next.id != head.id {
                return Err(second());
            }
        }
        self.step(&head).map(drop)
    }

    /// Checks a writer's block and remembers the one before it.
    fn step(&mut self, block: &Block) -> Result<Next, VerifyError> {
        self.check(block)?;
        self.lines.insert(block.author, block.own());
        Ok(block.own())
    }

    /// Checks what lies below the oldest blocks that main merged.
    fn finish(&mut self) -> Result<(), VerifyError> {
        let mut rest: Vec<BlockId> = self.lines.values().copied().flatten().collect();
        rest.sort();
        for id in rest {
            let mut next = Some(id);
            while let Some(id) = next {
                next = self.step(&read(self.objects, id)?)?;
            }
        }
        Ok(())
    }
}
