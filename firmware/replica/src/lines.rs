//! The newest heads of each writer that this box knows, and whether main has them.
//!
//! A writer has one line of blocks over all branches. Of each line two blocks are known here: its end, on which
//! whatever comes next must build, and its *head*, the newest block that the branch that is followed could take in
//! (one that stands on a block of it). The two differ for a writer who went on with another branch. A writer whose key is
//! in use twice has two lines: the one that was heard of first stands under the writer's references, the other
//! under those with [`SECOND`] after the branch's name, so that peers hear of both. More than two lines of one key tell
//! nothing new and are not kept.

use crate::{
    Status,
    ladder::Ladder,
    merged::{Merged, is_on_line},
};
use ledger::{Block, BlockError, Objects};
use model::{BlockId, KeyId, Millis, RefName};
use std::collections::BTreeMap;

/// What follows a branch's name in the reference of a writer's second line.
pub(crate) const SECOND: &str = ".second";

/// The newest block of a line that the branch could take in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) block: BlockId,
    pub(crate) sequence: u64,
    /// When this box first had it, in time elapsed.
    pub(crate) since: Millis,
    /// The height by which main contained it, if it does.
    pub(crate) merged: Option<u64>,
    pub(crate) left_out: Option<LeftOut>,
}

/// Why a head's documents stay out of main.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LeftOut {
    pub(crate) reason: String,
    /// Whether this box found so itself; else another one says so.
    pub(crate) tried_here: bool,
}

/// The newest block of a line, on whatever branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) block: BlockId,
    sequence: u64,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    end: End,
    head: Option<Head>,
}

/// The lines of one writer.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Writer {
    first: Line,
    second: Option<Line>,
    /// Down the first line.
    ladder: Ladder,
}

impl Writer {
    /// Whether a block is the first line's end or before it.
    fn first_has(&self, objects: &dyn Objects, block: &Block) -> Result<bool, BlockError> {
        let read = |id| Block::read(objects, id).map(|block| (block.sequence.unwrap_or(0), block.own()));
        self.ladder.leads_to(self.first.end.block, block.id, block.sequence.unwrap_or(0), read)
    }

    fn heads(&self) -> impl Iterator<Item = &Head> {
        Some(&self.first).into_iter().chain(&self.second).filter_map(|line| line.head.as_ref())
    }

    fn heads_mut(&mut self) -> impl Iterator<Item = &mut Head> {
        Some(&mut self.first).into_iter().chain(&mut self.second).filter_map(|line| line.head.as_mut())
    }
}

/// What a block does to what is known of its writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// It, or one after it, is known.
    Known,
    /// It is the newest of the writer's line.
    First,
    /// It is the newest of the writer's second line. The other one's head is given.
    Second(BlockId),
    /// It is of a third line.
    Beyond,
}

/// All writers.
#[derive(Debug)]
pub(crate) struct Lines {
    writers: BTreeMap<KeyId, Writer>,
    pub(crate) merged: Merged,
}

impl Lines {
    pub(crate) fn new(merged: Merged) -> Self {
        Self { writers: BTreeMap::new(), merged }
    }

    /// Where a writer's block belongs.
    pub(crate) fn place(&self, objects: &dyn Objects, block: &Block) -> Result<Place, BlockError> {
        let Some(writer) = self.writers.get(&block.author) else { return Ok(Place::First) };
        if is_above(objects, &writer.first.end, block)? {
            return Ok(Place::First);
        }
        if writer.first_has(objects, block)? {
            return Ok(Place::Known);
        }
        let other = writer.first.end.block;
        let Some(second) = &writer.second else { return Ok(Place::Second(other)) };
        if is_above(objects, &second.end, block)? {
            return Ok(Place::Second(other));
        }
        let is_below = is_on_line(objects, second.end.block, block.id, block.sequence.unwrap_or(0))?;
        Ok(if is_below { Place::Known } else { Place::Beyond })
    }

    /// Whether a block is the end of its writer's first line or before it.
    pub(crate) fn first_has(&self, objects: &dyn Objects, block: &Block) -> Result<bool, BlockError> {
        let writer = self.writers.get(&block.author);
        writer.map_or(Ok(false), |writer| writer.first_has(objects, block))
    }

    /// Takes in a block at the place that it was found to have. `fits` says whether the branch could take it in.
    pub(crate) fn set(
        &mut self,
        objects: &dyn Objects,
        block: &Block,
        place: Place,
        fits: bool,
        since: Millis,
    ) -> Result<(), BlockError> {
        let end = End { block: block.id, sequence: block.sequence.unwrap_or(0) };
        let head = fits.then(|| self.new_head(objects, block, since)).transpose()?;
        let known = self.writers.get_mut(&block.author);
        match (place, known) {
            (Place::First, None) => {
                let first = Line { end, head };
                let ladder = Ladder::default();
                self.writers.insert(block.author, Writer { first, second: None, ladder });
            }
            (Place::First, Some(writer)) => writer.first.go_on(end, head),
            (Place::Second(_), Some(writer)) => match &mut writer.second {
                Some(second) => second.go_on(end, head),
                None => writer.second = Some(Line { end, head }),
            },
            (Place::Known, Some(writer)) => {
                let line = if writer.first_has(objects, block)? {
                    Some(&mut writer.first)
                } else {
                    writer.second.as_mut()
                };
                line.into_iter().for_each(|line| line.newer_head(head.clone()));
            }
            (Place::Second(_) | Place::Known, None) | (Place::Beyond, _) => {}
        }
        Ok(())
    }

