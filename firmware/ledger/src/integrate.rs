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
    block::BlockError,
    check::BlockFault,
    clone,
    diff::diff,
    merge::{Conflict, Marks, MergeError, bring},
    object::{Layered, LoadError, NewObjects, Objects},
    offer::Offer,
    policy::Denied,
    proof::Outcome,
    rules::{RuleError, check_contents},
    state::{SignerError, StateError},
    tree::{Entry, TreeError, edit},
};
use model::{BlockId, Millis, Name, ObjectId};

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
        "main contains another line of the same writer: its key is in use twice (a copied card?) and counts no more; make a new one"
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
    /// A file could not be read.
    #[error(transparent)]
    Load(#[from] LoadError),
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
            Self::Load(error) => error.is_store_failure(),
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
    /// Its events are in the tree, and of its documents what they revoke.
    Marks(ObjectId, Reason),
    /// Nothing of it is.
    Nothing(Reason),
}

/// Takes a head into a tree of main. `tree` is main's tree with the heads that came before.
pub(crate) fn take(
    objects: &dyn Objects,
    tree: &ObjectId,
    offer: &Offer,
    at: Millis,
    new: &mut NewObjects,
) -> Result<Taken, IntegrateError> {
    if let Some(second) = &offer.second {
        return clone::take(objects, tree, offer, second, at, new);
    }
    // The log first: a node that replaces its key writes with the old one up to there.
    let with_logs = match take_logs(objects, tree, offer, new)? {
        Ok(tree) => tree,
        Err(reason) => return Ok(Taken::Nothing(reason)),
    };
    Ok(match take_documents(objects, &with_logs, offer, at, new)? {
        Ok(tree) => Taken::Whole(tree),
        Err(reason) if offer.joins => Taken::Nothing(reason),
        Err(reason) => match take_marks(objects, &with_logs, offer, at, new)? {
            Some(tree) => Taken::Marks(tree, reason),
            None if offer.logs.is_empty() => Taken::Nothing(reason),
            None => Taken::EventsOnly(with_logs, reason),
        },
    })
}

/// Takes the events of a head whose documents a judge keeps out, and what it revokes.
pub(crate) fn take_events(
    objects: &dyn Objects,
    tree: &ObjectId,
    offer: &Offer,
    reason: Reason,
    at: Millis,
    new: &mut NewObjects,
) -> Result<Taken, IntegrateError> {
    let with_logs = match take_logs(objects, tree, offer, new)? {
        Ok(tree) if !offer.joins => tree,
        Ok(_) => return Ok(Taken::Nothing(reason)),
        Err(reason) => return Ok(Taken::Nothing(reason)),
    };
    Ok(match take_marks(objects, &with_logs, offer, at, new)? {
        Some(tree) => Taken::Marks(tree, reason),
        None if offer.logs.is_empty() => Taken::Nothing(reason),
        None => Taken::EventsOnly(with_logs, reason),
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
    if let Err(reason) = offer.judge(&Layered { new, base: objects }, tree, &offer.documents)? {
        return Ok(Err(reason));
    }
    let before = Layered { new, base: objects };
    let mut made = NewObjects::default();
    let (merged, conflicts) = bring(&before, tree, &offer.documents, Marks::Ours, &mut made)?;
    if !conflicts.is_empty() {
        return Ok(Err(Reason::Conflict(conflicts)));
    }
    let layered = Layered { new: &made, base: &before };
    let changes = diff(&layered, Some(tree), Some(&merged)).map_err(MergeError::from)?;
    match check_contents(&layered, &merged, &changes, at, &offer.branch) {
        Ok(()) => {
            new.extend(made);
            Ok(Ok(merged))
        }
        Err(RuleError::State(error)) if error.is_store_failure() => Err(error.into()),
        Err(fault) => Ok(Err(Reason::Rule(fault))),
    }
}

/// Of documents that stay out, what they revoke: that goes in by itself if the author may write it, for a revocation is not
/// to wait until somebody has settled a conflict about something else.
fn take_marks(
    objects: &dyn Objects,
    tree: &ObjectId,
    offer: &Offer,
    at: Millis,
    new: &mut NewObjects,
) -> Result<Option<ObjectId>, IntegrateError> {
    let before = Layered { new, base: objects };
    let mut made = NewObjects::default();
    let marks = offer.marks(&before, tree, &mut made)?;
    if marks.is_empty() || offer.judge(&Layered { new: &made, base: &before }, tree, &marks)?.is_err() {
        return Ok(None);
    }
    let edits = marks.iter().map(|change| (change.path.clone(), change.new.map(Entry::File))).collect();
    let marked = edit(&before, tree, &edits, &mut made).map_err(MergeError::from)?;
    match check_contents(&Layered { new: &made, base: &before }, &marked, &marks, at, &offer.branch) {
        Ok(()) => {
            new.extend(made);
            Ok(Some(marked))
        }
        Err(RuleError::State(error)) if error.is_store_failure() => Err(error.into()),
        Err(_) => Ok(None),
    }
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
    let edits = match offer.new_log_files(&Layered { new, base: objects }, tree)? {
        Ok(edits) => edits,
        Err(reason) => return Ok(Err(reason)),
    };
    match edit(objects, tree, &edits, new) {
        Ok(tree) => Ok(Ok(tree)),
        Err(TreeError::Occupied { .. }) => Ok(Err(Reason::Log)),
        Err(error) => Err(MergeError::from(error).into()),
    }
}
