//! Lines: main, and the line of each writer.
//!
//! Main is the chain of first parents from a head down to the genesis. A writer's line is the chain of its own
//! blocks; each names the one before it as its second parent, merged or not, so that the line is one and its count
//! has no gaps. The blocks at the end of a line that build on the same block of main as the head are its *run*:
//! the documents that the head offers are those of its run. A run begins anew when the writer moves on to a later
//! block of main; then the documents of main stand, and the log of the node is carried on.

use crate::{
    block::{Block, BlockError},
    keys::Owner,
    log,
    object::{NewObjects, Objects},
    state::{State, StateError},
    trailers::BlockKind,
    tree::{Edits, edit},
};
use model::{BlockId, KeyId, Name, ObjectId};
use std::collections::BTreeSet;

/// The blocks of main from a head down to the genesis.
pub(crate) struct Main<'a> {
    objects: &'a dyn Objects,
    next: Option<BlockId>,
}

impl<'a> Main<'a> {
    pub(crate) fn from(objects: &'a dyn Objects, head: BlockId) -> Self {
        Self { objects, next: Some(head) }
    }

    pub(crate) fn next(&mut self) -> Result<Option<Block>, BlockError> {
        let Some(id) = self.next else { return Ok(None) };
        let block = Block::read(self.objects, id)?;
        self.next = block.main();
        Ok(Some(block))
    }
}

/// The head by `key` that a merge block took in.
fn head_by(objects: &dyn Objects, merge: &Block, key: &KeyId) -> Result<Option<Block>, BlockError> {
    for head in merge.heads() {
        let head = Block::read(objects, *head)?;
        if head.author == *key {
            return Ok(Some(head));
        }
    }
    Ok(None)
}

/// What main knows of a writer, looking from a block of main down to the one on which a head builds.
pub(crate) struct Since {
    /// Whether main contains the block on which the head builds.
    pub(crate) on_main: bool,
    /// The writer's newest block that main took in since then.
    pub(crate) last: Option<Block>,
}

/// Looks from `main` down to the block of main on which `head` builds.
pub(crate) fn since(objects: &dyn Objects, main: BlockId, head: &Block) -> Result<Since, BlockError> {
    let Some(ground) = head.main() else { return Ok(Since { on_main: false, last: None }) };
    if ground == main {
        return Ok(Since { on_main: true, last: None });
    }
    let height = Block::read(objects, ground)?.height;
    let (mut walk, mut last) = (Main::from(objects, main), None);
    while let Some(block) = walk.next()? {
        if block.height <= height {
            return Ok(Since { on_main: block.id == ground, last });
        }
        if last.is_none() {
            last = head_by(objects, &block, &head.author)?;
        }
    }
    Ok(Since { on_main: false, last })
}

/// Visits the blocks of a head's line that are newer than `last`, newest first. Gives whether the line leads to `last`,
/// or to its beginning where there is no `last`.
pub(crate) fn visit_newer<E: From<BlockError>>(
    objects: &dyn Objects,
    head: &Block,
    last: Option<&Block>,
    visit: &mut dyn FnMut(&Block) -> Result<(), E>,
) -> Result<bool, E> {
    let mut next = Some(head.clone());
    while let Some(block) = next {
        if let Some(last) = last
            && block.sequence <= last.sequence
        {
            return Ok(block.id == last.id);
        }
        visit(&block)?;
        next = block.own().map(|own| Block::read(objects, own)).transpose()?;
    }
    Ok(last.is_none())
}

/// What the blocks of a head's run are for.
#[derive(Default)]
pub(crate) struct Run {
    /// The dapps for which they were written; `None` for the writer's own.
    pub(crate) dapps: BTreeSet<Option<Name>>,
    /// Whether one of them brings another branch.
    pub(crate) joins: bool,
}

/// The run of a head, as far as it is newer than `last`; `None` if it passes `last` by.
pub(crate) fn run(
    objects: &dyn Objects,
    head: &Block,
    last: Option<&Block>,
) -> Result<Option<Run>, BlockError> {
    let mut run = Run::default();
    let mut next = Some(head.clone());
    while let Some(block) = next.filter(|block| block.main() == head.main()) {
        if let Some(last) = last
            && block.sequence <= last.sequence
        {
            return Ok((block.id == last.id).then_some(run));
        }
        if block.kind != BlockKind::Events {
            run.dapps.insert(block.dapp.clone());
        }
        run.joins |= block.kind == BlockKind::Join;
        next = block.own().map(|own| Block::read(objects, own)).transpose()?;
    }
    Ok(Some(run))
}

/// The tree on which a writer's block stands: what it would be if the block changed nothing.
pub(crate) fn footing(
    objects: &dyn Objects,
    main: &Block,
    own: Option<&Block>,
    owner: &Owner,
    new: &mut NewObjects,
) -> Result<ObjectId, StateError> {
    let Some(own) = own else { return Ok(main.tree) };
    if own.main() == Some(main.id) {
        return Ok(own.tree);
    }
    let Some(node) = owner.node() else { return Ok(main.tree) };
    let folder = log::folder(node);
    let Some(entry) = State::at_tree(objects, own.tree).entry(&folder)? else { return Ok(main.tree) };
    let edits = Edits::from([(folder, Some(entry))]);
    Ok(edit(objects, &main.tree, &edits, new)?)
}
