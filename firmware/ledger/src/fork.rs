//! Forks: how a branch begins.
//!
//! A fork needs nobody's leave: any key that the state below knows and has not revoked may begin a branch from any block
//! of another one, with validators and a policy of its own choice, and nothing else changed. It has no effect on
//! the branch that it leaves. So the rest of the members go on when the validators of main are lost for good.

use crate::{
    block::Block,
    diff::diff,
    fault::BlockFault,
    object::{NewObjects, Objects},
    policy::POLICY_PATH,
    proposal::{Change, DraftError, Meta, apply, author_name, finish, main_block, message, whole_seconds},
    rules::check_contents,
    sign::Draft,
    state::{State, StateError},
    trailers::{BlockKind, Message},
};
use model::{BlockId, Name, StatePath};

/// The first block of a branch. `changes` are its document (`branches/<branch>.toml`, with its validators) and, if
/// it has one of its own, its policy.
pub fn fork(
    objects: &dyn Objects,
    base: BlockId,
    branch: Name,
    changes: &[Change],
    meta: Meta,
) -> Result<Draft, DraftError> {
    let base = main_block(objects, base)?;
    let mut new = NewObjects::default();
    let tree = apply(objects, &base.tree, changes, &mut new)?;
    let message = Message {
        org: Some(base.org),
        branch,
        height: base.height.map(|height| height + 1),
        ..message(BlockKind::Fork, &meta)?
    };
    let draft = Draft {
        tree,
        parents: vec![base.id],
        author: meta.author,
        author_name: author_name(objects, &base, &meta)?,
        at: whole_seconds(meta.at).max(base.at),
        message,
        objects: new,
        abandoned: None,
    };
    finish(objects, draft)
}

/// Checks a fork from the block that it leaves.
pub(crate) fn check_fork(objects: &dyn Objects, block: &Block, base: &Block) -> Result<(), BlockFault> {
    if block.branch == base.branch {
        return Err(BlockFault::SameBranch { branch: block.branch.clone() });
    }
    let wanted = base.height.unwrap_or(0).saturating_add(1);
    if block.height != Some(wanted) {
        return Err(BlockFault::Height { found: block.height.unwrap_or(0), wanted });
    }
    let document: StatePath = format!("branches/{}.toml", block.branch).parse().map_err(StateError::from)?;
    let changes = diff(objects, Some(&base.tree), Some(&block.tree))?;
    let own = |path: &StatePath| *path == document || path.as_str() == POLICY_PATH;
    if let Some(change) = changes.iter().find(|change| !own(&change.path)) {
        return Err(BlockFault::ForkWrites { path: change.path.clone() });
    }
    if State::at_tree(objects, block.tree).branch(&block.branch)?.is_none() {
        return Err(StateError::Missing { path: document }.into());
    }
    Ok(check_contents(objects, &block.tree, &changes, block.at, &block.branch)?)
}
