//! Verification of a whole ledger: every block from a head of a branch to the genesis, each once.
//!
//! The walk goes from new to old along the branch and takes up each writer's line where the branch merged it: of a line
//! it remembers the one block that must come next. Where a line leads to another branch, as a join does and a writer
//! who changed branches, that branch is walked too, down to where it left what was walked. Memory grows with the
//! number of writers, and by an id for each block of a branch. A writer whose blocks are not one line is found as such,
//! unless the merge that took in the second line revoked the key.
//!
//! A *checkpoint* is a block that is believed, its number having come by a safe way (with the image of a new box). It
//! stands for all that lies below it: of that only the ids are checked, so whoever holds old keys cannot offer
//! another past, and a new box need not know the rules of old.

use crate::{
    block::{Block, BlockError},
    certified::check_final,
    check::{BlockFault, check_signed},
    finality::Certificate,
    integrate::Reason,
    merge_check::Lines,
    object::Objects,
    pinned,
    state::State,
    trailers::BlockKind,
    writers::Writers,
};
use model::{BlockId, Name, OrgId};
use std::collections::{BTreeSet, HashSet};

/// What was verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// The organisation.
    pub org: OrgId,
    /// The head's height on its branch.
    pub height: u64,
    /// How many blocks.
    pub blocks: u64,
    /// How many events in them.
    pub events: u64,
    /// Whether the head is final by its author's weight, or needs none. Else a certificate of its own must show it
    /// ([`check_final`]); every block of the branch below it is final.
    pub is_final: bool,
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

/// Verifies every block from a head of a branch to the genesis. `progress` hears how many blocks are done.
pub fn verify(
    objects: &dyn Objects,
    head: BlockId,
    progress: &mut dyn FnMut(u64),
) -> Result<Report, VerifyError> {
    walk(objects, head, None, progress)
}

/// Verifies every block that is newer than a checkpoint, which the head must contain; below it the ids alone, and
/// the whole state of the checkpoint.
pub fn verify_from(
    objects: &dyn Objects,
    checkpoint: BlockId,
    head: BlockId,
    progress: &mut dyn FnMut(u64),
) -> Result<Report, VerifyError> {
    walk(objects, head, Some(checkpoint), progress)
}

/// Whether the certificate that is kept beside the store shows that a verified head is final.
pub fn verify_head(
    objects: &dyn Objects,
    head: BlockId,
    certificate: Option<&Certificate>,
) -> Result<(), VerifyError> {
    let block = read(objects, head)?;
    check_final(objects, &block, certificate).map_err(|found| fault(head, found.into()))
}

fn walk(
    objects: &dyn Objects,
    head: BlockId,
    checkpoint: Option<BlockId>,
    progress: &mut dyn FnMut(u64),
) -> Result<Report, VerifyError> {
    let top = read(objects, head)?;
    let is_final = check_final(objects, &top, None).is_ok();
    let report = Report { org: top.org, height: top.height.unwrap_or(0), blocks: 0, events: 0, is_final };
    let segment = top.branch.clone();
    let (known, met, seen) = (BTreeSet::new(), BTreeSet::new(), HashSet::new());
    let mut walk = Walk { objects, known, met, segment, seen, report, progress };
    if let Some(checkpoint) = checkpoint {
        pinned::check(objects, checkpoint, &mut walk.known)?;
    }
    let stop = walk.branch(top)?;
    if let Some(block) = checkpoint.filter(|_| stop != checkpoint) {
        return Err(fault(head, BlockFault::NotAbove { checkpoint: block }));
    }
    // Blocks of other branches, met on writers' lines; each is a branch to walk down to what is known.
    while let Some(id) = walk.met.pop_last() {
        if !walk.known.contains(&id) {
            walk.branch(read(objects, id)?)?;
        }
    }
    Ok(walk.report)
}

pub(crate) fn fault(block: BlockId, fault: BlockFault) -> VerifyError {
    VerifyError { block, fault: Box::new(fault) }
}

pub(crate) fn read(objects: &dyn Objects, id: BlockId) -> Result<Block, VerifyError> {
    Block::read(objects, id).map_err(|error| fault(id, error.into()))
}