    fn new_head(&self, objects: &dyn Objects, block: &Block, since: Millis) -> Result<Head, BlockError> {
        let (id, sequence) = (block.id, block.sequence.unwrap_or(0));
        let merged = self.merged.height_of(objects, &block.author, id, sequence)?;
        let reason = self.merged.reason_of(id).map(String::from);
        let left_out = reason.map(|reason| LeftOut { reason, tried_here: false });
        Ok(Head { block: id, sequence, since, merged, left_out })
    }

    /// The head of a writer's first line.
    pub(crate) fn head(&self, writer: &KeyId) -> Option<&Head> {
        self.writers.get(writer).and_then(|writer| writer.first.head.as_ref())
    }

    /// The end of a writer's first line.
    pub(crate) fn end(&self, writer: &KeyId) -> Option<End> {
        self.writers.get(writer).map(|writer| writer.first.end)
    }

    /// All heads, by writer.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&KeyId, &Head)> {
        self.writers.iter().flat_map(|(key, writer)| writer.heads().map(move |head| (key, head)))
    }

    fn heads_mut(&mut self) -> impl Iterator<Item = &mut Head> {
        self.writers.values_mut().flat_map(Writer::heads_mut)
    }

    /// Both ends of writers who have two lines.
    pub(crate) fn doubles(&self) -> impl Iterator<Item = (&KeyId, End, End)> {
        let both = |(key, writer)| {
            let Writer { first, second, .. }: &Writer = writer;
            Some((key, first.end, second.as_ref()?.end))
        };
        self.writers.iter().filter_map(both)
    }

    /// Heads that main lacks and that nobody left out: what the next merge is for.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = &Head> {
        let waits = |head: &&Head| head.merged.is_none() && head.left_out.is_none();
        self.iter().map(|(_, head)| head).filter(waits)
    }

    /// Heads to be offered to a merge made here: those that main lacks and that were not tried here in vain.
    pub(crate) fn offered(&self) -> impl Iterator<Item = &Head> {
        let untried = |head: &Head| head.left_out.as_ref().is_none_or(|left_out| !left_out.tried_here);
        self.iter().map(|(_, head)| head).filter(move |head| head.merged.is_none() && untried(head))
    }

    /// Remembers that a head was left out, or its documents.
    pub(crate) fn leave_out(&mut self, block: BlockId, reason: &str, tried_here: bool) {
        if let Some(head) = self.heads_mut().find(|head| head.block == block) {
            let tried_here = tried_here || head.left_out.as_ref().is_some_and(|known| known.tried_here);
            head.left_out = Some(LeftOut { reason: reason.to_string(), tried_here });
        }
    }

    /// Takes in the next block of main.
    pub(crate) fn advance(&mut self, objects: &dyn Objects, main: &Block) -> Result<(), BlockError> {
        self.merged.advance(objects, main)?;
        for writer in main.heads().iter().map(|head| Block::read(objects, *head).map(|head| head.author)) {
            let key = writer?;
            let Some(writer) = self.writers.get_mut(&key) else { continue };
            for head in writer.heads_mut() {
                if head.merged.is_none() {
                    head.merged = self.merged.height_of(objects, &key, head.block, head.sequence)?;
                }
            }
        }
        Ok(())
    }
}

impl Line {
    /// A block that comes after its end.
    fn go_on(&mut self, end: End, head: Option<Head>) {
        self.end = end;
        self.head = head.or(self.head.take());
    }

    /// A block before its end, found late.
    fn newer_head(&mut self, head: Option<Head>) {
        let known = self.head.as_ref().map(|head| head.sequence);
        if head.as_ref().is_some_and(|head| Some(head.sequence) > known) {
            self.head = head;
        }
    }
}

impl Head {
    pub(crate) fn status(&self) -> Status {
        match (&self.left_out, self.merged) {
            (Some(left_out), _) => Status::LeftOut { reason: left_out.reason.clone() },
            (None, Some(height)) => Status::Final { height },
            (None, None) => Status::Waiting,
        }
    }
}

/// Whether a block comes after the end of a line of the same writer. It may not be stored yet; the one before it is.
fn is_above(objects: &dyn Objects, end: &End, block: &Block) -> Result<bool, BlockError> {
    match block.own() {
        Some(own) if block.sequence.unwrap_or(0) > end.sequence => {
            is_on_line(objects, own, end.block, end.sequence)
        }
        _ => Ok(false),
    }
}

/// The reference under which a writer's block at this place is kept.
pub(crate) fn reference(block: &Block, place: Place) -> Option<RefName> {
    match place {
        Place::First => Some(RefName::Writer(block.author, block.branch.clone())),
        Place::Second(_) => {
            let name = format!("{}{SECOND}", block.branch).parse().ok()?;
            Some(RefName::Writer(block.author, name))
        }
        Place::Known | Place::Beyond => None,
    }
}

/// The end of a writer's line by the references that a box has: the block on which the writer's next one builds.
pub fn own_end(
    objects: &dyn Objects,
    refs: &BTreeMap<RefName, BlockId>,
    writer: &KeyId,
) -> Result<Option<BlockId>, BlockError> {
    let mut end: Option<End> = None;
    for (name, id) in refs {
        let RefName::Writer(key, branch) = name else { continue };
        if key != writer || branch.as_str().ends_with(SECOND) {
            continue;
        }
        let sequence = Block::read(objects, *id)?.sequence.unwrap_or(0);
        if end.is_none_or(|end| sequence > end.sequence) {
            end = Some(End { block: *id, sequence });
        }
    }
    Ok(end.map(|end| end.block))
}
