//! How a writer's head enters main.
//!
//! Heads are taken one after another, in an order that does not depend on who lists them: first those that
//! revoke something, then by time, then by id. Each is judged against main as it is by then. The documents of a head go
//! in all together or not at all: they stay out when its key is revoked on main, when the policy does not let it
//! write them, when they conflict, or when the result would break a rule. The events of its node's own log go in
//! even then, for what happened at a door is evidence; a head that brings neither is no parent of the merge.
//!
//! The base of the merge is the newest block of the head's run that main contains, else the block of main on
//! which the run stands. A head may come from an author who is revoked by now; so nothing that it says is believed
//! beyond what was checked when its blocks were.

use crate::{
    block::{Block, BlockError},
    check::{BlockFault, check_block},
    diff::{Difference, diff},
    document_merge::table_has_mark,
    keys::Owner,
    line::{dapps_of_run, newest_on_main, since, visit_newer},
    log,
    merge::{Conflict, MergeError, bring},
    object::{Kind, Layered, NewObjects, Objects, load},
    policy::Denied,
    proof::Outcome,
    rules::{RuleError, adds_mark, check_contents},
    state::{SignerError, State, StateError},
    tree::{Edits, Entry, TreeError, edit},
};
use model::{BlockId, Document, Millis, Name, ObjectId};
use std::collections::BTreeSet;

/// Why a head's documents, or all of it, were left out of a merge.
#[derive(Debug, thiserror::Error)]
pub enum Reason {
    /// Main does not let the key sign any more.
    #[error(transparent)]
    Signer(SignerError),
    /// Main does not let the key write there any more.
    #[error(transparent)]
    Denied(Denied),
    /// Somebody else wrote something different.
    #[error("conflict: {}", conflicts_text(.0))]
    Conflict(Vec<Conflict>),
    /// The merged documents would break a rule.
    #[error(transparent)]
    Rule(RuleError),
    /// One of its blocks is faulty.
    #[error("block {}: {fault}", .block.short())]
    Fault {
        /// The block.
        block: BlockId,
        /// What is wrong.
        fault: Box<BlockFault>,
    },
    /// It builds on a block that this main does not have.
    #[error("it builds on a block that main does not contain")]
    OtherMain,
    /// Main already has other blocks of the writer in this place.
    #[error(
        "main contains another line of the same writer: its key is in use twice (a copied card?); revoke it and make a new one"
    )]
    SecondLine,
    /// Main has it.
    #[error("main contains it already")]
    Known,
    /// Two heads by one writer were offered.
    #[error("another head of the same writer is taken in here")]
    SecondHead,
    /// Events of the node are on main already under the same numbers.
    #[error("its log files differ from those that main has under the same names")]
    Log,
    /// Another key writes the node's log by now.
    #[error(
        "its node has another key on main by now, which goes on with the log; the events stay on this key's own branch"
    )]
    Replaced,
    /// Something of it is missing or damaged.
    #[error("it cannot be read: {0}")]
    Unreadable(Box<IntegrateError>),
    /// A block of main, or of another branch.
    #[error("it is no writer's block")]
    NotAWriter,
    /// A judge did not let it pass.
    #[error("judge {dapp}: {outcome}")]
    Judge {
        /// Whose judge.
        dapp: Name,
        /// What it said.
        outcome: Outcome,
    },
    /// What the merge block says.
    #[error("{0}")]
    Said(String),
}

fn conflicts_text(conflicts: &[Conflict]) -> String {
    let shown: Vec<String> = conflicts.iter().take(3).map(Conflict::to_string).collect();
    let more = conflicts.len().saturating_sub(shown.len());
    if more == 0 { shown.join("; ") } else { format!("{} and {more} more", shown.join("; ")) }
}

