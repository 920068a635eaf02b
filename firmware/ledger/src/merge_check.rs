//! Making a merge, and checking one by making it again.

use crate::{
    block::Block,
    check::{BlockFault, check_parent},
    clone::settle,
    integrate::{IntegrateError, Reason, Taken, take, take_events},
    object::{Kind, NewObjects, Objects},
    offer::{Offer, offer},
    proof::{Judge, in_force, judge_of_reason, required},
    standing::{Standing, standing},
    state::State,
    tree::Folder,
};
use model::{BlockId, Millis, Name, ObjectId};
use std::collections::{BTreeMap, BTreeSet};

/// A merge of heads onto main.
pub(crate) struct Made {
    pub(crate) tree: ObjectId,
    /// The heads that brought something, in the order in which they were taken.
    pub(crate) heads: Vec<Block>,
    /// Heads whose documents stayed out.
    pub(crate) left_out: Vec<(BlockId, Reason)>,
    pub(crate) objects: NewObjects,
}

/// Who has a say in whether a head's documents go in, beside the rules.
pub(crate) trait Court {
    /// Rules on a head; `tree` is the merge so far with all of it.
    fn rule(&mut self, offer: &Offer, tree: &ObjectId, new: &NewObjects) -> Result<Ruling, IntegrateError>;
}

/// What becomes of a head.
pub(crate) enum Ruling {
    /// All of it goes in.
    Accept,
    /// Its events go in, if it has some.
    Bar(Reason),
    /// It waits for another merge, as if it had not been offered.
    Defer,
    /// The merge cannot be made yet; what is made so far is of no use.
    Stop,
}

/// Lets everybody in.
pub(crate) struct Everybody;

impl Court for Everybody {
    fn rule(&mut self, _: &Offer, _: &ObjectId, _: &NewObjects) -> Result<Ruling, IntegrateError> {
        Ok(Ruling::Accept)
    }
}

/// Merges what heads offer onto a tree of main, whatever the order in which they are listed.
pub(crate) fn make(
    objects: &dyn Objects,
    base: &ObjectId,
    offers: &[Offer],
    at: Millis,
    court: &mut dyn Court,
) -> Result<Made, IntegrateError> {
    let mut sorted: Vec<&Offer> = offers.iter().collect();
    sorted.sort_by_key(|offer| offer.order());
    let mut made = Made::nothing(base);
    for offer in sorted {
        let mut taken = take(objects, &made.tree, offer, at, &mut made.objects)?;
        // Marks that go in by themselves are no judge's to decide.
        if let (Taken::Whole(tree), false) = (&taken, offer.documents.is_empty()) {
            match court.rule(offer, tree, &made.objects)? {
                Ruling::Accept => {}
                Ruling::Bar(reason) => {
                    taken = take_events(objects, &made.tree, offer, reason, at, &mut made.objects)?;
                }
                Ruling::Defer => continue,
                Ruling::Stop => break,
            }
        }
        made.add(offer, taken);
    }
    Ok(made)
}

impl Made {
    /// Main's tree as it is.
    pub(crate) fn nothing(base: &ObjectId) -> Self {
        Self { tree: *base, heads: Vec::new(), left_out: Vec::new(), objects: NewObjects::default() }
    }

    fn add(&mut self, offer: &Offer, taken: Taken) {
        match taken {
            Taken::Whole(tree) => self.tree = tree,
            Taken::EventsOnly(tree, reason) | Taken::Marks(tree, reason) => {
                self.tree = tree;
                self.left_out.push((offer.head.id, reason));
            }
            Taken::Nothing(reason) => return self.left_out.push((offer.head.id, reason)),
        }
        self.heads.push(offer.head.clone());
    }
}

/// Checks a merge block by making the merge of its heads.
pub(crate) fn check_merge(
    objects: &dyn Objects,
    block: &Block,
    main: &Block,
    lines: Lines,
) -> Result<(), BlockFault> {
    let wanted = main.height.unwrap_or(0).saturating_add(1);
    if block.height != Some(wanted) {
        return Err(BlockFault::Height { found: block.height.unwrap_or(0), wanted });
    }
    check_validator(objects, block, main)?;
    let mut claimed = Claimed::by(objects, block, main)?;
    let made = make(objects, &main.tree, &offers(objects, block, main, lines)?, block.at, &mut claimed)?;
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
    check_verdicts(objects, block, main)
}

