//! A merge block repeated: found on main by its height, made again, its judges asked again.
//!
//! Nothing but the ledger and the judges' images is needed, so any box comes to the same, years later too.

use ledger::{Block, BlockError, BlockFault, Checking, JudgeTask, Objects, Outcome, Step};
use model::{BlockId, Name, ObjectId};
use serde::{Deserialize, Serialize};

/// What a repetition found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replayed {
    /// The block's height on main.
    pub height: u64,
    /// The block.
    pub block: BlockId,
    /// How many heads it merged.
    pub heads: usize,
    /// How many heads it left out, or their documents.
    pub left_out: usize,
    /// The verdicts in the block, each found again.
    pub verdicts: Vec<ReplayedVerdict>,
    /// What is not as the block says; none if all is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// A verdict of a merge block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayedVerdict {
    /// Whose judge.
    pub dapp: Name,
    /// The verdict's id.
    pub verdict: ObjectId,
}

/// A block that cannot be repeated.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// Main does not reach so high.
    #[error("there is no block at height {height}: main ends at {newest}")]
    NoHeight {
        /// What was asked for.
        height: u64,
        /// What there is.
        newest: u64,
    },
    /// Main cannot be read.
    #[error(transparent)]
    Block(#[from] BlockError),
    /// The store failed.
    #[error(transparent)]
    Store(Box<BlockFault>),
}

/// Repeats the block of main at a height, from the ledger alone.
pub fn replay(
    objects: &dyn Objects,
    main: BlockId,
    height: u64,
    ask: &mut dyn FnMut(&JudgeTask) -> Outcome,
) -> Result<Replayed, ReplayError> {
    let block = at_height(objects, main, height)?;
    let line = |line: &ledger::VerdictLine| ReplayedVerdict {
        dapp: line.dapp.clone(),
        verdict: ObjectId::new(line.verdict),
    };
    let fault = match repeat(objects, &block, ask) {
        Ok(()) => None,
        Err(fault) if fault.is_store_failure() => return Err(ReplayError::Store(fault)),
        Err(fault) => Some(fault.to_string()),
    };
    Ok(Replayed {
        height,
        block: block.id,
        heads: block.heads().len(),
        left_out: block.left_out.len(),
        verdicts: block.verdicts.iter().map(line).collect(),
        fault,
    })
}

fn repeat(
    objects: &dyn Objects,
    block: &Block,
    ask: &mut dyn FnMut(&JudgeTask) -> Outcome,
) -> Result<(), Box<BlockFault>> {
    let mut checking = Checking::begin(objects, block)?;
    loop {
        match checking.step()? {
            Step::Done(()) => return Ok(()),
            Step::Judge(tasks) => tasks.iter().for_each(|task| checking.answer(task.id(), ask(task))),
        }
    }
}

fn at_height(objects: &dyn Objects, main: BlockId, height: u64) -> Result<Block, ReplayError> {
    let mut block = Block::read(objects, main)?;
    let newest = block.height.unwrap_or(0);
    while let (true, Some(before)) = (block.height > Some(height), block.main()) {
        block = Block::read(objects, before)?;
    }
    if block.height == Some(height) { Ok(block) } else { Err(ReplayError::NoHeight { height, newest }) }
}
