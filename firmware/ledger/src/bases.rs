//! The base of a join: what two branches had in common last.
//!
//! A branch contains the blocks below it by first parents, the writers' blocks that its merges took in, and the
//! branches that joins among those brought. The search goes from both heads down, newest first, and paints what each
//! contains (as git's merge-base does); the blocks of branches that both contain, and that lie below no other such
//! block, are the bases. Of several, as after joins in both directions, one base is made by merging them, without the
//! files on which they disagree: so neither side's choice passes for the state before.

use crate::{
    block::{Block, BlockError},
    diff::diff,
    merge::{Marks, MergeError, bring},
    object::{Layered, NewObjects, Objects},
    policy::POLICY_PATH,
    state::{State, StateError, fixed},
    trailers::BlockKind,
    tree::{Edits, edit},
};
use model::{BlockId, Millis, ObjectId};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// A base that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum BaseError {
    /// A block could not be read.
    #[error(transparent)]
    Block(#[from] BlockError),
    /// A state could not be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// The bases could not be merged.
    #[error(transparent)]
    Merge(#[from] MergeError),
}

impl BaseError {
    /// Whether the store could not be read; another try may work.
    pub fn is_store_failure(&self) -> bool {
        match self {
            Self::Block(error) => error.is_store_failure(),
            Self::State(error) => error.is_store_failure(),
            Self::Merge(error) => error.is_store_failure(),
        }
    }
}

const OURS: u8 = 1;
const THEIRS: u8 = 2;
const BOTH: u8 = OURS | THEIRS;
/// Below a block that both have.
const STALE: u8 = 4;

struct Search<'a> {
    objects: &'a dyn Objects,
    paint: HashMap<BlockId, u8>,
    queue: BTreeSet<(Millis, BlockId)>,
    /// The blocks of the queue that are not stale; without one the search is over.
    open: HashSet<BlockId>,
    found: BTreeMap<BlockId, Block>,
}

impl Search<'_> {
    fn push(&mut self, id: BlockId, colours: u8) -> Result<(), BlockError> {
        let old = self.paint.get(&id).copied().unwrap_or(0);
        if old | colours != old {
            self.paint.insert(id, old | colours);
            self.queue.insert((Block::read(self.objects, id)?.at, id));
            if (old | colours) & STALE == 0 {
                self.open.insert(id);
            } else {
                self.open.remove(&id);
            }
        }
        Ok(())
    }

    fn run(&mut self) -> Result<(), BlockError> {
        while !self.open.is_empty()
            && let Some((_, id)) = self.queue.pop_last()
        {
            self.open.remove(&id);
            let block = Block::read(self.objects, id)?;
            let mut colours = self.paint[&id];
            let below = self.below(&block)?;
            if colours & BOTH == BOTH && block.kind.is_of_branch() {
                self.found.insert(id, block);
                colours |= STALE;
            }
            for id in below {
                self.push(id, colours)?;
            }
        }
        Ok(())
    }

    /// What a block contains besides itself.
    fn below(&self, block: &Block) -> Result<Vec<BlockId>, BlockError> {
        if block.kind.is_of_branch() {
            return Ok(block.parents.clone());
        }
        let mut below: Vec<BlockId> = block.joins.into_iter().collect();
        if let Some(own) = block.own() {
            let same = Block::read(self.objects, own)?.branch == block.branch;
            below.extend(same.then_some(own));
        }
        Ok(below)
    }

    fn bases(&self) -> impl Iterator<Item = &Block> {
        self.found.values().filter(|block| self.paint[&block.id] & STALE == 0)
    }
}

fn search<'a>(objects: &'a dyn Objects, ours: &Block, theirs: &Block) -> Result<Search<'a>, BlockError> {
    let (paint, queue, found) = (HashMap::new(), BTreeSet::new(), BTreeMap::new());
    let mut search = Search { objects, paint, queue, open: HashSet::new(), found };
    search.push(ours.id, OURS)?;
    search.push(theirs.id, THEIRS)?;
    search.run()?;
    Ok(search)
}

/// The newest blocks of branches that two blocks of branches both contain: one, unless joins went both ways.
pub fn merge_bases(objects: &dyn Objects, a: BlockId, b: BlockId) -> Result<Vec<BlockId>, BlockError> {
    let (a, b) = (Block::read(objects, a)?, Block::read(objects, b)?);
    Ok(search(objects, &a, &b)?.bases().map(|block| block.id).collect())
}

/// The tree from which both sides changed; `None` if ours contains all of theirs. The policy that a fork began
/// with is its own, not a change for the others: the base has it already.
pub(crate) fn base_tree(
    objects: &dyn Objects,
    ours: &Block,
    theirs: &Block,
    new: &mut NewObjects,
) -> Result<Option<ObjectId>, BaseError> {
    let search = search(objects, ours, theirs)?;
    let bases: Vec<&Block> = search.bases().collect();
    let Some((first, others)) = bases.split_first() else { return Ok(None) };
    if first.id == theirs.id {
        return Ok(None);
    }
    let mut tree = first.tree;
    for other in others {
        tree = common(objects, first, &tree, other, new)?;
    }
    let lowest = bases.iter().filter_map(|base| base.height).min();
    let Some(fork) = newest_fork(&search, theirs, lowest)? else { return Ok(Some(tree)) };
    let path = fixed(POLICY_PATH);
    let policy = State::at_tree(objects, fork.tree).entry(&path)?;
    let edited = edit(objects, &tree, &Edits::from([(path, policy)]), new).map_err(MergeError::from)?;
    Ok(Some(edited))
}

/// The newest fork in their branch that ours does not contain.
fn newest_fork(
    search: &Search<'_>,
    theirs: &Block,
    lowest: Option<u64>,
) -> Result<Option<Block>, BlockError> {
    let mut next = Some(theirs.clone());
    while let Some(block) = next.filter(|block| block.height > lowest) {
        let ours = search.paint.get(&block.id).is_some_and(|colours| colours & OURS != 0);
        if block.kind == BlockKind::Fork && !ours {
            return Ok(Some(block));
        }
        next = block.main().map(|main| Block::read(search.objects, main)).transpose()?;
    }
    Ok(None)
}

/// What several bases have in common: their merge, without the files on which they disagree.
fn common(
    objects: &dyn Objects,
    first: &Block,
    tree: &ObjectId,
    other: &Block,
    new: &mut NewObjects,
) -> Result<ObjectId, BaseError> {
    let Some(base) = base_tree(objects, first, other, new)? else { return Ok(*tree) };
    let mut made = NewObjects::default();
    let merged = {
        let layered = Layered { new, base: objects };
        let changes = diff(&layered, Some(&base), Some(&other.tree)).map_err(MergeError::from)?;
        let (merged, conflicts) = bring(&layered, tree, &changes, Marks::Smaller, &mut made)?;
        let removed: Edits = conflicts.into_iter().map(|conflict| (conflict.path, None)).collect();
        let both = Layered { new: &made.clone(), base: &layered };
        edit(&both, &merged, &removed, &mut made).map_err(MergeError::from)?
    };
    new.extend(made);
    Ok(merged)
}