struct Walk<'a> {
    objects: &'a dyn Objects,
    /// The blocks of branches that need not be walked any more.
    known: BTreeSet<BlockId>,
    /// Blocks of branches on which writers' blocks build, and that are not known yet.
    met: BTreeSet<BlockId>,
    /// The branch of the blocks that are walked just now.
    segment: Name,
    /// Writers' blocks that were checked and may be met again from another branch.
    seen: HashSet<BlockId>,
    report: Report,
    progress: &'a mut dyn FnMut(u64),
}

impl Walk<'_> {
    /// Walks a branch down to what is known, and gives that block; or to the genesis.
    fn branch(&mut self, top: Block) -> Result<Option<BlockId>, VerifyError> {
        let mut writers = Writers::default();
        let mut next = Some(top);
        let mut stop = None;
        while let Some(block) = next {
            if !block.kind.is_of_branch() {
                return Err(fault(block.id, BlockFault::NotOnMain { parent: block.id }));
            }
            if !self.known.insert(block.id) {
                stop = Some(block);
                break;
            }
            self.check(&block)?;
            self.segment = block.branch.clone();
            // Of two heads by one writer the later was taken in after the other.
            for head in block.heads().iter().rev() {
                self.head(&mut writers, &block, *head)?;
            }
            next = block.main().map(|main| read(self.objects, main)).transpose()?;
        }
        self.finish(writers, stop.as_ref())?;
        Ok(stop.map(|stop| stop.id))
    }

    fn check(&mut self, block: &Block) -> Result<(), VerifyError> {
        check_signed(self.objects, block, Lines::Trusted).map_err(|found| fault(block.id, found))?;
        self.report.blocks += 1;
        if let (BlockKind::Events, Some(events)) = (block.kind, &block.events) {
            self.report.events += events.end() - events.start() + 1;
        }
        (self.progress)(self.report.blocks);
        Ok(())
    }

    /// A head that `merge` took in: its writer's line must lead to it.
    fn head(&mut self, writers: &mut Writers, merge: &Block, id: BlockId) -> Result<(), VerifyError> {
        let head = read(self.objects, id)?;
        while let Some(next) = writers.above(&head) {
            self.step(writers, &read(self.objects, next)?)?;
        }
        for other in writers.reach(&head, merge.id) {
            // Two lines of one writer: the merge that took in the later one revoked the key.
            let key = State::at(self.objects, other).and_then(|state| state.key(&head.author));
            let key = key.map_err(|error| fault(other, error.into()))?;
            if key.is_none_or(|key| key.revoked.is_none()) {
                let reason = Box::new(Reason::SecondLine);
                return Err(fault(other, BlockFault::Head { head: id, reason }));
            }
        }
        self.step(writers, &head)
    }

    /// Checks a writer's block and remembers the one before it.
    fn step(&mut self, writers: &mut Writers, block: &Block) -> Result<(), VerifyError> {
        if !self.seen.contains(&block.id) {
            self.check(block)?;
        }
        if block.branch != self.segment {
            self.seen.insert(block.id);
        }
        let grounds = block.main().into_iter().chain(block.joins);
        self.met.extend(grounds.filter(|ground| !self.known.contains(ground)));
        writers.step(block);
        Ok(())
    }

    /// Checks what lies below the oldest blocks that the branch merged, as far as the known part does not have it.
    fn finish(&mut self, mut writers: Writers, stop: Option<&Block>) -> Result<(), VerifyError> {
        let top = BlockId::new(*self.report.org.as_bytes());
        let wrong = |error: BlockError| fault(stop.map_or(top, |stop| stop.id), error.into());
        let mut below = writers.below(self.objects, stop).map_err(wrong)?;
        while let Some(id) = writers.any() {
            let block = read(self.objects, id)?;
            if below.has(self.objects, &block).map_err(|error| fault(id, error.into()))? {
                writers.drop(&block);
            } else {
                self.step(&mut writers, &block)?;
            }
        }
        Ok(())
    }
}
