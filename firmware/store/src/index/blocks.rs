//! The events that one block adds, read from the ledger.

use ledger::{Block, BlockError, BlockKind, Kind, Objects, TreeError, diff};
use model::{BlockId, Event, Name, ObjectId, StatePath};
use std::collections::BTreeMap;

/// A block whose events cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum BlockEventsError {
    /// The block, or one that it was made from, cannot be read.
    #[error("cannot read block {block} for the index of events")]
    Block {
        /// The block.
        block: BlockId,
        /// Why.
        source: Box<BlockError>,
    },
    /// Its tree cannot be read.
    #[error("cannot read the tree of block {block} for the index of events")]
    Tree {
        /// The block.
        block: BlockId,
        /// Why.
        source: Box<TreeError>,
    },
    /// It does not hold the one file of events that it should.
    #[error("block {block} of events has no readable file of events of its own: verify the ledger")]
    Log {
        /// The block.
        block: BlockId,
    },
}

/// What the index needs of a block.
pub(super) struct BlockEvents {
    pub(super) parents: Vec<BlockId>,
    /// The node and its events, of a block of events.
    pub(super) log: Option<(Name, Vec<Event>)>,
}

pub(super) fn read(objects: &dyn Objects, id: BlockId) -> Result<BlockEvents, BlockEventsError> {
    let block = read_block(objects, id)?;
    let log = if block.kind == BlockKind::Events { Some(log(objects, &block)?) } else { None };
    Ok(BlockEvents { parents: block.parents, log })
}

fn read_block(objects: &dyn Objects, block: BlockId) -> Result<Block, BlockEventsError> {
    Block::read(objects, block).map_err(|source| BlockEventsError::Block { block, source: Box::new(source) })
}

/// The block's own file is the one below `log/` that none of its parents has.
fn log(objects: &dyn Objects, block: &Block) -> Result<(Name, Vec<Event>), BlockEventsError> {
    let mut files: Option<BTreeMap<StatePath, ObjectId>> = None;
    for parent in &block.parents {
        let tree = read_block(objects, *parent)?.tree;
        let differences = diff(objects, Some(&tree), Some(&block.tree))
            .map_err(|source| BlockEventsError::Tree { block: block.id, source: Box::new(source) })?;
        let new = differences.into_iter().filter(|found| found.old.is_none() && found.path.is_within("log"));
        let new: BTreeMap<_, _> = new.filter_map(|found| Some((found.path, found.new?))).collect();
        files = Some(match files {
            Some(files) => files.into_iter().filter(|(path, _)| new.contains_key(path)).collect(),
            None => new,
        });
    }
    let file = files.and_then(|mut files| files.pop_first());
    file.and_then(|(path, id)| parse(objects, &path, &id)).ok_or(BlockEventsError::Log { block: block.id })
}

fn parse(objects: &dyn Objects, path: &StatePath, id: &ObjectId) -> Option<(Name, Vec<Event>)> {
    let node = path.parts().nth(1)?.parse().ok()?;
    let file = objects.read(id).ok()??;
    let text = (file.kind == Kind::Blob).then(|| String::from_utf8(file.bytes).ok())??;
    let events = text.split_inclusive('\n').map(Event::parse).collect::<Result<_, _>>().ok()?;
    Some((node, events))
}
