//! A key replaced by another of its owner, on the old key's word alone.
//!
//! Whoever may sign with a key may give it up for a new one, whatever the policy says of `keys/`: one key goes, one comes,
//! nobody's rights grow. In one block (or run) the new key's document appears with the same owner, the old one is marked
//! revoked, and where the old id stood, in its node's document and among the validators of branches, the new id
//! stands. A further device of a person is a new key beside the old, and needs the policy's leave.

use crate::{
    diff::Difference,
    keys::{BranchDocument, KeyDocument, NodeDocument},
    object::{Kind, LoadError, Objects, load},
    policy::Signer,
    state::key_path,
};
use model::{Document, KeyId, ObjectId, StatePath};
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;

/// The paths that the signer may write because the changes replace its key; none if they do not.
pub(crate) fn paths(
    objects: &dyn Objects,
    changes: &[Difference],
    signer: &Signer,
) -> Result<BTreeSet<StatePath>, LoadError> {
    let rotation = Rotation { objects, signer };
    let old = key_path(&signer.key);
    let given_up = changes.iter().find(|change| change.path == old);
    let new = rotation.new_key(changes)?;
    let (Some(given_up), Some(new)) = (given_up, new) else { return Ok(BTreeSet::new()) };
    if !rotation.gives_up(given_up)? {
        return Ok(BTreeSet::new());
    }
    let mut paths = BTreeSet::from([old, key_path(&new)]);
    for change in changes {
        if rotation.replaces(change, new)? {
            paths.insert(change.path.clone());
        }
    }
    Ok(paths)
}

struct Rotation<'a> {
    objects: &'a dyn Objects,
    signer: &'a Signer,
}

impl Rotation<'_> {
    /// The one key of the same owner that is added.
    fn new_key(&self, changes: &[Difference]) -> Result<Option<KeyId>, LoadError> {
        let mut found = None;
        for change in changes.iter().filter(|c| c.path.is_within("keys") && c.old.is_none()) {
            let Some(key) = self.read::<KeyDocument>(change.new)? else { return Ok(None) };
            if found.is_some() || key.owner != self.signer.owner || key.revoked.is_some() {
                return Ok(None);
            }
            found = Some(key.public.id());
        }
        Ok(found)
    }

    /// Whether nothing but the mark is new in the old key's document.
    fn gives_up(&self, change: &Difference) -> Result<bool, LoadError> {
        let (old, new) = (self.read::<KeyDocument>(change.old)?, self.read::<KeyDocument>(change.new)?);
        let (Some(old), Some(new)) = (old, new) else { return Ok(false) };
        let marked = old.revoked.is_none() && new.revoked.is_some();
        Ok(marked && KeyDocument { revoked: None, ..new } == old)
    }

    /// Whether a document has the new id where it had the old one, and is the same else.
    fn replaces(&self, change: &Difference, new: KeyId) -> Result<bool, LoadError> {
        let (Some(mut before), Some(after)) = (self.document(change.old)?, self.document(change.new)?) else {
            return Ok(false);
        };
        let (old_id, new_id) = (self.signer.key.to_string(), new.to_string());
        if change.path.is_within("nodes") {
            let own = before.to_value::<NodeDocument>().is_ok_and(|node| node.key == self.signer.key);
            before.table_mut().insert("key".into(), new_id.into());
            return Ok(own && self.signer.active_node && before == after);
        }
        if change.path.is_within("branches") && before.to_value::<BranchDocument>().is_ok() {
            let validators = before.table_mut().get_mut("validators").and_then(|v| v.as_table_mut());
            let moved = validators.and_then(|table| Some((table.remove(&old_id)?, table)));
            let Some((weight, table)) = moved else { return Ok(false) };
            table.insert(new_id, weight);
            return Ok(before == after);
        }
        Ok(false)
    }

    fn read<T: DeserializeOwned>(&self, id: Option<ObjectId>) -> Result<Option<T>, LoadError> {
        Ok(self.document(id)?.and_then(|document| document.to_value().ok()))
    }

    /// What is no document replaces nothing; the rules refuse it elsewhere.
    fn document(&self, id: Option<ObjectId>) -> Result<Option<Document>, LoadError> {
        let Some(id) = id else { return Ok(None) };
        Ok(Document::parse(&load(self.objects, &id, Kind::Blob)?).ok())
    }
}
