//! Writing documents: `POST /v1/documents`. All changes of a request become one block, or none does.

use super::JsonDocument;
use model::{BlockId, StatePath};
use serde::{Deserialize, Serialize};

/// The body of `POST /v1/documents`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DocumentsRequest {
    /// One line that says why: the block's subject.
    pub message: String,
    /// What to write and delete; at least one, each path once.
    pub changes: Vec<DocumentChange>,
}

/// One change: `{path, document}` or `{path, delete: true}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawChange", into = "RawChange")]
pub enum DocumentChange {
    /// The document shall be this.
    Write {
        /// Where.
        path: StatePath,
        /// The whole document.
        document: JsonDocument,
    },
    /// The document shall be gone.
    Delete {
        /// Where.
        path: StatePath,
    },
}

impl DocumentChange {
    /// Which document changes.
    pub fn path(&self) -> &StatePath {
        match self {
            Self::Write { path, .. } | Self::Delete { path } => path,
        }
    }
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawChange {
    path: StatePath,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    document: Option<JsonDocument>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    delete: bool,
}

/// Both or neither of `document` and `delete`.
#[derive(Debug, thiserror::Error)]
#[error("a change of {path} wants either `document` or `delete: true`")]
struct UnclearChange {
    path: StatePath,
}

impl TryFrom<RawChange> for DocumentChange {
    type Error = UnclearChange;
    fn try_from(raw: RawChange) -> Result<Self, UnclearChange> {
        match (raw.document, raw.delete) {
            (Some(document), false) => Ok(Self::Write { path: raw.path, document }),
            (None, true) => Ok(Self::Delete { path: raw.path }),
            _ => Err(UnclearChange { path: raw.path }),
        }
    }
}

impl From<DocumentChange> for RawChange {
    fn from(change: DocumentChange) -> Self {
        match change {
            DocumentChange::Write { path, document } => {
                Self { path, document: Some(document), delete: false }
            }
            DocumentChange::Delete { path } => Self { path, document: None, delete: true },
        }
    }
}

/// The answer of `POST /v1/documents`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentsWritten {
    /// Where main is now; the block that has the changes if they are final.
    pub block: BlockId,
    /// That block's height.
    pub height: u64,
    /// Whether the changes are final, or wait for the organisation's other nodes.
    #[serde(default)]
    pub state: Written,
}

/// How changes stand that were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Written {
    /// They are on main.
    #[default]
    Final,
    /// They are kept and will be proposed.
    Waiting,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_writes_or_deletes_and_never_both() {
        let write = r#"{"path":"people/alice.toml","document":{"name":"Alice"}}"#;
        let delete = r#"{"path":"people/alice.toml","delete":true}"#;
        for text in [write, delete] {
            let change: DocumentChange = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&change).unwrap(), text);
            assert_eq!(change.path().as_str(), "people/alice.toml");
        }
        for bad in [
            r#"{"path":"people/alice.toml"}"#,
            r#"{"path":"people/alice.toml","delete":false}"#,
            r#"{"path":"people/alice.toml","document":{},"delete":true}"#,
            r#"{"path":"../x","delete":true}"#,
        ] {
            assert!(serde_json::from_str::<DocumentChange>(bad).is_err(), "{bad} was taken");
        }
    }
}
