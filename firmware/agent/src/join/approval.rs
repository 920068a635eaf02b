//! What a person signs to let a box in: its key, its document, and its weight among the validators if it is to vote.

use super::invites::Asker;
use ledger::{BranchDocument, Change, KeyDocument, NodeDocument, Owner, key_path};
use model::{Document, DocumentError, Millis, Name, PathError, StatePath};

/// Documents that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ApprovalError {
    /// One cannot be written.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// A path cannot be spelt.
    #[error(transparent)]
    Path(#[from] PathError),
}

/// The changes that let a box in. `weight` above 0 makes it a validator of the branch `name`; `branch` is that branch's
/// document as it is now.
pub fn approval(
    asker: &Asker,
    now: Millis,
    weight: u64,
    name: &Name,
    branch: &BranchDocument,
) -> Result<Vec<Change>, ApprovalError> {
    let id = asker.key.id();
    let owner = Owner::Node(asker.name.clone());
    let key = KeyDocument {
        public: asker.key.clone(),
        owner,
        label: asker.place.clone(),
        added: now,
        replaces: None,
        replaced: None,
        revoked: None,
    };
    let node = NodeDocument { key: id, board: asker.board.clone(), place: asker.place.clone() };
    let mut changes =
        vec![change(key_path(&id), &key)?, change(format!("nodes/{}.toml", asker.name).parse()?, &node)?];
    if weight > 0 {
        let mut branch = branch.clone();
        branch.validators.insert(id, weight);
        changes.push(change(format!("branches/{name}.toml").parse()?, &branch)?);
    }
    Ok(changes)
}

fn change(path: StatePath, document: &impl serde::Serialize) -> Result<Change, ApprovalError> {
    let text = Document::from_value(document)?.to_canonical()?;
    Ok(Change { path, content: Some(text.into_bytes()) })
}
