//! The boxes of the organisation, as a view has them: who may connect, and who is an other.

use super::View;
use model::{KeyId, Name, PublicKey};
use std::collections::BTreeMap;

/// What the owner of a node's key is called in `keys/<id>.toml`.
const NODE: &str = "node:";

impl View {
    /// The keys of all nodes that are not revoked, with the node's name. A node that is only tentative counts: it may
    /// connect before the others have agreed on it. A key that is revoked anywhere does not.
    pub fn node_keys(&self) -> BTreeMap<KeyId, (PublicKey, Name)> {
        let mut found = self.final_node_keys();
        found.extend(keys_in(&self.tentative));
        found.retain(|id, _| !self.is_revoked(*id));
        found
    }

    /// The same without nodes that are only tentative.
    pub fn final_node_keys(&self) -> BTreeMap<KeyId, (PublicKey, Name)> {
        let mut found = keys_in(&self.documents);
        found.retain(|id, _| !self.is_revoked(*id));
        found
    }

    /// Whether anybody is known to have revoked a key.
    pub(crate) fn is_revoked(&self, key: KeyId) -> bool {
        let path = format!("keys/{key}.toml");
        let marked = |documents: &super::Documents| {
            documents.get(path.as_str()).is_some_and(|entry| entry.document.contains_key("revoked"))
        };
        marked(&self.documents) || marked(&self.tentative)
    }
}

/// The keys of nodes in `keys/`.
fn keys_in(documents: &super::Documents) -> BTreeMap<KeyId, (PublicKey, Name)> {
    let keys = documents.iter().filter(|(path, _)| path.is_within("keys"));
    let node = |entry: &super::Entry| {
        let text = |key: &str| entry.document.get(key).and_then(serde_json::Value::as_str);
        let owner = text("owner").and_then(|owner| owner.strip_prefix(NODE)?.parse::<Name>().ok())?;
        let public = text("public").and_then(|public| public.parse::<PublicKey>().ok())?;
        Some((public.id(), (public, owner)))
    };
    keys.filter_map(|(_, entry)| node(entry)).collect()
}
