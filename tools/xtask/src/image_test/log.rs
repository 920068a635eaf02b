//! Events that a box has acknowledged, which is: shown to somebody. None of them may ever be missed again.

use super::machine::Machine;
use crate::shell::Done;
use serde_json::Value;
use std::collections::BTreeMap;

/// As many as the page gives at a time.
const LIMIT: usize = 1000;

/// Events by their number, each as the page first showed it.
#[derive(Default)]
pub struct Acknowledged(BTreeMap<u64, Value>);

impl Acknowledged {
    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The newest one's number; 0 without any.
    pub fn newest(&self) -> u64 {
        self.0.last_key_value().map_or(0, |(seq, _)| *seq)
    }

    /// Looks at the log: what was shown before is still there as it was, and what is new counts from now on.
    pub fn look(&mut self, machine: &Machine) -> Done {
        let shown = events(machine, 0)?;
        self.compare(&shown)?;
        self.0.extend(shown);
        Ok(())
    }

    /// Every event of before is among those shown now, unless it is older than all of them.
    fn compare(&self, shown: &BTreeMap<u64, Value>) -> Done {
        let whole = shown.len() < LIMIT;
        let oldest = shown.first_key_value().map_or(0, |(seq, _)| *seq);
        let due = self.0.iter().filter(|(seq, _)| whole || **seq >= oldest);
        for (seq, event) in due {
            match shown.get(seq) {
                Some(now) if now == event => {}
                Some(now) => return Err(format!("event {seq} was {event}, and is {now} now").into()),
                None => return Err(format!("LOST: event {seq}, {event}").into()),
            }
        }
        Ok(())
    }
}

/// What a machine's page shows of its events after that number, without the blocks that they are in.
pub fn events(machine: &Machine, after: u64) -> Done<BTreeMap<u64, Value>> {
    let mut log = machine.page(&format!("/api/log?limit={LIMIT}"))?;
    let events = log["events"].as_array_mut().ok_or("the log has no events")?;
    let mut found = BTreeMap::new();
    for event in events {
        if let Some(event) = event.as_object_mut() {
            event.remove("block");
        }
        let seq = event["seq"].as_u64().ok_or("an event without a number")?;
        if seq > after {
            found.insert(seq, event.take());
        }
    }
    Ok(found)
}

/// The newest event's number; 0 without any.
pub fn newest(machine: &Machine) -> Done<u64> {
    Ok(events(machine, 0)?.keys().last().copied().unwrap_or_default())
}

/// What an event shall be like.
#[derive(Clone, Copy)]
pub struct Like<'a> {
    /// Of this dapp.
    pub dapp: &'a str,
    /// Of this kind.
    pub kind: &'a str,
    /// With these words among its data.
    pub says: &'a [(&'a str, &'a str)],
}

impl Like<'_> {
    /// Whether an event is like this.
    pub fn is(&self, event: &Value) -> bool {
        let says = self.says.iter().all(|(key, value)| event["data"][*key] == *value);
        event["dapp"] == self.dapp && event["kind"] == self.kind && says
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shown(numbers: std::ops::Range<u64>) -> BTreeMap<u64, Value> {
        numbers.map(|seq| (seq, json!({ "seq": seq }))).collect()
    }

    #[test]
    fn an_event_that_was_shown_may_not_be_missing_or_another() {
        let seen = Acknowledged(shown(1..4));
        assert!(seen.compare(&shown(1..9)).is_ok());
        let error = seen.compare(&shown(2..9)).unwrap_err().to_string();
        assert!(error.contains("LOST: event 1"), "{error}");
        let mut other = shown(1..4);
        other.insert(2, json!({ "seq": 2, "kind": "other" }));
        assert!(seen.compare(&other).unwrap_err().to_string().contains("event 2 was"));
    }

    #[test]
    fn a_full_answer_says_nothing_of_what_is_older() {
        let seen = Acknowledged(shown(1..4));
        assert!(seen.compare(&shown(3..1003)).is_ok());
        assert!(seen.compare(&shown(4..1004)).is_ok());
    }
}
