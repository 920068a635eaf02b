//! Merge blocks of others that are voted on: fetched, made again, judged again.

use crate::{Depot, Now, Replica, ReplicaError};
use ledger::{Block, BlockFault, Checking, Outcome, Step, TaskId};
use model::{BlockId, KeyId};
use std::collections::{BTreeMap, BTreeSet};

/// The most blocks of one height that are looked at; of honest proposers there is one for each round.
const BLOCKS_MAX: usize = 64;

/// Blocks of the next height that the vote asks about.
#[derive(Default)]
pub(crate) struct Validating {
    /// Not here yet.
    absent: BTreeSet<BlockId>,
    /// With judges that have not answered yet.
    judging: BTreeMap<BlockId, Checking>,
}

impl<D: Depot> Replica<D> {
    /// The vote asks about a block.
    pub(crate) fn validate(&mut self, block: BlockId, proposer: KeyId, now: Now) -> Result<(), ReplicaError> {
        if self.validating.absent.len() + self.validating.judging.len() >= BLOCKS_MAX {
            return Ok(());
        }
        if !self.has(block)? {
            self.validating.absent.insert(block);
            let objects = self.depot.objects();
            self.sync.want_block(block, Some(proposer), objects, now.elapsed);
            return Ok(());
        }
        self.check_proposed(block, now)
    }

    /// Blocks came and are stored; the vote may have waited for one of them.
    pub(crate) fn came(&mut self, block: BlockId, now: Now) -> Result<(), ReplicaError> {
        if self.validating.absent.remove(&block) { self.check_proposed(block, now) } else { Ok(()) }
    }

    fn check_proposed(&mut self, id: BlockId, now: Now) -> Result<(), ReplicaError> {
        let block = Block::read(self.depot.objects(), id)?;
        let next = Some(self.main.height.saturating_add(1));
        if block.main() != Some(self.main.block)
            || block.height != next
            || block.branch != self.options.branch
        {
            self.engine.validated(id, false, now.elapsed);
            return Ok(());
        }
        match Checking::begin(self.depot.objects(), &block) {
            Ok(mut checking) => {
                self.work.answers().for_each(|(task, outcome)| checking.answer(task, outcome));
                self.go_on_checking(id, checking, now)
            }
            Err(fault) => self.faulty(id, fault, now),
        }
    }

    fn go_on_checking(&mut self, id: BlockId, checking: Checking, now: Now) -> Result<(), ReplicaError> {
        match checking.step() {
            Ok(Step::Done(())) => self.engine.validated(id, true, now.elapsed),
            Ok(Step::Judge(tasks)) => {
                self.validating.judging.insert(id, checking);
                self.ask(tasks);
            }
            Err(fault) => return self.faulty(id, fault, now),
        }
        Ok(())
    }

    fn faulty(&mut self, id: BlockId, fault: BlockFault, now: Now) -> Result<(), ReplicaError> {
        if fault.is_store_failure() {
            return Err(ReplicaError::Faulty { block: id, fault: Box::new(fault) });
        }
        self.engine.validated(id, false, now.elapsed);
        Ok(())
    }

    /// A judge spoke about a block that is voted on.
    pub(crate) fn judged_block(
        &mut self,
        task: TaskId,
        outcome: &Outcome,
        now: Now,
    ) -> Result<(), ReplicaError> {
        for (id, mut checking) in std::mem::take(&mut self.validating.judging) {
            checking.answer(task, outcome.clone());
            self.go_on_checking(id, checking, now)?;
        }
        Ok(())
    }
}
