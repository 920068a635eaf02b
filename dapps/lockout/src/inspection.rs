//! `lockout/inspections/<machine>.toml`: whether somebody must look at a machine before its next use.
//!
//! The lockout writes it after each use of a machine whose document asks for inspections, and again when the machine was
//! looked at. Without the document nothing is due.

use model::{Millis, Name};
use serde::{Deserialize, Serialize};

/// How a machine stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It was used and not looked at since.
    Due,
    /// It was looked at.
    Passed,
}

/// A checked document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inspection {
    /// How the machine stands.
    pub state: State,
    /// Who used it, or looked at it.
    pub by: Name,
    /// When.
    pub at: Millis,
}

impl Inspection {
    /// Reads `lockout/inspections/<machine>.toml` as JSON.
    pub fn parse(json: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json)
    }
}
