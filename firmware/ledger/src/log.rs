//! The logs: files of events under `log/<node>/<yyyy-mm>/<dd>/<n>.jsonl`.
//!
//! Each block of events adds one file, the next number of its day (the block's date in UTC), and the events in it go
//! on counting where the last file of the node ended. Written files never change. The month is a level of its
//! own so that a block writes small folders (docs/decisions/0003-log-layout.md).

use crate::{
    object::{Kind, LoadError, Objects, load},
    state::{State, StateError, fixed},
    tree::{Entry, Listing, TreeError, checked_name},
};
use model::{Event, EventError, Millis, Name, ObjectId, StatePath};
use std::ops::RangeInclusive;

/// The most events in one block.
pub const MAX_EVENTS_IN_BLOCK: usize = 10_000;

/// The largest file of events, in bytes: what a box with little memory can hold several times.
pub const MAX_LOG_BYTES: usize = 4 << 20;

/// A file of events that is none.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// No events, more than fit, or a line without an end.
    #[error(
        "a log file holds 1 to {MAX_EVENTS_IN_BLOCK} lines and at most {MAX_LOG_BYTES} bytes, and ends with its last line"
    )]
    Size,
    /// Not text.
    #[error("a log file is not UTF-8 text")]
    Utf8,
    /// A line is no event.
    #[error("line {line} of the log file: {source}")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// What is wrong.
        source: EventError,
    },
    /// An event is missing or there twice.
    #[error("line {line} of the log file has event {found} where {wanted} comes next")]
    Sequence {
        /// Its number, from 1.
        line: usize,
        /// The event's own number.
        found: u64,
        /// What comes next.
        wanted: u64,
    },
}

/// The folder of a node's log.
pub(crate) fn folder(node: &Name) -> StatePath {
    fixed(&format!("log/{node}"))
}

/// How many of the events fit into one block, from the first.
pub fn events_that_fit(events: &[Event]) -> usize {
    let mut bytes = 0;
    let fits = |event: &&Event| {
        bytes += event.to_line().map_or(0, |line| line.len());
        bytes <= MAX_LOG_BYTES
    };
    events.iter().take(MAX_EVENTS_IN_BLOCK).take_while(fits).count()
}

/// Writes a file of events.
pub(crate) fn write(events: &[Event]) -> Result<Vec<u8>, EventError> {
    let lines: Result<String, EventError> = events.iter().map(Event::to_line).collect();
    Ok(lines?.into_bytes())
}

/// Reads a file of events strictly; gives their numbers.
pub(crate) fn check(bytes: &[u8], first: u64) -> Result<RangeInclusive<u64>, LogError> {
    if bytes.is_empty() || bytes.len() > MAX_LOG_BYTES || bytes.last() != Some(&b'\n') {
        return Err(LogError::Size);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| LogError::Utf8)?;
    let mut wanted = first;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        if index == MAX_EVENTS_IN_BLOCK {
            return Err(LogError::Size);
        }
        let event = Event::parse(line).map_err(|source| LogError::Line { line: index + 1, source })?;
        if event.seq != wanted {
            return Err(LogError::Sequence { line: index + 1, found: event.seq, wanted });
        }
        wanted = wanted.saturating_add(1);
    }
    Ok(first..=wanted - 1)
}

/// The path of the next file of a node's log.
pub(crate) fn next_path(
    objects: &dyn Objects,
    state: &State<'_>,
    node: &Name,
    at: Millis,
) -> Result<StatePath, StateError> {
    let date = at.date();
    let day: StatePath = format!("log/{node}/{:04}-{:02}/{:02}", date.year, date.month, date.day).parse()?;
    let last = match state.entry(&day)? {
        Some(Entry::Folder(id)) => last_in(objects, &id)?.and_then(|(name, _)| number(&name)).unwrap_or(0),
        _ => 0,
    };
    Ok(day.join(&format!("{:06}.jsonl", last + 1))?)
}

fn number(name: &Name) -> Option<u32> {
    name.as_str().strip_suffix(".jsonl")?.parse().ok()
}

/// The last entry of a folder.
fn last_in(objects: &dyn Objects, folder: &ObjectId) -> Result<Option<(Name, Entry)>, TreeError> {
    let bytes = load(objects, folder, Kind::Tree)?;
    let last = Listing::parse(&bytes)?.last();
    last.map(|(name, entry)| Ok((checked_name(name)?, entry))).transpose()
}

/// The number of a node's last event in a state; 0 if it has none.
pub fn last_event(objects: &dyn Objects, state: &State<'_>, node: &Name) -> Result<u64, StateError> {
    let mut entry = state.entry(&folder(node))?;
    while let Some(Entry::Folder(id)) = entry {
        entry = last_in(objects, &id)?.map(|(_, entry)| entry);
    }
    let Some(Entry::File(id)) = entry else { return Ok(0) };
    let bytes = load(objects, &id, Kind::Blob)?;
    let damaged = || LoadError::Damaged { kind: "file", id };
    let text = std::str::from_utf8(&bytes).map_err(|_| damaged())?;
    let line = text.split_inclusive('\n').next_back().ok_or_else(damaged)?;
    Ok(Event::parse(line).map_err(|_| damaged())?.seq)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(seq: u64) -> Event {
        let (dapp, kind) = ("doorbot".parse().unwrap(), "access".parse().unwrap());
        Event { at: Millis(seq), dapp, kind, data: serde_json::Map::new(), seq }
    }

    #[test]
    fn a_file_of_events_goes_on_counting() {
        let bytes = write(&[event(3), event(4)]).unwrap();
        assert_eq!(check(&bytes, 3).unwrap(), 3..=4);
        assert!(matches!(check(&bytes, 4), Err(LogError::Sequence { line: 1, found: 3, wanted: 4 })));
        let gap = write(&[event(3), event(5)]).unwrap();
        assert!(matches!(check(&gap, 3), Err(LogError::Sequence { line: 2, found: 5, wanted: 4 })));
    }

    #[test]
    fn a_cut_empty_or_foreign_file_is_refused() {
        let bytes = write(&[event(1)]).unwrap();
        assert!(matches!(check(&bytes[..bytes.len() - 1], 1), Err(LogError::Size)));
        assert!(matches!(check(b"", 1), Err(LogError::Size)));
        assert!(matches!(check(b"hello\n", 1), Err(LogError::Line { line: 1, .. })));
        assert!(matches!(check(b"\xff\n", 1), Err(LogError::Utf8)));
    }

    #[test]
    fn no_more_events_are_taken_than_fit() {
        assert_eq!(events_that_fit(&[]), 0);
        let many: Vec<Event> = (1..=MAX_EVENTS_IN_BLOCK as u64 + 5).map(event).collect();
        assert_eq!(events_that_fit(&many), MAX_EVENTS_IN_BLOCK);
        let mut large = event(1);
        large.data.insert("x".into(), "y".repeat(15 * 1024).into());
        assert!(events_that_fit(&vec![large; 1000]) < 300);
    }
}
