//! The reason of a revocation, and the mark that it leaves in a document.

use crate::when;
use clap::Args;
use model::Name;

/// Why something is revoked
#[derive(Debug, Args)]
pub struct Reason {
    /// Why; it stays in the ledger
    #[arg(long, value_name = "TEXT", default_value = "no longer needed")]
    reason: String,
}

impl Reason {
    /// The mark: when, by whom, why. The policy lets nobody take it away again.
    pub fn mark(&self, by: &Name) -> toml::Table {
        let at = i64::try_from(when::now().0).unwrap_or(i64::MAX);
        let mut mark = toml::Table::new();
        mark.insert("at".to_string(), at.into());
        mark.insert("by".to_string(), by.as_str().into());
        mark.insert("reason".to_string(), self.reason.as_str().into());
        mark
    }
}
