//! A key that is in use twice: a copied card, a restored backup.
//!
//! What happened at a door is evidence, whoever holds the key: the events of the second line go into main, in a folder of
//! their own. Its documents stay out, and the merge that takes it in revokes the key, so neither line has any
//! power from there on: not to write documents, not to vote. A new key, approved as any other, takes its place. Where that
//! would leave nobody to go on with main, nothing is taken in and nobody revoked.

use crate::{
    block::Block,
    diff::{Difference, diff_below},
    finality::Validators,
    integrate::{IntegrateError, Reason, Taken},
    keys::{Owner, Revoked},
    log,
    merge::MergeError,
    object::{Kind, Layered, NewObjects, Objects},
    offer::Offer,
    rules::{RuleError, check_lockout},
    standing::{SecondLine, meet},
    state::{State, StateError, key_path},
    trailers::BlockKind,
    tree::{Edits, Entry, edit},
};
use model::{BlockId, Document, KeyId, Millis, Name, ObjectId, StatePath};

/// Who revoked the key of a second line: no person, the merge itself.
pub const REVOKED_BY_LEDGER: &str = "ledger";

/// Two blocks that one key signed for one place: proof that it is in use twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Equivocation {
    /// The key.
    pub key: KeyId,
    /// One block.
    pub a: BlockId,
    /// The other.
    pub b: BlockId,
}

/// Whether two heads show that their writer's key is in use twice: two lines that part, or two final blocks at
/// one height of a branch. The blocks are those right after the last common one. Signatures are not checked here.
pub fn equivocation(
    objects: &dyn Objects,
    a: BlockId,
    b: BlockId,
) -> Result<Option<Equivocation>, StateError> {
    let (a, b) = (Block::read(objects, a)?, Block::read(objects, b)?);
    if a.author != b.author || a.org != b.org || a.id == b.id {
        return Ok(None);
    }
    let proof = |a: BlockId, b: BlockId, key| Equivocation { key, a: a.min(b), b: a.max(b) };
    if a.kind.is_of_branch() || b.kind.is_of_branch() {
        let one_place = (&a.branch, a.height) == (&b.branch, b.height);
        let twice = one_place && is_alone(objects, &a)? && is_alone(objects, &b)?;
        return Ok(twice.then(|| proof(a.id, b.id, a.author)));
    }
    let met = meet(objects, &a, &b)?;
    Ok(met.one.zip(met.other).map(|(one, other)| proof(one, other, a.author)))
}

/// Whether a merge block is final by its author's weight alone.
pub(crate) fn is_alone(objects: &dyn Objects, block: &Block) -> Result<bool, StateError> {
    let (BlockKind::Merge, Some(main)) = (block.kind, block.main()) else { return Ok(false) };
    match Validators::at(objects, main, &block.branch) {
        Ok(validators) => Ok(validators.alone(&block.author)),
        Err(crate::finality::ValidatorsError::State(error)) => Err(error),
        Err(crate::finality::ValidatorsError::NoBranch { .. }) => Ok(false),
    }
}

/// Where the log of a second line is kept: `log/0.<line>.<node>`. No node has a name like that.
pub(crate) fn place(node: &Name, first: BlockId) -> Result<StatePath, StateError> {
    let short: String = node.as_str().chars().take(40).collect();
    let line = &first.to_string()[..8];
    Ok(format!("log/{CLONES}{line}.{}", short.trim_end_matches('.')).parse()?)
}

/// How the folders of second lines begin.
pub(crate) const CLONES: &str = "0.";

/// The files of a second line's log since it parted, in their place.
pub(crate) fn logs(
    objects: &dyn Objects,
    owner: &Owner,
    second: &SecondLine,
    head: &Block,
) -> Result<Vec<Difference>, IntegrateError> {
    let Some(node) = owner.node() else { return Ok(Vec::new()) };
    let (folder, place) = (log::folder(node), place(node, second.first)?);
    let id = |tree: ObjectId| State::at_tree(objects, tree).id_of(&folder);
    let before = second.shared.as_ref().map(|shared| id(shared.tree)).transpose()?.flatten();
    let after = id(head.tree)?;
    let changes = diff_below(objects, Some(&folder), before.as_ref(), after.as_ref());
    let moved = changes.map_err(MergeError::from)?.into_iter().filter(|change| change.new.is_some());
    let moved = moved.map(|change| {
        let rest = &change.path.as_str()[folder.as_str().len() + 1..];
        Ok(Difference { path: place.join(rest).map_err(StateError::from)?, old: None, new: change.new })
    });
    moved.collect()
}

