//! Three-way merge of state trees.
use crate::{
    object::{NewObjects, Objects},
    tree::TreeError,
};
use model::{ObjectId, StatePath};

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

/// A merged tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergedTree {
    /// The tree; where there are conflicts, with our side's values.
    pub tree: ObjectId,
    /// What did not merge.
    pub conflicts: Vec<Conflict>,
    /// The trees and files that are new.
    pub objects: NewObjects,
}

/// Merges what changed from `base` to `theirs` into `ours`.
pub fn merge(
    objects: &dyn Objects,
    base: &ObjectId,
    ours: &ObjectId,
    theirs: &ObjectId,
) -> Result<MergedTree, TreeError> {
    let _ = (objects, base, ours, theirs);
    todo!()
}
