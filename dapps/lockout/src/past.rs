//! Sessions that began before this start and have no end in the log: the box lost its power, or the program was killed.
//!
//! What the log knows of such a session is its beginning and what it said of itself now and then. The last of that becomes
//! its end, so that every session has one and nobody's time is forgotten; up to ten minutes of it may be.

use crate::machine::End;
use dapp::{
    kit::LogEvent,
    wire::{EventRecord, JsonMap},
};
use std::collections::BTreeMap;

/// What an end says, for a session of which only the beginning is known.
const SUMS: [&str; 5] = ["total_s", "enabled_s", "active_s", "idle_s", "runs"];

/// The ends of the sessions that have none, by machine. `events` are this dapp's, oldest first.
pub fn ends(events: Vec<EventRecord>) -> Vec<LogEvent> {
    let mut open: BTreeMap<String, JsonMap> = BTreeMap::new();
    for EventRecord { kind, data, .. } in events {
        let Some(machine) = data.get("machine").and_then(|machine| machine.as_str()) else { continue };
        match kind.as_str() {
            "session-began" | "session-running" => drop(open.insert(machine.to_string(), data)),
            "session-ended" => drop(open.remove(machine)),
            _ => {}
        }
    }
    open.into_values().map(end).collect()
}

fn end(mut data: JsonMap) -> LogEvent {
    for field in SUMS {
        data.entry(field).or_insert(0.into());
    }
    LogEvent { kind: "session-ended", data }.with("reason", End::Lost.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn record((kind, data): &(&str, Value)) -> EventRecord {
        serde_json::from_value(json!({"seq": 1, "at": 1, "kind": kind, "data": data})).unwrap()
    }

    #[test]
    fn a_session_without_an_end_gets_one_with_what_was_last_said() {
        let saw = |seconds: u64| json!({"machine": "saw", "person": "bob", "active_s": seconds});
        let events = [
            ("session-running", saw(1)),
            ("session-ended", saw(2)),
            ("session-began", json!({"machine": "saw", "person": "bob"})),
            ("session-began", json!({"machine": "drill", "person": "ann"})),
            ("session-running", saw(600)),
            ("access", saw(0)),
            ("started", json!({})),
        ];
        let ends = ends(events.iter().map(record).collect());
        let said: Vec<_> = ends
            .iter()
            .map(|end| (&end.data["person"], &end.data["active_s"], &end.data["reason"]))
            .collect();
        let lost = json!("lost");
        assert_eq!(said, [(&json!("ann"), &json!(0), &lost), (&json!("bob"), &json!(600), &lost)]);
    }

    #[test]
    fn what_has_an_end_gets_no_other() {
        let saw = json!({"machine": "saw", "person": "bob"});
        let events = [("session-began", saw.clone()), ("session-ended", saw)];
        assert!(ends(events.iter().map(record).collect()).is_empty());
    }
}
