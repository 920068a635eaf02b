//! New heads on their way into main: stored, and merged at once where one validator suffices.

use crate::{Depot, Effect, Now, Replica, ReplicaError, write::Draftsheet};
use ledger::{Block, Layered, Meta, NewBlock, NewObjects};
use model::{BlockId, RefName};
use std::collections::BTreeSet;

impl<D: Depot> Replica<D> {
    /// Whether this box alone makes blocks of main final: it has more than two thirds of the weight.
    pub fn is_alone(&self) -> bool {
        let all: u128 = self.validators.values().map(|weight| u128::from(*weight)).sum();
        let own = self.validators.get(&self.key_id()).copied().unwrap_or(0);
        u128::from(own) * 3 > all * 2
    }

    /// Stores drafted blocks and moves their writers' references, and merges them if that can be done at once.
    pub(crate) fn settle(&mut self, mut sheet: Draftsheet, now: Now) -> Result<(), ReplicaError> {
        let branch = &self.options.branch;
        let to_ref = |(writer, head): &(_, BlockId)| (RefName::Writer(*writer, branch.clone()), *head);
        let mut moves: Vec<_> = sheet.heads.iter().map(to_ref).collect();
        let merge = if self.is_alone() { self.merge_now(&sheet, now)? } else { None };
        if let Some(merge) = &merge {
            moves.push((RefName::Head(branch.clone()), merge.id));
            sheet.new.extend(merge.objects.clone());
        }
        self.depot.commit(&sheet.new, &moves)?;
        for (_, head) in &sheet.heads {
            let block = Block::read(self.depot.objects(), *head)?;
            self.lines.set(&block, now.elapsed);
        }
        match merge {
            Some(merge) => self.moved(&Block::read(self.depot.objects(), merge.id)?),
            None => Ok(self.effects.push_back(Effect::Tentative)),
        }
    }

    /// The merge block of drafted heads and of whatever else waits. A drafted head that is left out is an error.
    fn merge_now(&self, sheet: &Draftsheet, now: Now) -> Result<Option<NewBlock>, ReplicaError> {
        let drafted: BTreeSet<BlockId> = sheet.heads.iter().map(|(_, head)| *head).collect();
        let replaced: BTreeSet<BlockId> =
            sheet.heads.iter().filter_map(|(writer, _)| self.head_of(writer)).collect();
        let others = self.lines.waiting().map(|head| head.block).filter(|head| !replaced.contains(head));
        let heads: Vec<BlockId> = drafted.iter().copied().chain(others).collect();
        self.merge_heads(&sheet.new, &heads, &drafted, now)
    }

    fn merge_heads(
        &self,
        new: &NewObjects,
        heads: &[BlockId],
        wanted: &BTreeSet<BlockId>,
        now: Now,
    ) -> Result<Option<NewBlock>, ReplicaError> {
        let objects = Layered { new, base: self.depot.objects() };
        let subject = merge_subject(&objects, heads, &self.options.branch)?;
        let meta = Meta { author: self.key_id(), at: now.clock, subject, dapp: None };
        let merged = ledger::merge_block(&objects, self.main.block, heads, meta)?;
        if let Some((block, reason)) = merged.left_out.into_iter().find(|(head, _)| wanted.contains(head)) {
            return Err(ReplicaError::LeftOut { block, reason: Box::new(reason) });
        }
        Ok(merged.draft.map(|draft| draft.sign(&self.options.key)).transpose()?)
    }

    /// Does what is due by now: merges heads that waited long enough.
    pub fn tick(&mut self, now: Now) -> Result<(), ReplicaError> {
        if self.is_alone() && self.wake_at().is_some_and(|at| at <= now.elapsed) {
            self.merge_waiting(now)?;
        }
        Ok(())
    }

    /// When [`Replica::tick`] has something to do, in time elapsed.
    pub fn wake_at(&self) -> Option<model::Millis> {
        let oldest = self.lines.waiting().map(|head| head.since).min()?;
        self.is_alone().then(|| model::Millis(oldest.0 + self.options.propose_after.0))
    }

    fn merge_waiting(&mut self, now: Now) -> Result<(), ReplicaError> {
        let heads: Vec<BlockId> = self.lines.waiting().map(|head| head.block).collect();
        let merge = self.merge_heads(&NewObjects::default(), &heads, &BTreeSet::new(), now)?;
        let Some(merge) = merge else { return Ok(()) };
        self.depot.commit(&merge.objects, &[(RefName::Head(self.options.branch.clone()), merge.id)])?;
        self.moved(&Block::read(self.depot.objects(), merge.id)?)
    }
}

/// The most names in a merge block's subject.
const NAMES_MAX: usize = 3;

fn merge_subject(
    objects: &dyn ledger::Objects,
    heads: &[BlockId],
    branch: &model::Name,
) -> Result<String, ReplicaError> {
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
    Ok(format!("Merge {} into {branch}", shown.join(" and ")))
}
