//! The newest heads of each writer that this box knows, and whether main has them.
//!
//! A writer has one line of blocks. One whose key is in use twice has two: the one that was heard of first stands under
//! the writer's reference, the other under that reference with [`SECOND`] after the branch's name, so that
//! peers hear of both. More than two lines of one key tell nothing new and are not kept.

use crate::{
    Status,
    merged::{Merged, is_on_line},
};
use ledger::{Block, BlockError, Objects};
use model::{BlockId, KeyId, Millis, Name, RefName};
use std::collections::BTreeMap;

/// What follows a branch's name in the reference of a writer's second line.
pub(crate) const SECOND: &str = ".second";

/// The newest block of a line.
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

/// The lines of one writer.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Writer {
    first: Head,
    second: Option<Head>,
}

impl Writer {
    fn both(&self) -> impl Iterator<Item = &Head> {
        Some(&self.first).into_iter().chain(&self.second)
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
        match relation(objects, &writer.first, block)? {
            Relation::Above => return Ok(Place::First),
            Relation::Below => return Ok(Place::Known),
            Relation::Beside => {}
        }
        let Some(second) = &writer.second else { return Ok(Place::Second(writer.first.block)) };
        Ok(match relation(objects, second, block)? {
            Relation::Above => Place::Second(writer.first.block),
            Relation::Below => Place::Known,
            Relation::Beside => Place::Beyond,
        })
    }

    /// Takes in a head at the place that it was found to have.
    pub(crate) fn set(
        &mut self,
        objects: &dyn Objects,
        block: &Block,
        place: Place,
        since: Millis,
    ) -> Result<(), BlockError> {
        let (id, sequence) = (block.id, block.sequence.unwrap_or(0));
        let merged = self.merged.height_of(objects, &block.author, id, sequence)?;
        let reason = self.merged.reason_of(id).map(String::from);
        let left_out = reason.map(|reason| LeftOut { reason, tried_here: false });
        let head = Head { block: id, sequence, since, merged, left_out };
        match (place, self.writers.get_mut(&block.author)) {
            (Place::First, None) => {
                drop(self.writers.insert(block.author, Writer { first: head, second: None }))
            }
            (Place::First, Some(writer)) => writer.first = head,
            (Place::Second(_), Some(writer)) => writer.second = Some(head),
            (Place::Second(_), None) | (Place::Known | Place::Beyond, _) => {}
        }
        Ok(())
    }

    /// The head of a writer's first line.
    pub(crate) fn head(&self, writer: &KeyId) -> Option<&Head> {
        self.writers.get(writer).map(|writer| &writer.first)
    }

    /// All heads, by writer.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&KeyId, &Head)> {
        self.writers.iter().flat_map(|(key, writer)| writer.both().map(move |head| (key, head)))
    }

    fn heads_mut(&mut self) -> impl Iterator<Item = &mut Head> {
        self.writers
            .values_mut()
            .flat_map(|writer| Some(&mut writer.first).into_iter().chain(&mut writer.second))
    }

    /// Both heads of writers who have two.
    pub(crate) fn doubles(&self) -> impl Iterator<Item = (&KeyId, &Head, &Head)> {
        self.writers.iter().filter_map(|(key, writer)| Some((key, &writer.first, writer.second.as_ref()?)))
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
            for head in Some(&mut writer.first).into_iter().chain(&mut writer.second) {
                if head.merged.is_none() {
                    head.merged = self.merged.height_of(objects, &key, head.block, head.sequence)?;
                }
            }
        }
        Ok(())
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

enum Relation {
    Above,
    Below,
    Beside,
}

/// How a block stands to a head of the same writer.
fn relation(objects: &dyn Objects, head: &Head, block: &Block) -> Result<Relation, BlockError> {
    let sequence = block.sequence.unwrap_or(0);
    Ok(if sequence > head.sequence {
        // The block itself may not be stored yet, the one before it is.
        match block.own() {
            Some(own) if is_on_line(objects, own, head.block, head.sequence)? => Relation::Above,
            _ => Relation::Beside,
        }
    } else if is_on_line(objects, head.block, block.id, sequence)? {
        Relation::Below
    } else {
        Relation::Beside
    })
}

/// The reference under which a head of this place is kept.
pub(crate) fn reference(writer: KeyId, branch: &Name, place: Place) -> Option<RefName> {
    match place {
        Place::First => Some(RefName::Writer(writer, branch.clone())),
        Place::Second(_) => {
            let name = format!("{branch}{SECOND}").parse().ok()?;
            Some(RefName::Writer(writer, name))
        }
        Place::Known | Place::Beyond => None,
    }
}
