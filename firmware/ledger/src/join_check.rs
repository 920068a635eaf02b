//! The rules for a join, beside those for any block of documents.
//!
//! Which values its documents have is the joiner's choice, within the policy: who may write them by hand may write
//! them so. What is not a choice: the logs of the other branch come along as they are, with the documents of
//! the keys that wrote them; and what the other branch has revoked is revoked.

use crate::{
    block::{Block, BlockError},
    check::check_parent,
    clone,
    diff::{Difference, diff_below},
    fault::BlockFault,
    keys::{KeyDocument, Owner},
    object::Objects,
    rules::absent_mark,
    state::{State, StateError, fixed, key_path},
    trailers::BlockKind,
};
use model::{BlockId, Name, ObjectId, StatePath};
use std::collections::BTreeSet;

/// Checks what is particular to a join. `changes` are those against its footing.
pub(crate) fn check_join(
    objects: &dyn Objects,
    block: &Block,
    footing: &ObjectId,
    changes: &[Difference],
    owner: &Owner,
) -> Result<(), BlockFault> {
    if owner.person().is_none() {
        return Err(BlockFault::Joiner { owner: owner.clone() });
    }
    let Some(joined) = block.joins.map(|joins| Block::read(objects, joins)).transpose()? else {
        return Err(BlockFault::Kind { kind: block.kind });
    };
    if !joined.kind.is_of_branch() || joined.branch == block.branch {
        return Err(BlockFault::Joined { block: joined.id });
    }
    check_parent(block, &joined)?;
    let check = Check {
        objects,
        joined: &joined,
        ours: State::at_tree(objects, block.tree),
        theirs: State::at_tree(objects, joined.tree),
        footing: State::at_tree(objects, *footing),
    };
    let logs: Vec<&Difference> = changes.iter().filter(|change| change.path.is_within("log")).collect();
    check.logs_are_complete()?;
    check.logs_are_theirs(&logs)?;
    check.keys_come_along(&logs)?;
    check.marks_come_along()
}

struct Check<'a> {
    objects: &'a dyn Objects,
    joined: &'a Block,
    ours: State<'a>,
    theirs: State<'a>,
    footing: State<'a>,
}

impl Check<'_> {
    /// Every file of their logs is in the block, where ours had another of its name in a place of its own.
    fn logs_are_complete(&self) -> Result<(), BlockFault> {
        let log = fixed("log");
        let (ours, theirs) = (self.ours.id_of(&log)?, self.theirs.id_of(&log)?);
        for change in diff_below(self.objects, Some(&log), ours.as_ref(), theirs.as_ref())? {
            let Some(file) = change.new else { continue };
            let taken = self.footing.id_of(&change.path)?.is_some_and(|there| there != file);
            let place = place_of(self.objects, self.joined, &change.path)?;
            if !taken || self.ours.id_of(&place)? != Some(file) {
                return Err(BlockFault::JoinedLog { path: change.path });
            }
        }
        Ok(())
    }

    /// Every file that is new in the logs is one of theirs.
    fn logs_are_theirs(&self, logs: &[&Difference]) -> Result<(), BlockFault> {
        for change in logs {
            let as_there = change.old.is_none() && self.theirs.id_of(&change.path)? == change.new;
            if !as_there && !self.is_moved(change)? {
                return Err(BlockFault::JoinedLog { path: change.path.clone() });
            }
        }
        Ok(())
    }

    /// Whether a new file in a place of its own is one of theirs whose name was taken.
    fn is_moved(&self, change: &Difference) -> Result<bool, BlockFault> {
        let root = root(self.objects, self.joined)?;
        let mut parts = change.path.parts().skip(1);
        let folder = parts.next().unwrap_or_default();
        let rest: Vec<&str> = parts.collect();
        for node in self.theirs.names("log")? {
            if clone::place(&node, root)?.parts().next_back() != Some(folder) {
                continue;
            }
            let path: StatePath =
                format!("log/{node}/{}", rest.join("/")).parse().map_err(StateError::from)?;
            let taken = self.footing.id_of(&path)?.is_some_and(|there| Some(there) != change.new);
            if change.old.is_none() && taken && self.theirs.id_of(&path)? == change.new {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Every key that a node had there, if its log comes along: a log never comes without those who wrote it.
    fn keys_come_along(&self, logs: &[&Difference]) -> Result<(), BlockFault> {
        let nodes: BTreeSet<&str> = logs.iter().filter_map(|change| change.path.parts().nth(1)).collect();
        if nodes.is_empty() {
            return Ok(());
        }
        for KeyDocument { public, owner, .. } in self.theirs.keys()? {
            let path = key_path(&public.id());
            let wrote = owner.node().is_some_and(|node| nodes.contains(node.as_str()));
            if wrote && self.ours.id_of(&path)?.is_none() {
                return Err(BlockFault::JoinedKey { path });
            }
        }
        Ok(())
    }

    fn marks_come_along(&self) -> Result<(), BlockFault> {
        let (ours, theirs) = (self.ours.tree(), self.theirs.tree());
        for change in crate::diff::diff(self.objects, Some(&ours), Some(&theirs))? {
            if change.path.is_within("log") || !change.path.is_document() {
                continue;
            }
            let Some(theirs) = self.theirs.document(&change.path)? else { continue };
            let ours = self.ours.document(&change.path)?.unwrap_or_default();
            if let Some(keys) = absent_mark(theirs.table(), Some(ours.table())) {
                return Err(BlockFault::JoinedMark { path: change.path, keys });
            }
        }
        Ok(())
    }
}

/// Where a log file of the other branch goes if its name is taken.
pub(crate) fn place_of(
    objects: &dyn Objects,
    joined: &Block,
    path: &StatePath,
) -> Result<StatePath, StateError> {
    let mut parts = path.parts().skip(1);
    let node: Name = parts.next().unwrap_or("log").parse().unwrap_or_else(|_| joined.branch.clone());
    let rest: Vec<&str> = parts.collect();
    Ok(clone::place(&node, root(objects, joined)?)?.join(&rest.join("/"))?)
}

/// The block with which the branch of a block begins.
fn root(objects: &dyn Objects, block: &Block) -> Result<BlockId, BlockError> {
    let mut block = block.clone();
    while block.kind == BlockKind::Merge {
        block = Block::read(objects, block.parents[0])?;
    }
    Ok(block.id)
}
