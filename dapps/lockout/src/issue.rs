//! `lockout/issues/<machine>/<name>.toml`: something that is wrong with a machine.
//!
//! Written by people, or by the lockout when somebody presses the button at the machine. An open issue with `locks`
//! locks its machine until it is closed. One that cannot be read locks nothing and is a fault.

use crate::machine_document::{MAX_TEXT, is_text};
use model::{Millis, Name};
use serde::{Deserialize, Serialize};

/// A checked issue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issue {
    /// What is wrong.
    pub text: String,
    /// Who says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Name>,
    /// Since when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Millis>,
    /// Whether nobody but a supervisor may use the machine until it is closed.
    #[serde(default)]
    pub locks: bool,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<Closed>,
}

/// How an issue ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Closed {
    /// Who closed it.
    pub by: Name,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Millis>,
    /// What was done.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// A document that is not an issue.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// A field is missing, unknown or of the wrong type.
    #[error("{0}")]
    Shape(#[source] serde_json::Error),
    /// No text, or a novel.
    #[error("text must be 1 to {MAX_TEXT} characters")]
    Text,
}

impl Issue {
    /// Reads `lockout/issues/<machine>/<name>.toml` as JSON.
    pub fn parse(json: &str) -> Result<Self, IssueError> {
        let issue: Self = serde_json::from_str(json).map_err(IssueError::Shape)?;
        if is_text(&issue.text) { Ok(issue) } else { Err(IssueError::Text) }
    }

    /// Why it locks its machine, if it does.
    pub fn lock(&self) -> Option<&str> {
        (self.locks && self.closed.is_none()).then_some(self.text.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issue_locks_while_it_is_open_and_says_so() {
        let issue = |json| Issue::parse(json).unwrap();
        assert_eq!(issue(r#"{"text": "smells"}"#).lock(), None);
        assert_eq!(issue(r#"{"text": "burns", "locks": true}"#).lock(), Some("burns"));
        assert_eq!(issue(r#"{"text": "burnt", "locks": true, "closed": {"by": "alice"}}"#).lock(), None);
        for bad in [r#"{"locks": true}"#, r#"{"text": " "}"#, r#"{"text": "x", "lock": true}"#, "[]"] {
            assert!(Issue::parse(bad).is_err(), "{bad} was taken");
        }
    }
}
