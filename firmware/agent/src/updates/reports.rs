//! What boxes say of their updates in the ledger: how releases did, for the rollout's hold, and how each box is, for people.
//!
//! ledgerd's own events, under the name of the dapp `images`. Of a box what it said last counts. Format: docs/formats/events.md.

use crate::wire::{LogEntry, NodeUpdates, PastUpdate};
use model::{Event, KeyId, Name, ReleaseId};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use update::{Outcome, Report, Tally};

/// The dapp that the events are told under.
const DAPP: &str = "images";
/// The kind of event that says how a box is.
const STATUS: &str = "status";
/// How many of a node's past updates are shown.
const HISTORY_MAX: usize = 50;

/// What is known from the events.
#[derive(Debug, Default)]
pub struct Reports {
    /// How every box is, by its name.
    pub nodes: BTreeMap<Name, NodeUpdates>,
    /// How each try ended, the last one last.
    ended: Vec<Ended>,
}

/// How a try of a release ended somewhere.
#[derive(Debug)]
struct Ended {
    node: Name,
    release: ReleaseId,
    past: PastUpdate,
}

/// The dapp's name as a name.
pub fn dapp() -> Name {
    DAPP.parse().expect("because it is a name")
}

/// The event of a report: its kind and data.
pub fn event_of(report: &Report) -> (Name, Map<String, Value>) {
    let Report { release, reason, log, outcome } = report;
    let data = json!({"version": release.version, "release": release.id, "reason": reason, "log": log});
    (kind_of(*outcome).parse().expect("because outcomes are names"), object(data))
}

/// The event that says how this box is: its kind and data.
pub fn event_of_status(status: &NodeUpdates) -> (Name, Map<String, Value>) {
    let NodeUpdates { board, running, wanted, stage, percent, waits, .. } = status;
    let data = json!({
        "board": board, "running": running, "wanted": wanted, "stage": stage, "percent": percent, "waits": waits
    });
    (STATUS.parse().expect("because it is a name"), object(data))
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn kind_of(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Installed => "installed",
        Outcome::NotWritten => "not-written",
        Outcome::RolledBack => "rolled-back",
        Outcome::WentBack => "went-back",
        Outcome::Stuck => "stuck",
    }
}

/// Whether a kind is how a try ended, and whether it failed then. Who goes back by hand says that it did not do.
fn is_failure(kind: &str) -> Option<bool> {
    match kind {
        "installed" => Some(false),
        "not-written" | "rolled-back" | "went-back" | "stuck" => Some(true),
        _ => None,
    }
}

impl Reports {
    /// What events say, newest last.
    pub fn of(entries: impl IntoIterator<Item = LogEntry>) -> Self {
        let mut reports = Self::default();
        for LogEntry { event, node, .. } in entries {
            if event.kind.as_str() == STATUS {
                reports.nodes.insert(node.clone(), status(node, &event));
            } else {
                reports.ended.extend(ended(node, &event));
            }
        }
        reports
    }

    /// How each release did on boxes other than this one, by the keys that nodes have.
    pub fn tallies(&self, own: &Name, keys: &BTreeMap<Name, KeyId>) -> BTreeMap<ReleaseId, Tally> {
        let mut said: BTreeMap<ReleaseId, Vec<(KeyId, bool)>> = BTreeMap::new();
        for ended in self.ended.iter().filter(|ended| ended.node != *own) {
            let failed = is_failure(&ended.past.what).unwrap_or(false);
            if let Some(key) = keys.get(&ended.node) {
                said.entry(ended.release).or_default().push((*key, failed));
            }
        }
        said.into_iter().map(|(release, said)| (release, Tally::of(said))).collect()
    }

    /// The past updates of a node, newest first.
    pub fn history(&self, node: &Name) -> Vec<PastUpdate> {
        let of = self.ended.iter().rev().filter(|ended| ended.node == *node);
        of.map(|ended| ended.past.clone()).take(HISTORY_MAX).collect()
    }
}

fn text(event: &Event, key: &str) -> Option<String> {
    event.data.get(key)?.as_str().map(str::to_owned)
}

fn status(node: Name, event: &Event) -> NodeUpdates {
    let percent = event.data.get("percent").and_then(Value::as_u64);
    NodeUpdates {
        node,
        board: text(event, "board"),
        running: text(event, "running"),
        wanted: text(event, "wanted"),
        stage: text(event, "stage"),
        percent: percent.and_then(|percent| u8::try_from(percent).ok()),
        waits: text(event, "waits"),
        at: Some(event.at),
    }
}

fn ended(node: Name, event: &Event) -> Option<Ended> {
    is_failure(event.kind.as_str())?;
    let release = text(event, "release")?.parse().ok()?;
    let past = PastUpdate {
        at: event.at,
        version: text(event, "version")?,
        what: event.kind.to_string(),
        why: text(event, "reason").unwrap_or_default(),
        log: text(event, "log").unwrap_or_default(),
    };
    Some(Ended { node, release, past })
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Millis;
    use update::Seen;

    fn entry(node: &str, outcome: Outcome, release: u8) -> LogEntry {
        let seen = Seen { version: "1.2.3".parse().unwrap(), id: ReleaseId::new([release; 32]) };
        let (kind, data) = event_of(&Report::new(seen, outcome, "no reader", "a\nb\n"));
        let event = Event { at: Millis(7), dapp: dapp(), kind, data, seq: 1 };
        LogEntry { event, node: node.parse().unwrap(), block: None }
    }

    #[test]
    fn others_are_counted_once_and_this_box_not_at_all() {
        let entries = [
            entry("here", Outcome::RolledBack, 1),
            entry("a", Outcome::RolledBack, 1),
            entry("a", Outcome::Installed, 1),
            entry("b", Outcome::NotWritten, 1),
            entry("gone", Outcome::RolledBack, 1),
        ];
        let reports = Reports::of(entries);
        let key = |n: u8| KeyId::new([n; 16]);
        let keys = [("here", 1), ("a", 2), ("b", 3)].map(|(name, n)| (name.parse().unwrap(), key(n)));
        let tallies = reports.tallies(&"here".parse().unwrap(), &BTreeMap::from(keys));
        assert_eq!(tallies[&ReleaseId::new([1; 32])], Tally { tried: 2, failed: 1 });
    }

    #[test]
    fn a_report_comes_back_as_it_was_told() {
        let reports = Reports::of([entry("a", Outcome::RolledBack, 1), entry("a", Outcome::Installed, 2)]);
        let history = reports.history(&"a".parse().unwrap());
        let said: Vec<_> = history.iter().map(|past| (past.what.as_str(), past.why.as_str())).collect();
        assert_eq!(said, [("installed", "no reader"), ("rolled-back", "no reader")]);
        assert_eq!(history[1].log, "a\nb\n");
    }
}
