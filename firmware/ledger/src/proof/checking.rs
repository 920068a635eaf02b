//! Checking a merge block by making it again and asking its judges again.

use super::{
    JudgeTask, Outcome, Step, TaskId, Verdict,
    assemble::Known,
    force::required,
    input::{self, Occasion},
};
use crate::{
    block::Block,
    check::{BlockFault, check_block},
    diff::diff,
    object::Objects,
};
use model::Name;

/// A block that is being checked with its judges. Of any block but a merge it is [`check_block`] and no more.
pub struct Checking {
    /// What each judge is asked, and the verdict that the block carries for it.
    cases: Vec<(JudgeTask, [u8; 32])>,
    known: Known,
}

impl Checking {
    /// Checks everything but the verdicts, the merge made again included.
    pub fn begin(objects: &dyn Objects, block: &Block) -> Result<Self, BlockFault> {
        check_block(objects, block)?;
        let cases = if block.heads().is_empty() { Vec::new() } else { cases(objects, block)? };
        Ok(Self { cases, known: Known::new() })
    }

    /// What to ask, or that the block is as good as it says. A judge that does not pass, or a verdict that is
    /// another than the one in the block, is a fault.
    pub fn step(&self) -> Result<Step<()>, BlockFault> {
        let mut wanted = Vec::new();
        for (task, said) in &self.cases {
            match self.known.get(&task.id()) {
                None => wanted.push(task.clone()),
                Some(outcome) => compare(task, outcome, said)?,
            }
        }
        Ok(if wanted.is_empty() { Step::Done(()) } else { Step::Judge(wanted) })
    }

    /// Takes what a judge said; of two answers to one task the first counts.
    pub fn answer(&mut self, task: TaskId, outcome: Outcome) {
        self.known.entry(task).or_insert(outcome);
    }

    /// The dapps whose judges the block needed.
    pub fn judges(&self) -> impl Iterator<Item = &Name> {
        self.cases.iter().map(|(task, _)| &task.dapp)
    }
}

fn compare(task: &JudgeTask, outcome: &Outcome, said: &[u8; 32]) -> Result<(), BlockFault> {
    let dapp = task.dapp.clone();
    if !outcome.is_pass() {
        return Err(BlockFault::Judged { dapp, outcome: outcome.clone() });
    }
    let verdict = Verdict { task: task.id(), outcome: outcome.clone() };
    if verdict.id() == *said { Ok(()) } else { Err(BlockFault::OtherVerdict { dapp }) }
}

/// The tasks that the merge needs; `check_block` has seen that the block has a verdict for each and no other.
fn cases(objects: &dyn Objects, block: &Block) -> Result<Vec<(JudgeTask, [u8; 32])>, BlockFault> {
    let main = Block::read(objects, block.parents[0])?;
    let occasion = Occasion::of(&main, block.at);
    let changes = diff(objects, Some(&main.tree), Some(&block.tree))?;
    let judges = required(objects, &main.tree, &block.tree)?;
    let mut cases = Vec::new();
    for (judge, said) in judges.iter().zip(&block.verdicts) {
        match input::task(objects, &occasion, judge, &block.tree, &changes)? {
            Ok(task) => cases.push((task, said.verdict)),
            Err(broken) => {
                let (dapp, outcome) = (judge.dapp.clone(), Outcome::Broken(broken));
                return Err(BlockFault::Judged { dapp, outcome });
            }
        }
    }
    Ok(cases)
}
