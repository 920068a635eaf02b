//! Making a merge, and checking one by making it again.

use crate::{
    block::Block,
    check::{BlockFault, check_parent},
    integrate::{IntegrateError, Offer, Reason, Taken, offer, take},
    line::{since, visit_newer},
    object::{Kind, NewObjects, Objects},
    state::State,
    tree::Folder,
};
use model::{BlockId, Millis, ObjectId};
use std::collections::BTreeSet;

/// A merge of heads onto main.
pub(crate) struct Made {
    pub(crate) tree: ObjectId,
    /// The heads that brought something, in the order in which they were taken.
    pub(crate) heads: Vec<Block>,
    /// Heads whose documents stayed out.
    pub(crate) left_out: Vec<(BlockId, Reason)>,
    pub(crate) objects: NewObjects,
}

/// Merges what heads offer onto main, whatever the order in which they are listed.
pub(crate) fn make(
    objects: &dyn Objects,
    main: &Block,
    mut offers: Vec<Offer>,
    at: Millis,
) -> Result<Made, IntegrateError> {
    offers.sort_by_key(Offer::order);
    let mut made =
        Made { tree: main.tree, heads: Vec::new(), left_out: Vec::new(), objects: NewObjects::default() };
    let mut authors = BTreeSet::new();
    for offer in offers {
        if !authors.insert(offer.head.author) {
            made.left_out.push((offer.head.id, Reason::SecondHead));
            continue;
        }
        match take(objects, &made.tree, &offer, at, &mut made.objects)? {
            Taken::Whole(tree) => made.tree = tree,
            Taken::EventsOnly(tree, reason) => {
                made.tree = tree;
                made.left_out.push((offer.head.id, reason));
            }
            Taken::Nothing(reason) => {
                made.left_out.push((offer.head.id, reason));
                continue;
            }
        }
        made.heads.push(offer.head);
    }
    Ok(made)
}

/// Checks a merge block by making the merge of its heads.
pub(crate) fn check_merge(objects: &dyn Objects, block: &Block, main: &Block) -> Result<(), BlockFault> {
    let wanted = main.height.unwrap_or(0).saturating_add(1);
    if block.height != Some(wanted) {
        return Err(BlockFault::Height { found: block.height.unwrap_or(0), wanted });
    }
    check_validator(objects, block, main)?;
    let made = make(objects, main, offers(objects, block, main)?, block.at)?;
    let heads: Vec<BlockId> = made.heads.iter().map(|head| head.id).collect();
    let (events_only, nothing): (Vec<_>, Vec<_>) =
        made.left_out.into_iter().partition(|(head, _)| heads.contains(head));
    if let Some((head, reason)) = nothing.into_iter().next() {
        return Err(BlockFault::Head { head, reason: Box::new(reason) });
    }
    if heads != block.heads() {
        return Err(BlockFault::HeadOrder);
    }
    let events_only: BTreeSet<BlockId> = events_only.into_iter().map(|(head, _)| head).collect();
    check_left_out(block, &events_only)?;
    if made.tree != block.tree {
        return Err(BlockFault::NotTheMerge { found: block.tree, wanted: made.tree });
    }
    Ok(())
}

/// What the block says of its own heads must be what the merge did; of heads that are no parents it alone knows.
fn check_left_out(block: &Block, events_only: &BTreeSet<BlockId>) -> Result<(), BlockFault> {
    let mut said = BTreeSet::new();
    for (head, _) in &block.left_out {
        let is_parent = block.heads().contains(head);
        if !said.insert(*head) || is_parent && !events_only.contains(head) {
            return Err(BlockFault::LeftOut { head: *head });
        }
    }
    match events_only.difference(&said).next() {
        Some(head) => Err(BlockFault::LeftOut { head: *head }),
        None => Ok(()),
    }
}

/// Whether the block's author may add to main.
pub(crate) fn check_validator(objects: &dyn Objects, block: &Block, main: &Block) -> Result<(), BlockFault> {
    let validators = State::at_tree(objects, main.tree).validators()?;
    if validators.get(&block.author).is_some_and(|weight| *weight > 0) {
        Ok(())
    } else {
        Err(BlockFault::NotValidator { key: block.author })
    }
}

fn offers(objects: &dyn Objects, block: &Block, main: &Block) -> Result<Vec<Offer>, BlockFault> {
    let mut offers = Vec::new();
    for head in block.heads() {
        let head = Block::read(objects, *head)?;
        check_parent(block, &head)?;
        let id = head.id;
        match offer(objects, main, head)? {
            Ok(offer) => offers.push(offer),
            Err(reason) => return Err(BlockFault::Head { head: id, reason: Box::new(reason) }),
        }
    }
    Ok(offers)
}

/// Whether main has the writer's block already.
pub(crate) fn contains(objects: &dyn Objects, main: &Block, head: &Block) -> Result<bool, IntegrateError> {
    let last = since(objects, main.id, head)?.last;
    let Some(last) = last.filter(|last| last.sequence >= head.sequence) else { return Ok(false) };
    visit_newer(objects, &last, Some(head), &mut |_| Ok::<(), IntegrateError>(()))
}

/// The new objects that a tree needs, without what was made on the way to it.
pub(crate) fn needed(tree: &ObjectId, made: &NewObjects) -> NewObjects {
    let mut needed = NewObjects::default();
    let mut next = vec![*tree];
    while let Some(id) = next.pop() {
        let Some(object) = made.get(&id).filter(|_| needed.get(&id).is_none()) else { continue };
        if object.kind == Kind::Tree
            && let Ok(folder) = Folder::parse(&object.bytes)
        {
            next.extend(folder.iter().map(|(_, entry)| entry.id()));
        }
        needed.insert(object.kind, object.bytes.clone());
    }
    needed
}