/// The block has a verdict of each judge that had to be asked, and no other. What they are worth is found out by
/// asking again ([`Checking`](crate::Checking)).
fn check_verdicts(objects: &dyn Objects, block: &Block, main: &Block) -> Result<(), BlockFault> {
    let judges = required(objects, &main.tree, &block.tree)?;
    let wanted: Vec<&Name> = judges.iter().map(|judge| &judge.dapp).collect();
    let found: Vec<&Name> = block.verdicts.iter().map(|line| &line.dapp).collect();
    if wanted == found {
        return Ok(());
    }
    let names = |names: Vec<&Name>| names.into_iter().cloned().collect();
    Err(BlockFault::Verdicts { found: names(found), wanted: names(wanted) })
}

/// Bars the heads of which the block says that a judge failed them. Their author can be wronged by it no more than
/// by a merge that leaves them out altogether, so the judge is not asked; but there must be one who could.
struct Claimed {
    barred: BTreeMap<BlockId, (Name, String)>,
    judges: Vec<Judge>,
}

impl Claimed {
    fn by(objects: &dyn Objects, block: &Block, main: &Block) -> Result<Self, BlockFault> {
        let of_judge = |(head, why): &(BlockId, String)| Some((*head, (judge_of_reason(why)?, why.clone())));
        let mut barred: BTreeMap<_, _> = block.left_out.iter().filter_map(of_judge).collect();
        barred.retain(|head, _| block.heads().contains(head));
        let judges = if barred.is_empty() { Vec::new() } else { in_force(objects, &main.tree)? };
        Ok(Self { barred, judges })
    }
}

impl Court for Claimed {
    fn rule(&mut self, offer: &Offer, _: &ObjectId, _: &NewObjects) -> Result<Ruling, IntegrateError> {
        let Some((dapp, why)) = self.barred.get(&offer.head.id) else { return Ok(Ruling::Accept) };
        let could = |judge: &Judge| {
            judge.dapp == *dapp && offer.documents.iter().any(|change| judge.sees(&change.path))
        };
        let said = || Reason::Said(why.clone());
        Ok(if self.judges.iter().any(could) { Ruling::Bar(said()) } else { Ruling::Accept })
    }
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

/// Whether the block's author may add to the branch.
pub(crate) fn check_validator(objects: &dyn Objects, block: &Block, main: &Block) -> Result<(), BlockFault> {
    let document = State::at_tree(objects, main.tree).branch(&main.branch)?.unwrap_or_default();
    if document.validators.get(&block.author).is_some_and(|weight| *weight > 0) {
        Ok(())
    } else {
        Err(BlockFault::NotValidator { key: block.author, branch: main.branch.clone() })
    }
}

/// Who sees that the heads of a merge go on from what the branch has of their writers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lines {
    /// The check of the merge does, by following the lines down.
    Followed,
    /// The caller does, as it walks down the whole branch anyway. A second line of a writer shows in that its
    /// key is revoked, so only those are followed.
    Trusted,
}

fn offers(
    objects: &dyn Objects,
    block: &Block,
    main: &Block,
    lines: Lines,
) -> Result<Vec<Offer>, BlockFault> {
    let mut offers = Vec::new();
    for head in block.heads() {
        let head = Block::read(objects, *head)?;
        check_parent(block, &head)?;
        let id = head.id;
        let wrong = |reason| BlockFault::Head { head: id, reason: Box::new(reason) };
        let standing = standing_of(objects, block, main, &head, lines)?;
        offers.push(offer(objects, main, head, standing)?.map_err(wrong)?);
    }
    let (offers, passed) = settle(objects, offers)?;
    match passed.into_iter().next() {
        Some((head, reason)) => Err(BlockFault::Head { head, reason: Box::new(reason) }),
        None => Ok(offers),
    }
}

/// How a head stands to the branch, where that is looked at.
fn standing_of(
    objects: &dyn Objects,
    block: &Block,
    main: &Block,
    head: &Block,
    lines: Lines,
) -> Result<Option<Standing>, BlockFault> {
    let key = State::at_tree(objects, block.tree).key(&head.author)?;
    let one_line = key.is_none_or(|key| key.revoked.is_none());
    if head.kind.is_of_branch() || lines == Lines::Trusted && one_line {
        return Ok(None);
    }
    Ok(Some(standing(objects, main, head)?))
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
