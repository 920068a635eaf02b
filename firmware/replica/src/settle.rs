//! Blocks that were written here on their way into main: stored, and merged at once where one validator suffices.

use crate::{
    Depot, Now, Replica, ReplicaError,
    lines::{Place, reference},
    write::Draftsheet,
};
use ledger::{Block, Layered, Making, Merged, Step};
use model::{BlockId, RefName};
use std::collections::BTreeSet;

/// References to move, and the blocks that they move to.
type Moves = (Vec<(RefName, BlockId)>, Vec<Block>);

/// What came of merging at once.
enum AtOnce {
    /// The merge, made.
    Merged(Box<Merged>),
    /// Judges have to be asked first.
    Judges(Box<Making>),
}

impl<D: Depot> Replica<D> {
    /// Stores drafted blocks with their writers' references, in one commit with the merge block if that can be made at once.
    pub(crate) fn settle(&mut self, mut sheet: Draftsheet, now: Now) -> Result<(), ReplicaError> {
        let (moves, blocks) = self.places_of(&sheet)?;
        let ours = blocks.iter().any(|block| block.branch == self.options.branch);
        let at_once = if ours && self.is_alone() && !self.work.is_making() {
            Some(self.merge_at_once(&sheet, &blocks, now)?)
        } else {
            None
        };
        match at_once {
            Some(AtOnce::Merged(merged)) => {
                if let Some(draft) = merged.draft {
                    let block = self.sign(draft)?;
                    sheet.new.extend(block.objects);
                    return self.finish(sheet.new, moves, block.id, now, &blocks);
                }
                self.keep(&sheet, &moves, &blocks, now)
            }
            Some(AtOnce::Judges(making)) => {
                self.keep(&sheet, &moves, &blocks, now)?;
                self.make(*making, now)
            }
            None => self.keep(&sheet, &moves, &blocks, now),
        }
    }

    /// Where the drafted blocks belong; the newest of each writer.
    fn places_of(&self, sheet: &Draftsheet) -> Result<Moves, ReplicaError> {
        let objects = Layered { new: &sheet.new, base: self.depot.objects() };
        let (mut moves, mut blocks) = (Vec::new(), Vec::new());
        for (writer, head) in &sheet.heads {
            let block = Block::read(&objects, *head)?;
            let place = self.lines.place(&objects, &block)?;
            if let Place::Second(_) | Place::Beyond = place {
                return Err(ReplicaError::SecondLine { key: *writer, block: *head });
            }
            moves.extend(reference(&block, place).map(|name| (name, *head)));
            blocks.push(block);
        }
        Ok((moves, blocks))
    }

    fn keep(
        &mut self,
        sheet: &Draftsheet,
        moves: &[(RefName, BlockId)],
        blocks: &[Block],
        now: Now,
    ) -> Result<(), ReplicaError> {
        self.depot.commit(&sheet.new, moves)?;
        self.set_all(blocks, now)?;
        self.heads_changed();
        Ok(())
    }

    /// Takes note of blocks that were written here and are stored.
    pub(crate) fn set_all(&mut self, blocks: &[Block], now: Now) -> Result<(), ReplicaError> {
        for block in blocks {
            let objects = self.depot.objects();
            let (place, fits) = (self.lines.place(objects, block)?, self.trunk.fits(objects, block)?);
            self.lines.set(objects, block, place, fits, now.elapsed)?;
        }
        Ok(())
    }

    /// Merges drafted heads and whatever else waits. A drafted head that is left out is an error.
    fn merge_at_once(&self, sheet: &Draftsheet, blocks: &[Block], now: Now) -> Result<AtOnce, ReplicaError> {
        let ours = |block: &&Block| block.branch == self.options.branch;
        let drafted: BTreeSet<BlockId> = blocks.iter().filter(ours).map(|block| block.id).collect();
        let writers = blocks.iter().filter(ours).map(|block| &block.author);
        let replaced: BTreeSet<BlockId> =
            writers.filter_map(|writer| self.lines.head(writer)).map(|head| head.block).collect();
        let others = self.lines.waiting().map(|head| head.block).filter(|head| !replaced.contains(head));
        let heads: Vec<BlockId> = drafted.iter().copied().chain(others).collect();
        let objects = Layered { new: &sheet.new, base: self.depot.objects() };
        let meta = self.merge_meta(&objects, &heads, now)?;
        let mut making = Making::begin(&objects, self.main.block, &heads, meta)?;
        let merged = match making.step(&objects)? {
            Step::Done(merged) => merged,
            Step::Judge(_) => return Ok(AtOnce::Judges(Box::new(making))),
        };
        match merged.left_out.iter().position(|(head, _)| drafted.contains(head)) {
            None => Ok(AtOnce::Merged(Box::new(merged))),
            Some(place) => {
                let (block, reason) =
                    merged.left_out.into_iter().nth(place).expect("because it was found there");
                Err(ReplicaError::LeftOut { block, reason: Box::new(reason) })
            }
        }
    }
}
