//! Main as everybody in this process reads it: one immutable value per block, behind an `Arc`.
//!
//! The keeper makes a new one when main moves, or what is known beyond it does, and publishes it; readers keep the
//! old one as long as they like. Documents that a block did not change are shared between views, so a change
//! costs what it changed. There are two readings of one view: cautious, the final state with every `revoked` mark
//! of the tentative one laid over it, and tentative.

mod load;
mod nodes;
mod overlay;
mod people;

pub use load::LoadError;

use crate::blobs::{SYSTEM, release_of};
use dapp::wire::{Certainty, JsonDocument};
use model::{BlockId, Millis, ObjectId, OrgId, StatePath};
use std::{collections::BTreeMap, sync::Arc};

/// A document at one block.
#[derive(Debug)]
pub struct Entry {
    /// The object that it is stored as: equal ids are equal documents.
    pub id: ObjectId,
    /// The document.
    pub document: JsonDocument,
}

/// All documents by path.
pub type Documents = BTreeMap<StatePath, Arc<Entry>>;

/// The state of main at one block.
#[derive(Debug)]
pub struct View {
    /// The organisation.
    pub org: OrgId,
    /// The newest block of main.
    pub head: BlockId,
    /// Its height.
    pub height: u64,
    /// When it was made.
    pub head_at: Millis,
    /// Every document of the final state as it is.
    pub agreed: Arc<Documents>,
    /// The same with each revocation that is known.
    pub documents: Arc<Documents>,
    /// Every document of the tentative state; the same value if nothing is tentative.
    pub tentative: Arc<Documents>,
    /// The tree of the tentative state.
    pub tentative_tree: ObjectId,
    /// Every manifest of a large file, by path, and the object that it is stored as.
    pub manifests: BTreeMap<StatePath, ObjectId>,
}

/// What changed from one view to another.
#[derive(Debug, Default)]
pub struct Difference {
    /// New and changed documents.
    pub changed: Vec<(StatePath, Arc<Entry>)>,
    /// Those that are gone.
    pub removed: Vec<StatePath>,
}

impl View {
    /// The document at a path.
    pub fn document(&self, path: &str) -> Option<&JsonDocument> {
        self.documents.get(path).map(|entry| &entry.document)
    }

    /// A text of `org.toml`.
    pub fn org_text(&self, key: &str) -> String {
        let text = self.document("org.toml").and_then(|org| org.get(key)).and_then(|value| value.as_str());
        text.unwrap_or_default().to_string()
    }

    /// The ledger's protocol level.
    pub fn protocol(&self) -> u64 {
        let level = self.document("org.toml").and_then(|org| org.get("protocol"));
        level.and_then(serde_json::Value::as_u64).unwrap_or(1)
    }

    /// The manifests of the files that every box keeps: all but the parts of operating systems, which go into slots.
    pub fn files(&self) -> impl Iterator<Item = &ObjectId> {
        let is_kept = |(path, _): &(&StatePath, &ObjectId)| {
            let kind = release_of(path).and_then(|release| self.document(release.as_str())?.get("kind"));
            kind.and_then(serde_json::Value::as_str) != Some(SYSTEM)
        };
        self.manifests.iter().filter(is_kept).map(|(_, id)| id)
    }

    /// The documents, as certain as that.
    pub fn of(&self, certainty: Certainty) -> &Documents {
        match certainty {
            Certainty::Final => &self.documents,
            Certainty::Tentative => &self.tentative,
        }
    }

    /// The documents at or below a folder.
    pub fn within(
        &self,
        certainty: Certainty,
        folder: &StatePath,
    ) -> impl Iterator<Item = (&StatePath, &Arc<Entry>)> {
        let name = folder.as_str().to_string();
        let from = self.of(certainty).range(folder.clone()..);
        // What sorts between `people` and `people/` (such as `people-x`) begins with the name and is skipped.
        from.take_while({
            let name = name.clone();
            move |(path, _)| path.as_str().starts_with(&name)
        })
        .filter(move |(path, _)| path.is_within(&name))
    }
}

impl Difference {
    /// What changed from one state to another, of the paths that `wanted` lets through.
    pub fn between(older: &Documents, newer: &Documents, wanted: impl Fn(&StatePath) -> bool) -> Self {
        let mut difference = Self::default();
        for (path, entry) in newer.iter().filter(|(path, _)| wanted(path)) {
            if older.get(path).is_none_or(|old| old.id != entry.id) {
                difference.changed.push((path.clone(), entry.clone()));
            }
        }
        let gone = older.keys().filter(|path| wanted(path) && !newer.contains_key(*path));
        difference.removed = gone.cloned().collect();
        difference
    }

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.removed.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documents(documents: &[(&str, u8)]) -> Arc<Documents> {
        let entry = |id: u8| Arc::new(Entry { id: ObjectId::new([id; 32]), document: JsonDocument::new() });
        Arc::new(documents.iter().map(|(path, id)| (path.parse().unwrap(), entry(*id))).collect())
    }

    fn paths(view: &View, folder: &str) -> Vec<String> {
        let folder = folder.parse().unwrap();
        view.within(Certainty::Final, &folder).map(|(path, _)| path.to_string()).collect()
    }

    #[test]
    fn a_folder_has_what_is_below_it_and_no_neighbour() {
        let documents = documents(&[
            ("people-x.toml", 1),
            ("people/a.toml", 2),
            ("people/b.toml", 3),
            ("peoples/c.toml", 4),
        ]);
        let view = View {
            org: OrgId::new([0; 32]),
            head: BlockId::new([0; 32]),
            height: 0,
            head_at: Millis(0),
            agreed: documents.clone(),
            tentative: documents.clone(),
            tentative_tree: ObjectId::new([0; 32]),
            documents,
            manifests: BTreeMap::new(),
        };
        assert_eq!(paths(&view, "people"), ["people/a.toml", "people/b.toml"]);
        assert_eq!(paths(&view, "people/a.toml"), ["people/a.toml"]);
        assert!(paths(&view, "keys").is_empty());
    }

    #[test]
    fn a_difference_names_what_is_new_other_and_gone() {
        let old = documents(&[("a.toml", 1), ("b.toml", 2), ("c.toml", 3)]);
        let new = documents(&[("a.toml", 1), ("b.toml", 9), ("d.toml", 4)]);
        let difference = Difference::between(&old, &new, |_| true);
        let changed: Vec<_> = difference.changed.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(changed, ["b.toml", "d.toml"]);
        assert_eq!(difference.removed, ["c.toml".parse().unwrap()]);
        assert!(Difference::between(&old, &new, |path| path.as_str() == "a.toml").is_empty());
    }
}
