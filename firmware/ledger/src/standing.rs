//! How a writer's head stands to what a branch has of its writer already.
//!
//! A writer's blocks are one line: each names the one before it. A key that is in use twice (a copied card, a
//! restored backup) makes two lines that part somewhere. The line that a branch took in first is the writer's; any
//! other is a *second line*, known by the first block in which it differs. As long as a key is not revoked a
//! branch has one line of it, for the merge that takes in a second one revokes the key (`clone.rs`); so the newest head by
//! the key decides, and only for a revoked key all of them are read.

use crate::{
    block::{Block, BlockError},
    line::Main,
    object::Objects,
    state::{State, StateError},
};
use model::{BlockId, KeyId};

/// How a head stands to what a branch has of its writer.
pub(crate) enum Standing {
    /// The branch has it.
    Known,
    /// It goes on from the newest block of its line that the branch has, if it has one.
    Next { last: Option<Box<Block>> },
    /// The branch has another line of the writer.
    Second(Box<SecondLine>),
}

/// A line of a writer beside the one that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SecondLine {
    /// The last block that it has in common with the line that counts.
    pub(crate) shared: Option<Block>,
    /// Its first block after that.
    pub(crate) first: BlockId,
    /// The first block of the line that counts after that.
    pub(crate) rival: BlockId,
    /// Its newest block that the branch has.
    pub(crate) last: Option<Block>,
}

/// Where two lines of a writer meet, going down.
pub(crate) struct Meeting {
    /// The newest block that both have.
    pub(crate) shared: Option<Block>,
    /// The next block of the one line; `None` if the other contains all of it.
    pub(crate) one: Option<BlockId>,
    /// The next block of the other line.
    pub(crate) other: Option<BlockId>,
}

/// Follows two lines down to where they meet, or to their beginnings.
pub(crate) fn meet(objects: &dyn Objects, one: &Block, other: &Block) -> Result<Meeting, BlockError> {
    let down = |block: &Block| block.own().map(|own| Block::read(objects, own)).transpose();
    let (mut one, mut other) = (Some(one.clone()), Some(other.clone()));
    let (mut above_one, mut above_other) = (None, None);
    loop {
        match (&one, &other) {
            (Some(a), Some(b)) if a.id == b.id => break,
            (Some(a), b) if b.as_ref().is_none_or(|b| a.sequence >= b.sequence) => {
                above_one = Some(a.id);
                one = down(a)?;
            }
            (_, Some(b)) => {
                above_other = Some(b.id);
                other = down(b)?;
            }
            (_, None) => break,
        }
    }
    Ok(Meeting { shared: one, one: above_one, other: above_other })
}

/// The heads by a key that a branch took in, newest first.
struct Heads<'a> {
    objects: &'a dyn Objects,
    walk: Main<'a>,
    key: KeyId,
    /// Blocks from before the key was added need not be read.
    added: Option<u64>,
    found: Vec<Block>,
}

impl<'a> Heads<'a> {
    fn next(&mut self) -> Result<Option<Block>, BlockError> {
        while self.found.is_empty() {
            let Some(block) = self.walk.next()? else { return Ok(None) };
            if self.added.is_some_and(|added| block.at.seconds() < added) {
                return Ok(None);
            }
            for head in block.heads() {
                let head = Block::read(self.objects, *head)?;
                if head.author == self.key {
                    self.found.push(head);
                }
            }
        }
        // Of two in one merge the later one is the newer.
        Ok(self.found.pop())
    }
}

/// How `head` stands to the branch that ends with `main`.
pub(crate) fn standing(objects: &dyn Objects, main: &Block, head: &Block) -> Result<Standing, StateError> {
    let key = State::at_tree(objects, main.tree).key(&head.author)?;
    let (added, walk) = (key.as_ref().map(|key| key.added.seconds()), Main::from(objects, main.id));
    let mut heads = Heads { objects, walk, key: head.author, added, found: Vec::new() };
    let mut met = Vec::new();
    while let Some(other) = heads.next()? {
        let meeting = meet(objects, head, &other)?;
        match (meeting.one, meeting.other) {
            (None, _) => return Ok(Standing::Known),
            (_, None) if met.is_empty() && key.as_ref().is_none_or(|key| key.revoked.is_none()) => {
                return Ok(Standing::Next { last: meeting.shared.map(Box::new) });
            }
            _ => met.push(meeting),
        }
    }
    let last = met.iter().filter_map(|met| met.shared.clone()).max_by_key(|block| block.sequence);
    Ok(match second_line(&met) {
        Some((at, first, rival)) => {
            Standing::Second(Box::new(SecondLine { shared: at.shared.clone(), first, rival, last }))
        }
        None => Standing::Next { last: last.map(Box::new) },
    })
}

/// The highest place where another line parts from this one and was taken in first. `met` is from new to old.
fn second_line(met: &[Meeting]) -> Option<(&Meeting, BlockId, BlockId)> {
    let place = |met: &Meeting| met.shared.as_ref().and_then(|block| block.sequence).unwrap_or(0);
    let mut rivals: Vec<&Meeting> = met.iter().filter(|met| met.other.is_some()).collect();
    rivals.sort_by_key(|met| std::cmp::Reverse(place(met)));
    rivals.into_iter().find_map(|rival| {
        // Of the heads above that place the oldest on the branch is the last in the list.
        let above = |met: &&Meeting| match met.other {
            Some(_) => place(met) == place(rival),
            None => place(met) > place(rival),
        };
        let oldest = met.iter().rfind(above)?;
        oldest.other.and_then(|other| Some((rival, rival.one?, other)))
    })
}
