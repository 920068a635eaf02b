//! How a try of a release ended, for the ledger.

use crate::{
    MAX_LOG_BYTES, Seen,
    memory::{MAX_REASON_BYTES, one_line},
};
use serde::{Deserialize, Serialize};

/// What the ledger is told; at least once, so the same may come again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Which release.
    pub release: Seen,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, in one line; empty where it went well.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// What was seen of the trial.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub log: String,
}

/// How a try ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It runs, and was found healthy.
    Installed,
    /// It could not be written.
    NotWritten,
    /// It did not become healthy, and the box went back by itself.
    RolledBack,
    /// A person went back from it.
    WentBack,
    /// It is not healthy, and there is nothing to go back to.
    Stuck,
}

impl Report {
    /// A report, its texts cut to what is kept.
    pub fn new(release: Seen, outcome: Outcome, reason: &str, log: &str) -> Self {
        Self { release, outcome, reason: one_line(reason), log: cut(log) }
    }

    pub(crate) fn is_bounded(&self) -> bool {
        self.reason.len() <= MAX_REASON_BYTES && self.log.len() <= MAX_LOG_BYTES
    }
}

/// The end of a log, as long as it is kept: what came last says most.
pub(crate) fn cut(log: &str) -> String {
    let plain: String = log.chars().filter(|c| *c == '\n' || !c.is_control()).collect();
    let least = plain.len().saturating_sub(MAX_LOG_BYTES);
    let start = (least..=plain.len()).find(|at| plain.is_char_boundary(*at)).unwrap_or(plain.len());
    plain[start..].to_owned()
}
