//! Lines of the watch, read without building a tree of every document.
//!
//! A snapshot of 5,000 members is megabytes of JSON. Here a document stays text until it is turned into what a
//! dapp keeps of it. The lines are those of [`crate::wire::WatchLine`]; a test holds the two together.

use model::{Name, StatePath};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::{collections::BTreeMap, fmt::Display};

/// A line of `GET /v1/watch`.
#[derive(Debug, Deserialize)]
pub struct FeedLine {
    /// What the line is.
    #[serde(rename = "type")]
    pub kind: FeedKind,
    /// Of a snapshot: everything.
    #[serde(default)]
    pub documents: Vec<FeedDocument>,
    /// Of a change: what is new.
    #[serde(default)]
    pub changed: Vec<FeedDocument>,
    /// Of a change: what is gone.
    #[serde(default)]
    pub removed: Vec<StatePath>,
}

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FeedKind {
    /// Everything in the watched folders.
    Snapshot,
    /// What a new block changed.
    Change,
    /// Nothing new.
    Alive,
    /// A line of a later version.
    #[serde(other)]
    Unknown,
}

/// A document as text.
#[derive(Debug, Deserialize)]
pub struct FeedDocument {
    /// Where it stands.
    pub path: StatePath,
    /// The JSON object.
    pub document: Box<RawValue>,
}

/// Puts what was read into its place, where otherwise the last readable one stays; the fault, if there is one.
/// What stays in force is said first, for a long text is cut off in the event.
pub fn keep_readable<T, E: Display>(
    readable: &mut BTreeMap<Name, T>,
    name: Name,
    read: Result<T, E>,
) -> Option<String> {
    match read {
        Ok(new) => readable.insert(name, new).and(None),
        Err(error) if readable.contains_key(&name) => {
            Some(format!("the last readable one stays in force, for this one cannot be read: {error}"))
        }
        Err(error) => Some(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{PathDocument, WatchLine};
    use model::BlockId;

    fn read(line: &WatchLine) -> FeedLine {
        serde_json::from_str(&serde_json::to_string(line).unwrap()).unwrap()
    }

    #[test]
    fn every_line_of_the_watch_is_read() {
        let path: StatePath = "people/alice.toml".parse().unwrap();
        let document = serde_json::json!({"name": "Alice"}).as_object().unwrap().clone();
        let documents = vec![PathDocument { path: path.clone(), document }];
        let block = BlockId::new([1; 32]);
        let snapshot = read(&WatchLine::Snapshot { block, documents: documents.clone() });
        assert_eq!(snapshot.kind, FeedKind::Snapshot);
        assert_eq!(snapshot.documents[0].document.get(), r#"{"name":"Alice"}"#);
        let change = read(&WatchLine::Change { block, changed: documents, removed: vec![path.clone()] });
        assert_eq!((change.kind, change.changed.len(), &change.removed[0]), (FeedKind::Change, 1, &path));
        assert_eq!(read(&WatchLine::Alive {}).kind, FeedKind::Alive);
        let later: FeedLine = serde_json::from_str(r#"{"type":"certified","height":1}"#).unwrap();
        assert_eq!(later.kind, FeedKind::Unknown);
    }
}
