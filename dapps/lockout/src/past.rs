//! Sessions that began before this start and have no end in the log: the box lost its power, or the program was killed.
//!
//! What the log knows of such a session is its beginning and what it said of itself now and then. The last of that becomes
//! its end, so that every session has one and nobody's time is forgotten; up to ten minutes of it may be.

use crate::{machine::End, maintenance::Meter};
use dapp::{
    kit::LogEvent,
    wire::{EventRecord, JsonMap},
};
use model::Name;
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

/// The readings of the meters that were said last, by machine.
pub fn meters(events: &[EventRecord]) -> BTreeMap<Name, Meter> {
    let mut meters: BTreeMap<Name, Meter> = BTreeMap::new();
    for EventRecord { kind, data, .. } in events {
        let machine = data.get("machine").and_then(|machine| machine.as_str()?.parse().ok());
        let ran_s = data.get("ran_s").and_then(serde_json::Value::as_u64);
        let Some((machine, ran_s)) = Option::<Name>::zip(machine, ran_s) else { continue };
        let done = kind.as_str() == "maintenance" && data.get("state").is_some_and(|state| state == "done");
        let maintained_s = if done { ran_s } else { 0 };
        meters.entry(machine).or_default().meet(Meter { ran_ms: ran_s.saturating_mul(1000), maintained_s });
    }
    meters
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
    fn the_meters_are_the_highest_readings_and_what_was_maintained() {
        let saw = |state: &str, ran_s: u64| json!({"machine": "saw", "state": state, "ran_s": ran_s});
        let events = [
            ("session-ended", json!({"machine": "drill", "ran_s": 4})),
            ("maintenance", saw("done", 50)),
            ("maintenance", saw("soon", 95)),
            ("session-running", saw("", 97)),
            ("session-ended", json!({"machine": "lathe", "active_s": 4})),
        ];
        let records: Vec<_> = events.iter().map(record).collect();
        let found = meters(&records).into_iter().map(|(name, meter)| (name.to_string(), meter));
        let wanted = [("drill", 4_000, 0), ("saw", 97_000, 50)];
        let wanted =
            wanted.map(|(name, ran_ms, maintained_s)| (name.to_string(), Meter { ran_ms, maintained_s }));
        assert_eq!(found.collect::<Vec<_>>(), wanted);
    }

    #[test]
    fn what_has_an_end_gets_no_other() {
        let saw = json!({"machine": "saw", "person": "bob"});
        let events = [("session-began", saw.clone()), ("session-ended", saw)];
        assert!(ends(events.iter().map(record).collect()).is_empty());
    }
}
