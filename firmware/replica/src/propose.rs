//! Merge blocks made here: at once where one validator suffices, else when it is this box's turn.

use crate::{Depot, Effect, Now, Replica, ReplicaError};
use ledger::{
    Block, Draft, JudgeTask, Making, Merged, Meta, NewBlock, NewObjects, Objects, Outcome, Step, TaskId,
};
use model::{BlockId, Millis, RefName};
use std::collections::{BTreeMap, BTreeSet};

/// The most heads of one merge block; the others wait for the next.
const HEADS_MAX: usize = 512;

/// What is being made for the next height.
#[derive(Default)]
pub(crate) struct Work {
    making: Option<Making>,
    /// The round for which the vote wants a proposal, while it has none.
    wanted: Option<u32>,
    /// Whether a merge of what waits was tried at this height without being wanted.
    tried: bool,
    /// Judges that were asked for this height, and what they said.
    asked: BTreeSet<TaskId>,
    answers: BTreeMap<TaskId, Outcome>,
}

impl Work {
    pub(crate) fn is_making(&self) -> bool {
        self.making.is_some()
    }

    /// What the judges have said so far.
    pub(crate) fn answers(&self) -> impl Iterator<Item = (TaskId, Outcome)> {
        self.answers.iter().map(|(task, outcome)| (*task, outcome.clone()))
    }
}

impl<D: Depot> Replica<D> {
    /// What a judge said, or why it said nothing.
    pub fn judged(&mut self, task: TaskId, outcome: Outcome, now: Now) -> Result<(), ReplicaError> {
        if !self.work.asked.contains(&task) {
            return Ok(());
        }
        self.work.answers.insert(task, outcome.clone());
        if let Some(making) = &mut self.work.making {
            making.answer(task, outcome.clone());
            self.go_on_making(now)?;
        }
        self.judged_block(task, &outcome, now)?;
        self.pump(now)
    }

    /// Has judges asked, each task once.
    pub(crate) fn ask(&mut self, tasks: Vec<JudgeTask>) {
        for task in tasks {
            if self.work.asked.insert(task.id()) {
                self.effects.push_back(Effect::Judge(task));
            }
        }
    }

    /// The vote wants a proposal of this box.
    pub(crate) fn want_proposal(&mut self, round: u32, now: Now) -> Result<(), ReplicaError> {
        self.work.wanted = Some(round);
        self.start_making(now)
    }

    /// Begins a merge of what waits, if none is being made.
    pub(crate) fn start_making(&mut self, now: Now) -> Result<(), ReplicaError> {
        if self.work.is_making() {
            return Ok(());
        }
        let heads: Vec<BlockId> = self.lines.offered().map(|head| head.block).take(HEADS_MAX).collect();
        if heads.is_empty() {
            return Ok(());
        }
        let meta = self.merge_meta(self.depot.objects(), &heads, now)?;
        self.make(Making::begin(self.depot.objects(), self.main.block, &heads, meta)?, now)
    }

    /// Goes on with a merge, with what judges have said before.
    pub(crate) fn make(&mut self, mut making: Making, now: Now) -> Result<(), ReplicaError> {
        for (task, outcome) in self.work.answers() {
            making.answer(task, outcome);
        }
        self.work.making = Some(making);
        self.go_on_making(now)
    }

    fn go_on_making(&mut self, now: Now) -> Result<(), ReplicaError> {
        let Some(mut making) = self.work.making.take() else { return Ok(()) };
        match making.step(self.depot.objects())? {
            Step::Judge(tasks) => {
                self.work.making = Some(making);
                self.ask(tasks);
                Ok(())
            }
            Step::Done(merged) => self.made(merged, now),
        }
    }

    /// A merge is made: it is final here and now, or proposed.
    fn made(&mut self, merged: Merged, now: Now) -> Result<(), ReplicaError> {
        let left_out: Vec<_> = merged.left_out.iter().map(|(head, why)| (*head, why.to_string())).collect();
        let draft = merged.draft.map_or_else(|| self.refusal(&left_out, now), |draft| Ok(Some(draft)))?;
        let Some(draft) = draft else {
            // Nothing of what waits can go in, and main says so: nothing waits any more.
            left_out.iter().for_each(|(head, why)| self.lines.leave_out(*head, why, true));
            return Ok(());
        };
        let block = self.sign(draft)?;
        if self.is_alone() {
            return self.finish(block.objects, Vec::new(), block.id, now, &[]);
        }
        if let Some(round) = self.work.wanted.take() {
            // The others fetch it, so it is stored before it is proposed.
            self.depot.commit(&block.objects, &[])?;
            self.engine.propose(round, block.id, now.elapsed);
        }
        Ok(())
    }

