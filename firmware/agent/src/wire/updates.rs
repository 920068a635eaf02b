//! Updates of the operating system, as the admin API shows them.

use model::{Millis, Name, ReleaseId};
use serde::{Deserialize, Serialize};

/// `GET /v1/updates`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Updates {
    /// Whether this machine has slots that can be written.
    pub can: bool,
    /// Why not.
    pub reason: Option<String>,
    /// This node's name.
    pub node: String,
    /// Its board.
    pub board: String,
    /// The slot that runs: `A` or `B`.
    pub slot: Option<String>,
    /// The release that runs, if it is known.
    pub running: Option<ReleaseName>,
    /// The line of releases that the box follows.
    pub channel: String,
    /// `automatic`, `prefetch` or `by-hand`.
    pub mode: String,
    /// The version at which it stays.
    pub pinned: Option<String>,
    /// Its quiet hours, as written.
    pub quiet: Option<String>,
    /// Bytes a second that it may fetch.
    pub bandwidth: Option<u64>,
    /// The version of which a person said: now.
    pub asked: Option<String>,
    /// The release that it wants.
    pub wanted: Option<Wanted>,
    /// What it does just now.
    pub stage: String,
    /// Bytes that are in place.
    pub bytes: Progress,
    /// Bytes that were fetched.
    pub fetched: Progress,
    /// How much of a hundred is in place.
    pub percent: u8,
    /// Why it waits.
    pub waits: Option<String>,
    /// What the other slot holds.
    pub fallback: Option<ReleaseName>,
    /// The version below which the box does not go back.
    pub floor: Option<String>,
    /// The releases of the ledger for this board, newest last.
    pub releases: Vec<ListedRelease>,
    /// What failed here.
    pub failures: Vec<FailedRelease>,
    /// How tries ended here, newest first.
    pub history: Vec<PastUpdate>,
    /// The other nodes.
    pub nodes: Vec<NodeUpdates>,
}

/// A release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseName {
    /// Its version.
    pub version: String,
    /// Its document.
    pub id: ReleaseId,
}

/// The release that a box wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// Its version.
    pub version: String,
    /// Its document.
    pub id: ReleaseId,
    /// Now or later, and why.
    pub why: String,
}

/// Bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// So many are done.
    pub done: u64,
    /// Of so many; 0 if nothing is under way.
    pub total: u64,
}

/// A release of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedRelease {
    /// Of what.
    pub image: Name,
    /// Its channel.
    pub channel: Name,
    /// Its version.
    pub version: String,
    /// Its document.
    pub id: ReleaseId,
    /// `system`, `dapp` or `disk`.
    pub kind: String,
    /// Who signed it, if enough did.
    pub signers: Vec<String>,
    /// Why this box would not take it.
    pub refused: Option<String>,
}

/// A release that failed here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedRelease {
    /// Its version.
    pub version: String,
    /// Its document.
    pub id: ReleaseId,
    /// Why.
    pub reason: String,
}

/// How a try ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastUpdate {
    /// When.
    pub at: Millis,
    /// Of which version.
    pub version: String,
    /// `installed`, `not-written`, `rolled-back`, `went-back` or `stuck`.
    pub what: String,
    /// Why; empty if it went well.
    pub why: String,
    /// What was seen of the trial.
    pub log: String,
}

/// How another node is, as it last said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeUpdates {
    /// Its name.
    pub node: Name,
    /// Its board.
    pub board: Option<String>,
    /// The version that runs.
    pub running: Option<String>,
    /// The version that it wants.
    pub wanted: Option<String>,
    /// What it does.
    pub stage: Option<String>,
    /// How much of a hundred is in place.
    pub percent: Option<u8>,
    /// Why it waits.
    pub waits: Option<String>,
    /// When it said so.
    pub at: Option<Millis>,
}

/// `POST /v1/updates/now`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateNow {
    /// To which version.
    pub version: String,
}
