//! What is wrong with documents, said in the log once.

use super::news::{LogEvent, short};
use model::StatePath;
use serde_json::json;
use std::collections::BTreeMap;

/// Reasons by the document's path.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Faults(BTreeMap<String, String>);

impl Faults {
    /// Those of documents that cannot be read.
    pub fn of(unreadable: &BTreeMap<StatePath, String>) -> Self {
        Self(unreadable.iter().map(|(path, why)| (path.to_string(), why.clone())).collect())
    }

    /// One more. The document may have a fault of its own already, while its last readable one stays in force.
    pub fn add(&mut self, path: String, why: String) {
        let told = self.0.entry(path).or_default();
        *told = if told.is_empty() { why } else { format!("{why}; {told}") };
    }

    /// The events of those that were not there `before`, or were others.
    pub fn news(&self, before: &Self) -> impl Iterator<Item = LogEvent> {
        let new = self.0.iter().filter(|(path, why)| before.0.get(*path) != Some(*why));
        new.map(|(path, why)| fault(path, why))
    }
}

/// The event of a document that cannot be used, or was not written.
pub fn fault(path: &str, why: &str) -> LogEvent {
    LogEvent::new("fault", json!({"path": path, "why": short(why)}))
}