    /// A block that tells the writers of heads why those stay out, if main has not told them of all.
    fn refusal(&self, left_out: &[(BlockId, String)], now: Now) -> Result<Option<Draft>, ReplicaError> {
        let untold = |(head, _): &&(BlockId, String)| self.lines.merged.reason_of(*head).is_none();
        let untold: Vec<_> = left_out.iter().filter(untold).cloned().collect();
        if untold.is_empty() {
            return Ok(None);
        }
        let heads: Vec<BlockId> = untold.iter().map(|(head, _)| *head).collect();
        let objects = self.depot.objects();
        let subject = subject("Leave", objects, &heads, &format!("out of {}", self.options.branch))?;
        let meta = self.meta(subject, now);
        Ok(Some(ledger::refusal_block(objects, self.main.block, &untold, meta)?))
    }

    /// Signs a merge block, with the certificate of the block below it.
    pub(crate) fn sign(&self, draft: Draft) -> Result<NewBlock, ReplicaError> {
        let draft = match &self.certificate {
            Some(certificate) => draft.with_certificate(certificate),
            None => draft,
        };
        Ok(draft.sign(&self.options.key)?)
    }

    /// Stores a merge block that is final by this box's weight alone, with what else moves and what was written for it.
    pub(crate) fn finish(
        &mut self,
        new: NewObjects,
        mut moves: Vec<(RefName, BlockId)>,
        block: BlockId,
        now: Now,
        written: &[Block],
    ) -> Result<(), ReplicaError> {
        moves.push((RefName::Head(self.options.branch.clone()), block));
        self.depot.commit(&new, &moves)?;
        self.set_all(written, now)?;
        self.certificate = None;
        self.moved(&Block::read(self.depot.objects(), block)?, now)
    }

    pub(crate) fn merge_meta(
        &self,
        objects: &dyn Objects,
        heads: &[BlockId],
        now: Now,
    ) -> Result<Meta, ReplicaError> {
        let subject = subject("Merge", objects, heads, &format!("into {}", self.options.branch))?;
        Ok(self.meta(subject, now))
    }

    fn meta(&self, subject: String, now: Now) -> Meta {
        Meta { author: self.key_id(), at: now.clock, subject, dapp: None }
    }

    /// When something is to be done about what waits, in time elapsed.
    pub(crate) fn merge_due_at(&self) -> Option<Millis> {
        let has_a_say =
            self.is_alone() || self.validators.vote() && self.validators.weight(&self.key_id()) > 0;
        if self.work.is_making() || self.pending.decided.is_some() || !has_a_say {
            return None;
        }
        let oldest = self.lines.waiting().map(|head| head.since).min()?;
        let due = oldest.plus(self.options.propose_after.0);
        let voting = !self.is_alone() && self.engine.round().is_some() && self.work.wanted.is_none();
        match voting {
            false => Some(due),
            true if self.work.tried => None,
            true => Some(due.plus(TRIAL_AFTER_MS)),
        }
    }

    /// Merges what waits, or has it voted on. Where a vote goes on without a proposal for long, perhaps nothing of what
    /// waits here can go in: that is found out by trying.
    pub(crate) fn merge_if_due(&mut self, now: Now) -> Result<(), ReplicaError> {
        if self.merge_due_at().is_none_or(|at| at > now.elapsed) {
            return Ok(());
        }
        if self.is_alone() || self.work.wanted.is_some() {
            return self.start_making(now);
        }
        if self.engine.round().is_none() {
            self.engine.begin(now.elapsed);
            return Ok(());
        }
        self.work.tried = true;
        self.start_making(now)
    }
}

/// So long after a vote might have begun a box tries for itself whether there is anything to vote on.
const TRIAL_AFTER_MS: u64 = 15_000;

/// The most names in a merge block's subject.
const NAMES_MAX: usize = 3;

/// What people read: what is done, with the heads of whom, and where to.
fn subject(verb: &str, objects: &dyn Objects, heads: &[BlockId], to: &str) -> Result<String, ReplicaError> {
    let mut names = BTreeSet::new();
    for head in heads {
        names.insert(Block::read(objects, *head)?.author_name.to_string());
    }
    let more = names.len().saturating_sub(NAMES_MAX);
    let mut shown: Vec<String> = names.into_iter().take(NAMES_MAX).collect();
    match more {
        0 => {}
        1 => shown.push("1 other".into()),
        more => shown.push(format!("{more} others")),
    }
    Ok(format!("{verb} {} {to}", shown.join(" and ")))
}
