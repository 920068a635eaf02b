//! Joins: a whole branch brought to another one, as a writer's block.
//!
//! The draft is a typed three-way merge from the last state that both had. Where both changed one thing differently a
//! person chooses, file by file; marks of revocation come along whatever is chosen. A join is like any other
//! block of its writer from there on: the policy of the branch that it is offered to decides, and a merge takes it in.

use crate::{
    bases::{BaseError, base_tree},
    block::{Block, BlockError},
    diff::{Difference, diff},
    document_merge::keep_marks,
    fault::BlockFault,
    ground::Ground,
    join_check::place_of,
    merge::{Conflict, Marks, MergeError, bring},
    object::{Kind, Layered, NewObjects, Objects},
    proposal::{DraftError, Meta, finish, message},
    sign::Draft,
    state::{State, StateError},
    trailers::{BlockKind, Message},
    tree::{Edits, Entry, edit},
};
use model::{BlockId, Document, ObjectId, StatePath};
use std::collections::BTreeMap;

/// Whose file stands where both changed one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// That of the branch that is joined to.
    Ours,
    /// That of the branch that is brought.
    Theirs,
}

/// What a person chose, by path.
pub type Choices = BTreeMap<StatePath, Choice>;

/// A join that cannot be drafted.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// Both changed the same things and nobody chose.
    #[error("both branches changed {} and no choice is made", paths(.0))]
    Conflicts(Vec<Conflict>),
    /// The last common state could not be found.
    #[error(transparent)]
    Base(Box<BaseError>),
    /// The block could not be drafted.
    #[error(transparent)]
    Draft(Box<DraftError>),
}

impl JoinError {
    /// Whether the store could not be read; another try may work.
    pub fn is_store_failure(&self) -> bool {
        match self {
            Self::Conflicts(_) => false,
            Self::Base(error) => error.is_store_failure(),
            Self::Draft(error) => error.is_store_failure(),
        }
    }
}

fn paths(conflicts: &[Conflict]) -> String {
    let mut paths: Vec<&str> = conflicts.iter().map(|conflict| conflict.path.as_str()).collect();
    paths.dedup();
    paths.join(", ")
}

impl From<BaseError> for JoinError {
    fn from(error: BaseError) -> Self {
        Self::Base(Box::new(error))
    }
}

impl From<DraftError> for JoinError {
    fn from(error: DraftError) -> Self {
        Self::Draft(Box::new(error))
    }
}

impl From<MergeError> for JoinError {
    fn from(error: MergeError) -> Self {
        BaseError::from(error).into()
    }
}

impl From<StateError> for JoinError {
    fn from(error: StateError) -> Self {
        BaseError::from(error).into()
    }
}

impl From<BlockError> for JoinError {
    fn from(error: BlockError) -> Self {
        BaseError::from(error).into()
    }
}

/// A join of the branch that ends with `source` to the branch that ends with `target`, after the writer's `own` last
/// block. Where both changed one file differently and no choice is made the conflicts are given back.
pub fn join(
    objects: &dyn Objects,
    target: BlockId,
    own: Option<BlockId>,
    source: BlockId,
    choices: &Choices,
    meta: Meta,
) -> Result<Draft, JoinError> {
    let ground = Ground::find(objects, target, own, &meta)?;
    let source = Block::read(objects, source)?;
    if !source.kind.is_of_branch() || source.branch == ground.main.branch {
        return Err(DraftError::from(BlockFault::Joined { block: source.id }).into());
    }
    let mut new = ground.objects.clone();
    let Some(base) = base_tree(objects, &ground.main, &source, &mut new)? else {
        return Err(DraftError::from(BlockFault::NothingChanged).into());
    };
    let changes = {
        let layered = Layered { new: &new, base: objects };
        diff(&layered, Some(&base), Some(&source.tree)).map_err(MergeError::from)?
    };
    let (logs, documents): (Vec<_>, Vec<_>) = changes.into_iter().partition(|c| c.path.is_within("log"));
    let joining = Joining { objects, source: &source, footing: ground.footing };
    let tree = joining.bring_documents(&documents, choices, &mut new)?;
    let tree = joining.bring_logs(&tree, &logs, &mut new)?;
    let message =
        Message { joins: Some(source.id), ..message(BlockKind::Join, &meta).map_err(DraftError::from)? };
    let mut draft = ground.draft(tree, &new, message, &meta);
    draft.parents.push(source.id);
    draft.at = draft.at.max(source.at);
    Ok(finish(objects, draft)?)
}

