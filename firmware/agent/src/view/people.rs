//! Whose key it is, as a view has it.

use super::View;
use model::{KeyId, Name};

impl View {
    /// Whether a key signs for a person: main has it as theirs, and nobody is known to have revoked it.
    pub fn is_key_of(&self, key: KeyId, person: &Name) -> bool {
        let path = format!("keys/{key}.toml");
        let owner = format!("person:{person}");
        let is_theirs = self.document(&path).is_some_and(|document| {
            document.get("owner").and_then(serde_json::Value::as_str) == Some(owner.as_str())
        });
        let is_revoked = [&self.documents, &self.tentative].iter().any(|documents| {
            documents.get(path.as_str()).is_some_and(|entry| entry.document.contains_key("revoked"))
        });
        is_theirs && !is_revoked
    }
}