/// The store failed, or the ledger at hand is damaged: nothing can be said about any head.
#[derive(Debug, thiserror::Error)]
pub enum IntegrateError {
    /// A block could not be read.
    #[error(transparent)]
    Block(#[from] BlockError),
    /// The state could not be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// A merge could not be made.
    #[error(transparent)]
    Merge(#[from] MergeError),
    /// The store failed while a block was checked.
    #[error(transparent)]
    Check(Box<BlockFault>),
}

impl IntegrateError {
    /// Whether the store could not be read; another try may work.
    pub fn is_store_failure(&self) -> bool {
        match self {
            Self::Block(error) => error.is_store_failure(),
            Self::State(error) => error.is_store_failure(),
            Self::Merge(error) => error.is_store_failure(),
            Self::Check(fault) => fault.is_store_failure(),
        }
    }
}

/// What came of a head.
pub(crate) enum Taken {
    /// All of it is in the tree.
    Whole(ObjectId),
    /// Its events are in the tree, its documents are not.
    EventsOnly(ObjectId, Reason),
    /// Nothing of it is.
    Nothing(Reason),
}

/// A head that may be taken in: what it changes, and against what.
pub(crate) struct Offer {
    pub(crate) head: Block,
    owner: Owner,
    /// Changed documents and manifests of its run.
    pub(crate) documents: Vec<Difference>,
    /// New files of its node's own log.
    logs: Vec<Difference>,
    /// The dapps for which the blocks of its run were written; `None` for its owner's own.
    dapps: BTreeSet<Option<Name>>,
    revokes: bool,
}

impl Offer {
    /// The place among other heads: revocations first, then by time, then by id.
    pub(crate) fn order(&self) -> (bool, Millis, BlockId) {
        (!self.revokes, self.head.at, self.head.id)
    }
}

/// Looks at a head from a block of main: what it offers, or why nothing can be made of it.
pub(crate) fn offer(
    objects: &dyn Objects,
    main: &Block,
    head: Block,
) -> Result<Result<Offer, Reason>, IntegrateError> {
    if head.kind.is_of_branch() {
        return Ok(Err(Reason::NotAWriter));
    }
    let since = since(objects, main.id, &head)?;
    if !since.on_main {
        return Ok(Err(Reason::OtherMain));
    }
    let Some(dapps) = dapps_of_run(objects, &head, since.last.as_ref())? else {
        return Ok(Err(Reason::SecondLine));
    };
    let base = match since.last.as_ref().filter(|last| last.main() == head.main()) {
        Some(last) => last.tree,
        None if head.main() == Some(main.id) => main.tree,
        None => Block::read(objects, head.parents[0])?.tree,
    };
    let changes = diff(objects, Some(&base), Some(&head.tree)).map_err(MergeError::from)?;
    let (logs, documents): (Vec<_>, Vec<_>) = changes.into_iter().partition(|c| c.path.is_within("log"));
    let Some(key) = State::at_tree(objects, main.tree).key(&head.author)? else {
        return Ok(Err(Reason::Signer(SignerError::Stranger { key: head.author })));
    };
    let revokes = revokes(objects, &documents)?;
    Ok(Ok(Offer { head, owner: key.owner, documents, logs, dapps, revokes }))
}

/// Whether one of the changes sets a `revoked` mark.
fn revokes(objects: &dyn Objects, documents: &[Difference]) -> Result<bool, IntegrateError> {
    let read = |id: Option<ObjectId>| -> Result<Document, IntegrateError> {
        let Some(id) = id else { return Ok(Document::default()) };
        let bytes = load(objects, &id, Kind::Blob).map_err(MergeError::from)?;
        // A file that is no document revokes nothing; the rules refuse it later.
        Ok(Document::parse(&bytes).unwrap_or_default())
    };
    for change in documents.iter().filter(|change| change.path.is_document()) {
        let new = read(change.new)?;
        if table_has_mark(new.table()) && adds_mark(read(change.old)?.table(), new.table()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Takes a head into a tree of main. `tree` is main's tree with the heads that came before.
pub(crate) fn take(
    objects: &dyn Objects,
    tree: &ObjectId,
    offer: &Offer,
    at: Millis,
    new: &mut NewObjects,
) -> Result<Taken, IntegrateError> {
    let with_documents = match take_documents(objects, tree, offer, at, new)? {
        Ok(tree) => tree,
        Err(reason) => return take_events(objects, tree, offer, reason, new),
    };
    let with_logs = take_logs(objects, &with_documents, offer, new)?;
    Ok(with_logs.map_or_else(Taken::Nothing, Taken::Whole))
}

/// Takes the events of a head whose documents stay out for a reason.
pub(crate) fn take_events(
    objects: &dyn Objects,
    tree: &ObjectId,
    offer: &Offer,
    reason: Reason,
    new: &mut NewObjects,
) -> Result<Taken, IntegrateError> {
    Ok(match take_logs(objects, tree, offer, new)? {
        Err(reason) => Taken::Nothing(reason),
        Ok(_) if offer.logs.is_empty() => Taken::Nothing(reason),
        Ok(tree) => Taken::EventsOnly(tree, reason),
    })
}

fn take_documents(
    objects: &dyn Objects,
    tree: &ObjectId,
    offer: &Offer,
    at: Millis,
    new: &mut NewObjects,
) -> Result<Result<ObjectId, Reason>, IntegrateError> {
    if offer.documents.is_empty() {
        return Ok(Ok(*tree));
    }
    if let Err(reason) = judge(&Layered { new, base: objects }, tree, offer)? {
        return Ok(Err(reason));
    }
    let before = Layered { new, base: objects };
    let mut made = NewObjects::default();
    let (merged, conflicts) = bring(&before, tree, &offer.documents, &mut made)?;
    if !conflicts.is_empty() {
        return Ok(Err(Reason::Conflict(conflicts)));
    }
    let layered = Layered { new: &made, base: &before };
    let changes = diff(&layered, Some(tree), Some(&merged)).map_err(MergeError::from)?;
    match check_contents(&layered, &merged, &changes, at) {
        Ok(()) => {
            new.extend(made);
            Ok(Ok(merged))
        }
        Err(RuleError::State(error)) if error.is_store_failure() => Err(error.into()),
        Err(fault) => Ok(Err(Reason::Rule(fault))),
    }
}

/// Whether main, as it is by now, lets the head's author write its documents.
fn judge(
    objects: &dyn Objects,
    tree: &ObjectId,
    offer: &Offer,
) -> Result<Result<(), Reason>, IntegrateError> {
    let state = State::at_tree(objects, *tree);
    let policy = state.policy()?;
    let mut signers = Vec::new();
    for dapp in &offer.dapps {
        match state.signer(&offer.head.author, dapp.as_ref()) {
            Ok(signer) => signers.push(signer),
            Err(SignerError::State(error)) if error.is_store_failure() => return Err(error.into()),
            Err(error) => return Ok(Err(Reason::Signer(error))),
        }
    }
    for change in &offer.documents {
        let mut denied = None;
        let allowed = signers.iter().any(|signer| match policy.may_write(signer, &change.path) {
            Ok(()) => true,
            Err(why) => {
                denied = Some(why);
                false
            }
        });
        if let (false, Some(denied)) = (allowed, denied) {
            return Ok(Err(Reason::Denied(denied)));
        }
    }
    Ok(Ok(()))
}

/// Adds the files of the author's own log.
fn take_logs(
    objects: &dyn Objects,
    tree: &ObjectId,
    offer: &Offer,
    new: &mut NewObjects,
) -> Result<Result<ObjectId, Reason>, IntegrateError> {
    if offer.logs.is_empty() {
        return Ok(Ok(*tree));
    }
    let edits = match new_log_files(&Layered { new, base: objects }, tree, offer)? {
        Ok(edits) => edits,
        Err(reason) => return Ok(Err(reason)),
    };
    match edit(objects, tree, &edits, new) {
        Ok(tree) => Ok(Ok(tree)),
        Err(TreeError::Occupied { .. }) => Ok(Err(Reason::Log)),
        Err(error) => Err(MergeError::from(error).into()),
    }
}

fn new_log_files(
    objects: &dyn Objects,
    tree: &ObjectId,
    offer: &Offer,
) -> Result<Result<Edits, Reason>, IntegrateError> {
    let Some(node) = offer.owner.node() else { return Ok(Err(Reason::Log)) };
    let state = State::at_tree(objects, *tree);
    if state.node(node)?.is_some_and(|document| document.key != offer.head.author) {
        return Ok(Err(Reason::Replaced));
    }
    let folder = log::folder(node);
    let mut edits = Edits::new();
    for change in &offer.logs {
        let added = change.new.filter(|_| change.old.is_none() && change.path.is_within(folder.as_str()));
        match (added.map(Entry::File), state.entry(&change.path)?) {
            (Some(file), None) => edits.insert(change.path.clone(), Some(file)),
            (Some(file), Some(there)) if file == there => None,
            _ => return Ok(Err(Reason::Log)),
        };
    }
    Ok(Ok(edits))
}

/// Checks every block of a head's line that main does not have, and that the line goes on from what main has.
pub(crate) fn check_line(
    objects: &dyn Objects,
    main: &Block,
    head: &Block,
) -> Result<Result<(), Reason>, IntegrateError> {
    let last = newest_on_main(objects, main.id, &head.author)?;
    let mut check = |block: &Block| check_block(objects, block).map_err(|fault| Stop::at(block, fault));
    match visit_newer(objects, head, last.as_ref(), &mut check) {
        Ok(true) => Ok(Ok(())),
        Ok(false) => Ok(Err(Reason::SecondLine)),
        Err(Stop::Block(error)) => Err(error.into()),
        Err(Stop::Fault { fault, .. }) if fault.is_store_failure() => Err(IntegrateError::Check(fault)),
        Err(Stop::Fault { block, fault }) => Ok(Err(Reason::Fault { block, fault })),
    }
}

/// Whether a head's line goes on from what main has. Its blocks are not checked.
pub(crate) fn goes_on(
    objects: &dyn Objects,
    main: &Block,
    head: &Block,
) -> Result<Result<(), Reason>, IntegrateError> {
    let last = newest_on_main(objects, main.id, &head.author)?;
    if last.as_ref().is_some_and(|last| last.id == head.id) {
        return Ok(Err(Reason::Known));
    }
    let leads = visit_newer(objects, head, last.as_ref(), &mut |_| Ok::<(), IntegrateError>(()))?;
    Ok(if leads { Ok(()) } else { Err(Reason::SecondLine) })
}

/// Why a line was not followed to its end.
enum Stop {
    Block(BlockError),
    Fault { block: BlockId, fault: Box<BlockFault> },
}

impl Stop {
    fn at(block: &Block, fault: BlockFault) -> Self {
        Self::Fault { block: block.id, fault: Box::new(fault) }
    }
}

impl From<BlockError> for Stop {
    fn from(error: BlockError) -> Self {
        Self::Block(error)
    }
}
