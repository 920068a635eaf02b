//! A key replaced by another of its owner, on the old key's word alone.
//!
//! Whoever may sign with a key may give it up for a new one, whatever the policy says of `keys/`: one key goes, one comes,
//! nobody's rights grow. In one block (or run) the new key's document appears with the same owner, the two name each
//! other (`replaces`, `replaced`), and where the old id stood, in its node's document and among the validators of branches,
//! the new id stands. The new key lives as long as the old one is not revoked: who takes away a stolen key takes away what the
//! thief made of it, in every order of merging ([`State::key`](crate::State::key)). A further device of a person is a new key beside the old, and needs the policy's leave.

use crate::{
    diff::Difference,
    keys::{BranchDocument, KeyDocument, NodeDocument, Replaced},
    object::{Kind, LoadError, Objects, load},
    policy::Signer,
    proposal::Change,
    state::{State, StateError, key_path},
};
use model::{Document, DocumentError, KeyId, Millis, ObjectId, PublicKey, StatePath};
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
    if !rotation.gives_up(given_up, new)? {
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

/// The changes by which a key gives way to another of its owner, to be signed with the old one: both documents, and
/// where the old id stands in the node's document and among the validators of branches.
pub fn replace_key(
    state: &State<'_>,
    old: &KeyId,
    new: &PublicKey,
    label: &str,
    at: Millis,
) -> Result<Vec<Change>, StateError> {
    let missing = || StateError::Missing { path: key_path(old) };
    let before = state.key_as_written(old)?.ok_or_else(missing)?;
    let after = KeyDocument {
        public: new.clone(),
        owner: before.owner.clone(),
        label: label.into(),
        added: at,
        replaces: Some(*old),
        replaced: None,
        revoked: None,
    };
    let node = before.owner.node().cloned();
    let replaced = KeyDocument { replaced: Some(Replaced { at, by: new.id() }), ..before };
    let mut changed = vec![
        (key_path(&new.id()), Document::from_value(&after)),
        (key_path(old), Document::from_value(&replaced)),
    ];
    let (old, new) = (old.to_string(), new.id().to_string());
    for (path, mut document) in state.documents("branches")? {
        if move_weight(&mut document, &old, &new) {
            changed.push((path, Ok(document)));
        }
    }
    if let Some(node) = node
        && let path = format!("nodes/{node}.toml").parse::<StatePath>()?
        && let Some(mut document) = state.document(&path)?
        && document.get(&["key"]).and_then(|key| key.as_str()) == Some(&old)
    {
        document.table_mut().insert("key".into(), new.into());
        changed.push((path, Ok(document)));
    }
    changed.into_iter().map(|(path, document)| as_change(path, document)).collect()
}

/// Puts a new id where a branch's document has an old one among the validators; whether it had.
fn move_weight(document: &mut Document, old: &str, new: &str) -> bool {
    let validators = document.table_mut().get_mut("validators").and_then(|table| table.as_table_mut());
    let Some((weight, table)) = validators.and_then(|table| Some((table.remove(old)?, table))) else {
        return false;
    };
    table.insert(new.into(), weight);
    true
}

fn as_change(path: StatePath, document: Result<Document, DocumentError>) -> Result<Change, StateError> {
    let text = document.and_then(|document| document.to_canonical());
    let text = text.map_err(|source| StateError::Document { path: path.clone(), source })?;
    Ok(Change { path, content: Some(text.into_bytes()) })
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
            let fits = key.owner == self.signer.owner && key.replaces == Some(self.signer.key);
            if found.is_some() || !fits || key.revoked.is_some() || key.replaced.is_some() {
                return Ok(None);
            }
            found = Some(key.public.id());
        }
        Ok(found)
    }

    /// Whether nothing but the new key is new in the old key's document.
    fn gives_up(&self, change: &Difference, by: KeyId) -> Result<bool, LoadError> {
        let (old, new) = (self.read::<KeyDocument>(change.old)?, self.read::<KeyDocument>(change.new)?);
        let (Some(old), Some(new)) = (old, new) else { return Ok(false) };
        let given = old.replaced.is_none() && new.replaced.as_ref().is_some_and(|replaced| replaced.by == by);
        Ok(given && KeyDocument { replaced: None, ..new } == old)
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
            let moved = move_weight(&mut before, &old_id, &new_id);
            return Ok(moved && before == after);
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
