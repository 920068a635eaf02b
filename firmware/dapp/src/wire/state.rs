//! Reading the state: `GET /v1/state/{path}`, `GET /v1/state?folder=`, `GET /v1/watch?folder=`.
//!
//! A document is TOML in the ledger and a JSON object here. Every TOML value has one JSON form; a TOML date or
//! time becomes its RFC 3339 text, and comes back as text. JSON's `null` has no TOML form and is refused.

use super::JsonMap;
use model::{BlockId, Document, DocumentError, StatePath};
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// A document as a JSON object.
pub type JsonDocument = JsonMap;

/// How certain the state that is read must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Certainty {
    /// What the organisation's nodes have agreed on, and every `revoked` mark that this node knows of.
    #[default]
    Final,
    /// All that this node knows, merged; some of it may yet be left out.
    Tentative,
}

impl FromStr for Certainty {
    type Err = WatchQueryError;
    fn from_str(word: &str) -> Result<Self, WatchQueryError> {
        match word {
            "final" => Ok(Self::Final),
            "tentative" => Ok(Self::Tentative),
            other => Err(WatchQueryError::State(other.chars().take(40).collect())),
        }
    }
}

/// The query of `GET /v1/state/{path}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DocumentQuery {
    /// How certain it must be.
    #[serde(default)]
    pub state: Certainty,
}

/// The answer of `GET /v1/state/{path}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StateDocument {
    /// The document's path.
    pub path: StatePath,
    /// The block of main that it was read at.
    pub block: BlockId,
    /// The document.
    pub document: JsonDocument,
}

/// A document and where it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PathDocument {
    /// The document's path.
    pub path: StatePath,
    /// The document.
    pub document: JsonDocument,
}

/// The query of `GET /v1/state?folder=people`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateQuery {
    /// The folder whose documents are wanted, at any depth.
    pub folder: StatePath,
    /// How certain they must be.
    #[serde(default)]
    pub state: Certainty,
}

/// The answer of `GET /v1/state?folder=`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StateFolder {
    /// The block of main that it was read at.
    pub block: BlockId,
    /// The documents that the dapp may read, in the order of their paths.
    pub documents: Vec<PathDocument>,
}

/// A line of `GET /v1/watch`. The first is a snapshot; another one may come at any time and replaces all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum WatchLine {
    /// Everything in the watched folders.
    Snapshot {
        /// The block of main that it was read at.
        block: BlockId,
        /// The documents, in the order of their paths.
        documents: Vec<PathDocument>,
    },
    /// What a new block changed in them.
    Change {
        /// The new block of main.
        block: BlockId,
        /// New and changed documents, whole.
        changed: Vec<PathDocument>,
        /// Documents that are gone.
        removed: Vec<StatePath>,
    },
    /// Nothing new; the stream lives.
    Alive {},
    /// A line of a later version: skip it.
    #[serde(other)]
    Unknown,
}

/// The query of `GET /v1/watch?folder=people&folder=doorbot`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchQuery {
    /// The folders, at least one.
    pub folders: Vec<StatePath>,
    /// How certain what is watched must be.
    pub state: Certainty,
}

/// A query string that names no folders, or wrong ones.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WatchQueryError {
    /// Names none.
    #[error("watch wants at least one folder, as in /v1/watch?folder=people")]
    Empty,
    /// Names more than are taken.
    #[error("watch takes at most {} folders", WatchQuery::MAX_FOLDERS)]
    TooMany,
    /// Has another field.
    #[error("watch knows `folder` and `state` only, not {0:?}")]
    Field(String),
    /// A state that there is not.
    #[error("state: {0:?} is neither `final` nor `tentative`")]
    State(String),
    /// A folder that is not a path.
    #[error("folder: {0}")]
    Path(#[from] model::PathError),
}

impl WatchQuery {
    /// The most folders of one stream.
    pub const MAX_FOLDERS: usize = 16;

    /// Reads the part of the URL after the `?`.
    pub fn parse(query: &str) -> Result<Self, WatchQueryError> {
        let (mut folders, mut state) = (Vec::new(), Certainty::default());
        for field in query.split('&').filter(|field| !field.is_empty()) {
            match field.split_once('=') {
                Some(("folder", value)) => folders.push(slashes(value).parse()?),
                Some(("state", value)) => state = value.parse()?,
                _ => return Err(WatchQueryError::Field(field.chars().take(40).collect())),
            }
        }
        match folders.len() {
            0 => Err(WatchQueryError::Empty),
            1..=Self::MAX_FOLDERS => Ok(Self { folders, state }),
            _ => Err(WatchQueryError::TooMany),
        }
    }

    /// Writes the part of the URL after the `?`. Paths need no escapes.
    pub fn to_query(&self) -> String {
        let folders = self.folders.iter().map(|folder| format!("folder={folder}"));
        let tentative = (self.state == Certainty::Tentative).then(|| "state=tentative".to_string());
        folders.chain(tentative).collect::<Vec<_>>().join("&")
    }
}

/// The one character of a path that some clients escape.
fn slashes(value: &str) -> String {
    value.replace("%2F", "/").replace("%2f", "/")
}

/// JSON as a document; `null` and numbers beyond 64 bits are refused.
pub fn from_json(json: &JsonDocument) -> Result<Document, DocumentError> {
    Document::from_value(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_goes_to_json_and_back() {
        let text = b"name = \"A\"\nlevel = -2\nratio = 1.5\nok = true\nlist = [1, \"two\"]\n[badges.ab]\nstate = \"active\"\n";
        let document = Document::parse(text).unwrap();
        assert_eq!(from_json(&document.to_json()).unwrap(), document);
    }

    #[test]
    fn dates_become_text_and_null_is_refused() {
        let json = Document::parse(b"day = 1979-05-27\nweird = nan\n").unwrap().to_json();
        assert_eq!(json["day"], "1979-05-27");
        assert_eq!(json["weird"], "NaN");
        let null = serde_json::json!({"a": null}).as_object().unwrap().clone();
        assert!(from_json(&null).is_err());
        let big = serde_json::json!({"a": u64::MAX}).as_object().unwrap().clone();
        assert!(from_json(&big).is_err());
    }

    #[test]
    fn watch_lines_read_as_documented_and_later_ones_are_skipped() {
        let alive = serde_json::to_string(&WatchLine::Alive {}).unwrap();
        assert_eq!(alive, r#"{"type":"alive"}"#);
        assert_eq!(serde_json::from_str::<WatchLine>(&alive).unwrap(), WatchLine::Alive {});
        let later: WatchLine = serde_json::from_str(r#"{"type":"certified","height":3}"#).unwrap();
        assert_eq!(later, WatchLine::Unknown);
    }

    #[test]
    fn folders_may_be_repeated_and_nothing_else_is_taken() {
        let query = WatchQuery::parse("folder=people&folder=doorbot%2Fdoors").unwrap();
        assert_eq!(query.to_query(), "folder=people&folder=doorbot/doors");
        let tentative = WatchQuery::parse("state=tentative&folder=people").unwrap();
        assert_eq!(tentative.to_query(), "folder=people&state=tentative");
        for bad in ["", "folder=", "path=people", "folder=../x", "folder", "folder=people&state=guess"] {
            assert!(WatchQuery::parse(bad).is_err(), "{bad:?} was taken");
        }
    }
}
