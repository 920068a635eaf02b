//! Whether a block keeps the rules.
//!
//! Every rule can be judged from the block, its parents and their states: a writer's block from the block of a branch that
//! it builds on and its writer's block before it, a merge block by making the merge again. What is not judged
//! here is whether the parents keep the rules themselves; [`verify`](crate::verify()) walks them all. The first rule that
//! is broken is reported.

pub use crate::fault::BlockFault;
use crate::{
    block::Block,
    certified::check_below,
    check_writer::Writing,
    diff::diff,
    fork::check_fork,
    merge_check::{Lines, check_merge},
    object::Objects,
    policy::{POLICY_PATH, Signer},
    rules::{RuleError, check_contents},
    sign::check_signature,
    state::{SignerError, State, fixed},
    trailers::BlockKind,
};

/// Checks one block: signature, organisation, parents, time, policy, logs, and a merge by making it again.
pub fn check_block(objects: &dyn Objects, block: &Block) -> Result<(), BlockFault> {
    check_signed(objects, block, Lines::Followed)
}

/// As [`check_block`]; `lines` says whether the writers' lines are followed here.
pub(crate) fn check_signed(objects: &dyn Objects, block: &Block, lines: Lines) -> Result<(), BlockFault> {
    let main = block.main().map(|main| Block::read(objects, main)).transpose()?;
    // The state whose keys and policy decide: of the block of the branch below it; of a genesis its own.
    let state = State::at_tree(objects, main.as_ref().map_or(block.tree, |main| main.tree));
    let key = state.key(&block.author)?.ok_or(SignerError::Stranger { key: block.author })?;
    check_signature(block, &key.public)?;
    let signer = state.signer_with(&block.author, key, block.dapp.as_ref())?;
    check_rules(objects, block, main.as_ref(), &signer, lines)
}

/// All rules but the signature; so a draft can be checked before it is signed.
pub(crate) fn check_unsigned(objects: &dyn Objects, block: &Block) -> Result<(), BlockFault> {
    let main = block.main().map(|main| Block::read(objects, main)).transpose()?;
    let state = State::at_tree(objects, main.as_ref().map_or(block.tree, |main| main.tree));
    let signer = state.signer(&block.author, block.dapp.as_ref())?;
    check_rules(objects, block, main.as_ref(), &signer, Lines::Followed)
}

fn check_rules(
    objects: &dyn Objects,
    block: &Block,
    main: Option<&Block>,
    signer: &Signer,
    lines: Lines,
) -> Result<(), BlockFault> {
    if *signer.owner.name() != block.author_name {
        let (found, wanted) = (block.author_name.clone(), signer.owner.name().clone());
        return Err(BlockFault::Name { found, wanted });
    }
    let Some(main) = main else { return check_genesis(objects, block, signer) };
    if !main.kind.is_of_branch() {
        return Err(BlockFault::NotOnMain { parent: main.id });
    }
    check_parent(block, main)?;
    if block.kind == BlockKind::Fork {
        return check_fork(objects, block, main);
    }
    if block.branch != main.branch {
        let (found, wanted) = (block.branch.clone(), main.branch.clone());
        return Err(BlockFault::Branch { found, wanted });
    }
    if block.kind == BlockKind::Merge {
        check_below(objects, block, main)?;
        return check_merge(objects, block, main, lines);
    }
    Writing { objects, block, main, signer }.check()
}

/// A block and any of its parents: one organisation, and time goes on.
pub(crate) fn check_parent(block: &Block, parent: &Block) -> Result<(), BlockFault> {
    if block.org != parent.org {
        return Err(BlockFault::Org { found: block.org, wanted: parent.org });
    }
    if block.at < parent.at {
        return Err(BlockFault::Time { at: block.at, parent: parent.id, parent_at: parent.at });
    }
    Ok(())
}

fn check_genesis(objects: &dyn Objects, block: &Block, signer: &Signer) -> Result<(), BlockFault> {
    if block.height != Some(0) {
        return Err(BlockFault::Height { found: block.height.unwrap_or(0), wanted: 0 });
    }
    let changes = diff(objects, None, Some(&block.tree))?;
    check_contents(objects, &block.tree, &changes, block.at, &block.branch)?;
    let state = State::at_tree(objects, block.tree);
    state.org()?;
    state.validators()?;
    let may = state.policy()?.may_write(signer, &fixed(POLICY_PATH));
    Ok(may.map_err(RuleError::Denied)?)
}