struct Joining<'a> {
    objects: &'a dyn Objects,
    source: &'a Block,
    footing: ObjectId,
}

impl Joining<'_> {
    fn bring_documents(
        &self,
        changes: &[Difference],
        choices: &Choices,
        new: &mut NewObjects,
    ) -> Result<ObjectId, JoinError> {
        let (chosen, open): (Vec<_>, Vec<_>) =
            changes.iter().cloned().partition(|change| choices.contains_key(&change.path));
        let mut made = NewObjects::default();
        let (tree, conflicts) =
            bring(&Layered { new, base: self.objects }, &self.footing, &open, Marks::Ours, &mut made)?;
        new.extend(made);
        if !conflicts.is_empty() {
            return Err(JoinError::Conflicts(conflicts));
        }
        let theirs = chosen.into_iter().filter(|change| choices[&change.path] == Choice::Theirs);
        let edits = theirs.map(|change| (change.path, change.new.map(Entry::File))).collect();
        let tree = self.edit(&tree, &edits, new)?;
        self.keep_marks(&tree, changes, new)
    }

    /// Sets what their side has revoked, and what ours has, as ours has it.
    fn keep_marks(
        &self,
        tree: &ObjectId,
        changes: &[Difference],
        new: &mut NewObjects,
    ) -> Result<ObjectId, JoinError> {
        let mut edits = Edits::new();
        for path in changes.iter().map(|change| &change.path).filter(|path| path.is_document()) {
            let before = self.document(tree, path, new)?;
            let mut document = before.clone().unwrap_or_default();
            for side in [&self.source.tree, &self.footing] {
                if let Some(side) = self.document(side, path, new)? {
                    keep_marks(document.table_mut(), side.table());
                }
            }
            if document != before.unwrap_or_default() {
                let wrong = |source| StateError::Document { path: path.clone(), source };
                let text = document.to_canonical().map_err(wrong)?;
                let file = new.insert(Kind::Blob, text.into_bytes());
                edits.insert(path.clone(), Some(Entry::File(file)));
            }
        }
        self.edit(tree, &edits, new)
    }

    fn document(
        &self,
        tree: &ObjectId,
        path: &StatePath,
        new: &NewObjects,
    ) -> Result<Option<Document>, JoinError> {
        let layered = Layered { new, base: self.objects };
        Ok(State::at_tree(&layered, *tree).document(path)?)
    }

    /// The files of logs that are new on their side, as they are there. Where ours has another file of the name, a key
    /// was in use twice; then theirs goes to a folder of its own.
    fn bring_logs(
        &self,
        tree: &ObjectId,
        logs: &[Difference],
        new: &mut NewObjects,
    ) -> Result<ObjectId, JoinError> {
        let mut edits = Edits::new();
        for change in logs {
            let Some(file) = change.new.map(Entry::File) else { continue };
            let there = {
                let layered = Layered { new, base: self.objects };
                State::at_tree(&layered, *tree).entry(&change.path)?
            };
            let path = match there {
                Some(there) if there == file => continue,
                Some(_) => place_of(self.objects, self.source, &change.path)?,
                None => change.path.clone(),
            };
            edits.insert(path, Some(file));
        }
        self.edit(tree, &edits, new)
    }

    fn edit(&self, tree: &ObjectId, edits: &Edits, new: &mut NewObjects) -> Result<ObjectId, JoinError> {
        Ok(edit(self.objects, tree, edits, new).map_err(MergeError::from)?)
    }
}

/// What a join would have to choose between, for a person to look at; empty if it merges by itself.
pub fn conflicts(
    objects: &dyn Objects,
    target: BlockId,
    source: BlockId,
) -> Result<Vec<Conflict>, JoinError> {
    let (target, source) = (Block::read(objects, target)?, Block::read(objects, source)?);
    let mut new = NewObjects::default();
    let Some(base) = base_tree(objects, &target, &source, &mut new)? else { return Ok(Vec::new()) };
    let layered = Layered { new: &new, base: objects };
    let changes = diff(&layered, Some(&base), Some(&source.tree)).map_err(MergeError::from)?;
    let documents: Vec<_> = changes.into_iter().filter(|change| !change.path.is_within("log")).collect();
    Ok(bring(&layered, &target.tree, &documents, Marks::Ours, &mut NewObjects::default())?.1)
}
