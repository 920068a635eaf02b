//! One event as one line for people.

use crate::{output::Style, when};
use agent::wire::LogEntry;
use jiff::tz::TimeZone;
use model::Event;
use serde_json::Value;

/// `2026-11-22 18:00:05  front-door  doorbot access  member=alice result=allowed  block 1a2b3c4d5e6f`
pub fn text(entry: &LogEntry, zone: &TimeZone, style: Style) -> String {
    let event = &entry.event;
    let data: Vec<String> = event.data.iter().map(|(key, value)| format!("{key}={}", plain(value))).collect();
    let place = match &entry.block {
        Some(block) => style.faint(&format!("block {}", block.short())),
        None => style.yellow("in the write-ahead log"),
    };
    let at = when::show(event.at, zone);
    let data = paint(&data.join(" "), event, style);
    format!("{at}  {}  {} {}  {data}  {place}", entry.node, event.dapp, event.kind)
}

fn paint(data: &str, event: &Event, style: Style) -> String {
    match event.data.get("result").and_then(Value::as_str) {
        Some("allowed") => style.green(data),
        Some("denied" | "unknown" | "error") => style.red(data),
        _ => data.to_string(),
    }
}

/// A value without the quotes that nobody needs. Control characters never reach the terminal.
fn plain(value: &Value) -> String {
    match value.as_str() {
        Some(text) if !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control()) => {
            text.to_string()
        }
        _ => harmless(&value.to_string()),
    }
}

/// Text without control characters, those between U+0080 and U+009F included.
pub fn harmless(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_control() { out.extend(c.escape_unicode()) } else { out.push(c) }
    }
    out
}

/// Whether an event's data has the name as a value, at any depth.
pub fn names(event: &Event, name: &str) -> bool {
    event.data.values().any(|value| has(value, name))
}

fn has(value: &Value, name: &str) -> bool {
    match value {
        Value::String(text) => text == name,
        Value::Array(values) => values.iter().any(|value| has(value, name)),
        Value::Object(values) => values.values().any(|value| has(value, name)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(data: Value) -> LogEntry {
        let event =
            serde_json::json!({"at": 5000, "dapp": "doorbot", "data": data, "kind": "access", "seq": 1});
        LogEntry {
            event: serde_json::from_value(event).unwrap(),
            node: "front".parse().unwrap(),
            block: None,
        }
    }

    #[test]
    fn an_event_reads_as_one_line() {
        let entry = entry(serde_json::json!({"member": "alice", "reason": "not now"}));
        assert_eq!(
            text(&entry, &TimeZone::UTC, Style::plain()),
            "1970-01-01 00:00:05  front  doorbot access  member=alice reason=\"not now\"  in the write-ahead log"
        );
    }

    #[test]
    fn what_a_dapp_writes_cannot_play_tricks_with_the_terminal() {
        let entry = entry(serde_json::json!({"note": "\u{1b}[2J\u{7}\u{9b}x"}));
        assert!(!text(&entry, &TimeZone::UTC, Style::plain()).contains(|c: char| c.is_control()));
    }

    #[test]
    fn a_name_is_found_as_a_value_and_not_as_a_part_of_one() {
        let entry = entry(serde_json::json!({"who": {"members": ["alice"]}}));
        assert!(names(&entry.event, "alice"));
        assert!(!names(&entry.event, "ali"));
    }
}
