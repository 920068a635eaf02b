//! Events: immutable lines of a node's log.
//!
//! A line is one JSON object with sorted keys, without spaces, at most [`MAX_EVENT_BYTES`] long, and ends in
//! one `\n`. What is signed are the bytes of the line; [`Event::parse`] refuses a line that it would write
//! otherwise, so an event has one spelling. The format is docs/formats/events.md.

use crate::{name::Name, time::Millis};
use serde::{Deserialize, Serialize};

/// The longest line with its newline, in bytes: sixteen times the budget of an event at rest.
pub const MAX_EVENT_BYTES: usize = 16 * 1024;

/// Something that happened on a node, once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    // The fields stand in the order of their names: serde writes them so, and the line is canonical.
    /// When, by the node's clock.
    pub at: Millis,
    /// The dapp that said so.
    pub dapp: Name,
    /// What it says, in words of its own.
    pub data: serde_json::Map<String, serde_json::Value>,
    /// What kind of thing happened, such as `access`.
    pub kind: Name,
    /// The node's own count of its events, from 1, without gaps.
    pub seq: u64,
}

/// A line that is not an event.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// Over the limit.
    #[error("event of {bytes} bytes: at most {MAX_EVENT_BYTES} are taken; put large things into chunks")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Not JSON, a field is missing, or one is unknown.
    #[error("event is not a line of the log: {0}")]
    Parse(#[source] serde_json::Error),
    /// Readable, but not as we would write it.
    #[error("event is not in canonical form (sorted keys, no spaces, one newline at the end)")]
    NotCanonical,
}

impl Event {
    /// The canonical line, with its newline.
    pub fn to_line(&self) -> Result<String, EventError> {
        let mut line = serde_json::to_string(self).map_err(EventError::Parse)?;
        line.push('\n');
        if line.len() > MAX_EVENT_BYTES { Err(EventError::TooLong { bytes: line.len() }) } else { Ok(line) }
    }

    /// Reads one canonical line, with its newline.
    pub fn parse(line: &str) -> Result<Self, EventError> {
        if line.len() > MAX_EVENT_BYTES {
            return Err(EventError::TooLong { bytes: line.len() });
        }
        let event: Self = serde_json::from_str(line).map_err(EventError::Parse)?;
        if event.to_line()? == line { Ok(event) } else { Err(EventError::NotCanonical) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Event {
        let data = serde_json::json!({"result": "allowed", "member": "alice"});
        let data = data.as_object().unwrap().clone();
        Event {
            at: Millis(5),
            dapp: "doorbot".parse().unwrap(),
            data,
            kind: "access".parse().unwrap(),
            seq: 1,
        }
    }

    #[test]
    fn a_line_is_canonical_and_comes_back() {
        let line = event().to_line().unwrap();
        assert_eq!(
            line,
            "{\"at\":5,\"dapp\":\"doorbot\",\"data\":{\"member\":\"alice\",\"result\":\"allowed\"},\"kind\":\"access\",\"seq\":1}\n"
        );
        assert_eq!(Event::parse(&line).unwrap(), event());
    }

    #[test]
    fn a_number_with_a_fraction_comes_back() {
        // Once, each of these was read as its neighbour: the event was acknowledged, and its line was refused later.
        for number in
            [233_130_302.333_333_34, 103_915_879.857_142_85, 8.383658838626809e-78, 6.801672438380202e47]
        {
            let mut event = event();
            event.data.insert("x".into(), number.into());
            assert_eq!(Event::parse(&event.to_line().unwrap()).unwrap(), event);
        }
    }

    #[test]
    fn another_spelling_of_the_same_event_is_refused() {
        let line = event().to_line().unwrap();
        for other in [line.trim_end().to_string(), line.replace("\"at\":5", "\"at\": 5"), format!("{line}\n")]
        {
            assert!(Event::parse(&other).is_err(), "{other:?} was taken");
        }
    }

    #[test]
    fn a_line_of_a_megabyte_is_refused() {
        let mut long = event();
        long.data.insert("x".into(), "y".repeat(1 << 20).into());
        assert!(matches!(long.to_line(), Err(EventError::TooLong { .. })));
    }
}
