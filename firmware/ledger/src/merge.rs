//! Three-way merge of state trees, file by file.
//!
//! What changed from the base to their side is brought into our side. A file that only they changed is
//! taken; a document that both changed is merged by key ([`merge_documents`]); any other file that both changed is
//! a conflict. For sides without conflicts the result is the same in either order. Only folders that differ are read.

use crate::{
    diff::{Difference, diff},
    document_merge::{MergedDocument, keep_marks, merge_documents, table_has_mark},
    object::{Kind, Layered, LoadError, NewObjects, Objects, load},
    tree::{Edits, Entry, TreeError, edit, find},
};
use model::{Document, DocumentError, ObjectId, StatePath};
use std::fmt;

/// What two sides wrote differently.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Conflict {
    /// The file.
    pub path: StatePath,
    /// The keys within the document, outermost first; empty for the whole file.
    pub keys: Vec<String>,
    /// What our side has there, as text; `None` if nothing.
    pub ours: Option<String>,
    /// What their side has there.
    pub theirs: Option<String>,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ours, theirs) = (self.ours.as_deref(), self.theirs.as_deref());
        write!(f, "{}", self.path)?;
        if !self.keys.is_empty() {
            write!(f, " ({})", self.keys.join("."))?;
        }
        write!(f, ": main has {}, the block has {}", ours.unwrap_or("nothing"), theirs.unwrap_or("nothing"))
    }
}

/// A merged tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergedTree {
    /// The tree; where there are conflicts, with our side's values.
    pub tree: ObjectId,
    /// What did not merge, in the order of the paths.
    pub conflicts: Vec<Conflict>,
    /// The trees and files that are new.
    pub objects: NewObjects,
}

/// Trees that could not be merged.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// A tree could not be read.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// A file could not be read.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A document in the ledger is none.
    #[error("{path}: {source}")]
    Document {
        /// The file.
        path: StatePath,
        /// What is wrong.
        source: DocumentError,
    },
}

impl MergeError {
    /// Whether the store could not be read; another try may work.
    pub fn is_store_failure(&self) -> bool {
        match self {
            Self::Tree(error) => error.is_store_failure(),
            Self::Load(error) => error.is_store_failure(),
            Self::Document { .. } => false,
        }
    }
}

/// Merges what changed from `base` to `theirs` into `ours`.
pub fn merge(
    objects: &dyn Objects,
    base: &ObjectId,
    ours: &ObjectId,
    theirs: &ObjectId,
) -> Result<MergedTree, MergeError> {
    let changes = diff(objects, Some(base), Some(theirs))?;
    let mut new = NewObjects::default();
    let (tree, conflicts) = bring(objects, ours, &changes, Marks::Smaller, &mut new)?;
    Ok(MergedTree { tree, conflicts, objects: new })
}

/// Which of two different marks of revocation stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marks {
    /// The one with the smaller text: the sides are equal.
    Smaller,
    /// Ours, which a branch has already and which never changes there.
    Ours,
}

/// Brings changes into a tree.
pub(crate) fn bring(
    objects: &dyn Objects,
    ours: &ObjectId,
    changes: &[Difference],
    marks: Marks,
    new: &mut NewObjects,
) -> Result<(ObjectId, Vec<Conflict>), MergeError> {
    let mut edits = Edits::new();
    let mut conflicts = Vec::new();
    for change in changes {
        let outcome = match find(objects, ours, &change.path)? {
            Some(Entry::Folder(_)) => Outcome::Conflict(vec![whole_file(change, Some("a folder"))]),
            Some(Entry::File(id)) => bring_file(objects, Some(id), change, marks, new)?,
            None => bring_file(objects, None, change, marks, new)?,
        };
        match outcome {
            Outcome::Keep => {}
            Outcome::Take(id) => {
                edits.insert(change.path.clone(), id.map(Entry::File));
            }
            Outcome::Conflict(found) => conflicts.extend(found),
        }
    }
    let tree = edit_where_free(objects, ours, edits, &mut conflicts, new)?;
    conflicts.sort();
    Ok((tree, conflicts))
}

