//! The writers' lines during a verification: of each the block that comes next, going down.

use crate::{
    block::{Block, BlockError},
    line::Main,
    object::Objects,
};
use model::{BlockId, KeyId};
use std::collections::{HashMap, HashSet};

/// One line, as far as it was followed.
struct Line {
    /// The block that comes next; `None` at the beginning of the line.
    next: Option<BlockId>,
    /// Its number, 0 at the beginning.
    sequence: u64,
    /// The oldest merge so far that took in a head of it.
    merge: BlockId,
}

/// The lines that were met, by writer. More than one is a key in use twice; blocks that such lines share may be checked
/// twice.
#[derive(Default)]
pub(crate) struct Writers(HashMap<KeyId, Vec<Line>>);

impl Writers {
    /// A block that comes next on some line of the writer and is newer than this one.
    pub(crate) fn above(&self, head: &Block) -> Option<BlockId> {
        let lines = self.0.get(&head.author)?;
        let newer = lines.iter().filter(|line| Some(line.sequence) > head.sequence);
        newer.max_by_key(|line| line.sequence).and_then(|line| line.next)
    }

    /// A head that `merge` took in. If it lies on none of the writer's lines it is another one, and the merges that took in
    /// the newer ones are given back.
    pub(crate) fn reach(&mut self, head: &Block, merge: BlockId) -> Vec<BlockId> {
        let lines = self.0.entry(head.author).or_default();
        if let Some(line) = lines.iter_mut().find(|line| line.next == Some(head.id)) {
            line.merge = merge;
            return Vec::new();
        }
        let others = lines.iter().map(|line| line.merge).collect();
        lines.push(Line { next: Some(head.id), sequence: head.sequence.unwrap_or(0), merge });
        others
    }

    /// Goes on below a block that was checked.
    pub(crate) fn step(&mut self, block: &Block) {
        let Some(lines) = self.0.get_mut(&block.author) else { return };
        for line in lines.iter_mut().filter(|line| line.next == Some(block.id)) {
            line.next = block.own();
            line.sequence = block.sequence.unwrap_or(0).saturating_sub(1);
        }
        // Where two lines come together the older one goes on.
        let mut later = HashSet::new();
        lines.reverse();
        lines.retain(|line| line.next.is_none() || later.insert(line.next));
        lines.reverse();
    }

    /// A block that comes next on some line.
    pub(crate) fn any(&self) -> Option<BlockId> {
        self.0.values().flatten().filter_map(|line| line.next).min()
    }

    /// Follows the lines through a block no further.
    pub(crate) fn drop(&mut self, block: &Block) {
        if let Some(lines) = self.0.get_mut(&block.author) {
            lines.retain(|line| line.next != Some(block.id));
        }
    }

    /// What a branch has of these writers.
    pub(crate) fn below(&self, objects: &dyn Objects, branch: Option<&Block>) -> Result<Below, BlockError> {
        let mut below = Below(HashMap::new());
        let Some(branch) = branch else { return Ok(below) };
        let open = |lines: &Vec<Line>| lines.iter().any(|line| line.next.is_some());
        let wanted = self.0.iter().filter(|(_, lines)| open(lines)).map(|(key, _)| *key);
        let mut wanted: HashSet<KeyId> = wanted.collect();
        let mut walk = Main::from(objects, branch.id);
        while !wanted.is_empty()
            && let Some(block) = walk.next()?
        {
            for head in block.heads() {
                let head = Block::read(objects, *head)?;
                if wanted.remove(&head.author) {
                    below.0.insert(head.author, head);
                }
            }
        }
        Ok(below)
    }
}

/// The newest head of each writer that a branch took in.
pub(crate) struct Below(HashMap<KeyId, Block>);

impl Below {
    /// Whether the newest head by its writer leads down to this block. Lines are asked for from new to old.
    pub(crate) fn has(&mut self, objects: &dyn Objects, block: &Block) -> Result<bool, BlockError> {
        let Some(newest) = self.0.get_mut(&block.author) else { return Ok(false) };
        while newest.sequence > block.sequence {
            let Some(own) = newest.own() else { return Ok(false) };
            *newest = Block::read(objects, own)?;
        }
        Ok(newest.id == block.id)
    }
}
