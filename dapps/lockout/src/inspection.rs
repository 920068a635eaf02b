//! `lockout/inspections/<machine>.toml`: whether somebody must look at a machine before its next use, and for how long it ran.
//!
//! The lockout writes it after each use of a machine whose document asks for inspections or maintenance, and again when the
//! machine was looked at or maintained. Without the document nothing is due, and nothing has run.

use crate::maintenance::Meter;
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
    /// For how long the machine has run in all, in seconds.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub ran_s: u64,
    /// What `ran_s` was when the machine was last maintained.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub maintained_s: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(seconds: &u64) -> bool {
    *seconds == 0
}

impl Inspection {
    /// Reads `lockout/inspections/<machine>.toml` as JSON.
    pub fn parse(json: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json)
    }

    /// For how long the machine has run.
    pub fn meter(&self) -> Meter {
        Meter { ran_ms: self.ran_s.saturating_mul(1000), maintained_s: self.maintained_s }
    }
}