/// Edits, and makes a conflict of each path on which the two sides have a file and a folder.
fn edit_where_free(
    objects: &dyn Objects,
    ours: &ObjectId,
    mut edits: Edits,
    conflicts: &mut Vec<Conflict>,
    new: &mut NewObjects,
) -> Result<ObjectId, MergeError> {
    loop {
        match edit(objects, ours, &edits, new) {
            Err(TreeError::Occupied { path }) if edits.remove(&path).is_some() => {
                let theirs = Some("a file and a folder of one name".into());
                conflicts.push(Conflict { path, keys: Vec::new(), ours: None, theirs });
            }
            other => return Ok(other?),
        }
    }
}

enum Outcome {
    Keep,
    Take(Option<ObjectId>),
    Conflict(Vec<Conflict>),
}

fn bring_file(
    objects: &dyn Objects,
    ours: Option<ObjectId>,
    change: &Difference,
    marks: Marks,
    new: &mut NewObjects,
) -> Result<Outcome, MergeError> {
    if ours == change.new {
        return Ok(Outcome::Keep);
    }
    if !change.path.is_document() {
        let free = ours == change.old;
        return Ok(if free { Outcome::Take(change.new) } else { conflict(change, ours) });
    }
    bring_document(objects, ours, change, marks, new)
}

fn bring_document(
    objects: &dyn Objects,
    ours: Option<ObjectId>,
    change: &Difference,
    marks: Marks,
    new: &mut NewObjects,
) -> Result<Outcome, MergeError> {
    let read = |id: Option<ObjectId>| -> Result<Option<Document>, MergeError> {
        let layered = Layered { new, base: objects };
        let Some(id) = id else { return Ok(None) };
        let bytes = load(&layered, &id, Kind::Blob)?;
        let wrong = |source| MergeError::Document { path: change.path.clone(), source };
        Document::parse(&bytes).map(Some).map_err(wrong)
    };
    let marked = |document: &Option<Document>| document.as_ref().is_some_and(|d| table_has_mark(d.table()));
    match (read(ours)?, read(change.new)?) {
        (Some(our), Some(their)) => {
            // Also where our side is the base: a mark that theirs lost comes back.
            let base = read(change.old)?.unwrap_or_default();
            let mut merged = merge_documents(&base, &our, &their);
            if marks == Marks::Ours {
                keep_marks(&mut merged.table, our.table());
            }
            Ok(merged_two(merged, ours, change, new))
        }
        (our, None) if marked(&our) => Ok(Outcome::Keep),
        (None, their) if marked(&their) => Ok(Outcome::Take(change.new)),
        _ if ours == change.old => Ok(Outcome::Take(change.new)),
        _ => Ok(conflict(change, ours)),
    }
}

fn merged_two(
    merged: MergedDocument,
    ours: Option<ObjectId>,
    change: &Difference,
    new: &mut NewObjects,
) -> Outcome {
    if !merged.conflicts.is_empty() {
        let at_key = |found: crate::document_merge::KeyConflict| Conflict {
            path: change.path.clone(),
            keys: found.keys,
            ours: found.ours,
            theirs: found.theirs,
        };
        return Outcome::Conflict(merged.conflicts.into_iter().map(at_key).collect());
    }
    match Document::from_table(merged.table).and_then(|document| document.to_canonical()) {
        Ok(text) => Outcome::Take(Some(new.insert(Kind::Blob, text.into_bytes()))),
        // Each side fits, both together do not.
        Err(_) => conflict(change, ours),
    }
}

fn conflict(change: &Difference, ours: Option<ObjectId>) -> Outcome {
    Outcome::Conflict(vec![whole_file(change, ours.map(|_| "other content"))])
}

fn whole_file(change: &Difference, ours: Option<&str>) -> Conflict {
    Conflict {
        path: change.path.clone(),
        keys: Vec::new(),
        ours: ours.map(String::from),
        theirs: change.new.map(|_| "new content".into()),
    }
}