/// Heads that are passed over, and why.
pub(crate) type Passed = Vec<(BlockId, Reason)>;

/// Of heads by one writer the highest of each line stays; lines beside the first in the order of merging are second
/// ones. Gives the heads that are passed over.
pub(crate) fn settle(
    objects: &dyn Objects,
    mut offers: Vec<Offer>,
) -> Result<(Vec<Offer>, Passed), IntegrateError> {
    offers.sort_by_key(Offer::order);
    let (mut kept, mut passed): (Vec<Offer>, Passed) = (Vec::new(), Vec::new());
    'next: for mut offer in offers {
        let author = offer.head.author;
        for other in kept.iter_mut().filter(|other| other.head.author == author) {
            let met = meet(objects, &offer.head, &other.head)?;
            match (met.one, met.other) {
                (None, _) => {
                    passed.push((offer.head.id, Reason::SecondHead));
                    continue 'next;
                }
                (_, None) => {
                    passed.push((other.head.id, Reason::SecondHead));
                    *other = offer;
                    continue 'next;
                }
                (Some(first), Some(rival)) if offer.second.is_none() && other.second.is_none() => {
                    let last = met.shared.clone();
                    offer.make_second(objects, SecondLine { shared: met.shared, first, rival, last })?;
                }
                _ => {}
            }
        }
        kept.push(offer);
    }
    Ok((kept, passed))
}

/// Takes in the events of a second line, and revokes its key.
pub(crate) fn take(
    objects: &dyn Objects,
    tree: &ObjectId,
    offer: &Offer,
    second: &SecondLine,
    at: Millis,
    new: &mut NewObjects,
) -> Result<Taken, IntegrateError> {
    let mut edits = Edits::new();
    let state_objects = Layered { new, base: objects };
    let state = State::at_tree(&state_objects, *tree);
    for change in &offer.logs {
        match (change.new.map(Entry::File), state.entry(&change.path)?) {
            (Some(file), None) => drop(edits.insert(change.path.clone(), Some(file))),
            (file, there) if file == there => {}
            _ => return Ok(Taken::Nothing(Reason::Log)),
        }
    }
    let mut made = NewObjects::default();
    let mark = mark(&state, &offer.head.author, second, at, &mut made)?;
    edits.extend(mark.clone());
    if edits.is_empty() {
        return Ok(Taken::Nothing(Reason::SecondLine));
    }
    let layered = Layered { new: &made.clone(), base: &state_objects };
    let marked = edit(&layered, tree, &edits, &mut made).map_err(MergeError::from)?;
    if mark.is_some() && locks_out(&Layered { new: &made, base: &state_objects }, &marked, offer)? {
        return Ok(Taken::Nothing(Reason::SecondLine));
    }
    new.extend(made);
    Ok(Taken::EventsOnly(marked, Reason::SecondLine))
}

/// The key's document with the mark; nothing if it is revoked already.
fn mark(
    state: &State<'_>,
    key: &KeyId,
    second: &SecondLine,
    at: Millis,
    made: &mut NewObjects,
) -> Result<Option<(StatePath, Option<Entry>)>, IntegrateError> {
    let path = key_path(key);
    let Some(mut document) = state.key_as_written(key)?.filter(|document| document.revoked.is_none()) else {
        return Ok(None);
    };
    let reason = format!("in use twice: blocks {} and {}", second.rival.short(), second.first.short());
    document.revoked = Some(Revoked { at, by: REVOKED_BY_LEDGER.into(), reason });
    let wrong = |source| StateError::Document { path: path.clone(), source };
    let text = Document::from_value(&document).and_then(|document| document.to_canonical()).map_err(wrong)?;
    let file = Entry::File(made.insert(Kind::Blob, text.into_bytes()));
    Ok(Some((path, Some(file))))
}

/// Whether nobody could go on with the branch.
fn locks_out(objects: &dyn Objects, tree: &ObjectId, offer: &Offer) -> Result<bool, IntegrateError> {
    let key = key_path(&offer.head.author);
    let change = Difference { path: key, old: None, new: None };
    match check_lockout(objects, tree, &[change], &offer.branch) {
        Ok(()) => Ok(false),
        Err(RuleError::State(error)) if error.is_store_failure() => Err(error.into()),
        Err(_) => Ok(true),
    }
}
