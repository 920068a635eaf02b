//! What the branch that is followed shares with the one that it left: the blocks below its fork.
//!
//! Work that waited on the old branch when the new one began, on a block that both have, goes into the new one too. What is
//! written for the old branch later is that branch's. Which blocks both have is read once, going down, as far as somebody
//! asks. Main began with the genesis and shares nothing.

use crate::{Depot, ReplicaError, depot::DepotError};
use ledger::{Block, BlockError, BlockKind, MAIN, Objects};
use model::{BlockId, Millis, Name};
use std::collections::HashSet;

/// The blocks below a fork, as far as they were read.
#[derive(Debug, Default)]
pub(crate) struct Trunk {
    branch: Option<Name>,
    /// When it began.
    began: Millis,
    below: HashSet<BlockId>,
    /// The next one to read.
    next: Option<BlockId>,
    /// Every block from this height on was read.
    down_to: u64,
}

/// The note with the block that began a branch, so that nobody need walk down to it at every start.
fn note(branch: &Name) -> String {
    format!("fork.{branch}")
}

impl Trunk {
    /// Looks for the fork with which the branch of `head` begins.
    pub(crate) fn open(depot: &mut impl Depot, head: &Block) -> Result<Self, ReplicaError> {
        let branch = head.branch.clone();
        if branch.as_str() == MAIN {
            return Ok(Self { branch: Some(branch), ..Self::default() });
        }
        let fork = match noted(depot, &branch)? {
            Some(fork) => fork,
            None => {
                let fork = began(depot.objects(), head)?;
                depot.keep_note(&note(&branch), fork.id.to_string().as_bytes())?;
                fork
            }
        };
        let (next, down_to) = (fork.main(), fork.height.unwrap_or(0));
        Ok(Self { branch: Some(branch), began: fork.at, below: HashSet::new(), next, down_to })
    }

    /// Whether the branch could take in a writer's block: it is written for it, or waited when it began.
    pub(crate) fn fits(&mut self, objects: &dyn Objects, block: &Block) -> Result<bool, BlockError> {
        if self.branch.as_ref() == Some(&block.branch) {
            return Ok(true);
        }
        match block.main() {
            Some(ground) if block.kind != BlockKind::Join && block.at <= self.began => {
                self.has(objects, ground)
            }
            _ => Ok(false),
        }
    }

    fn has(&mut self, objects: &dyn Objects, ground: BlockId) -> Result<bool, BlockError> {
        let height = Block::read(objects, ground)?.height.unwrap_or(0);
        while self.down_to > height
            && let Some(next) = self.next
        {
            let block = Block::read(objects, next)?;
            self.below.insert(next);
            (self.next, self.down_to) = (block.main(), block.height.unwrap_or(0));
        }
        Ok(self.below.contains(&ground))
    }
}

fn noted(depot: &impl Depot, branch: &Name) -> Result<Option<Block>, DepotError> {
    let note = depot.note(&note(branch))?;
    let id = note.and_then(|note| std::str::from_utf8(&note).ok()?.parse::<BlockId>().ok());
    let block = id.and_then(|id| Block::read(depot.objects(), id).ok());
    Ok(block.filter(|block| block.kind == BlockKind::Fork && block.branch == *branch))
}

/// The block with which the branch of a block begins.
fn began(objects: &dyn Objects, head: &Block) -> Result<Block, BlockError> {
    let mut block = head.clone();
    while block.kind == BlockKind::Merge
        && let Some(main) = block.main()
    {
        block = Block::read(objects, main)?;
    }
    Ok(block)
}
