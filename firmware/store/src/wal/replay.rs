//! What the records of a log that was found mean: which events stand, and what is wrong.
//!
//! Not a reader of files: it judges records that `record::scan` found. Events are numbered without gaps, and
//! an append begins only after the one before it was synced. So a missing number before an event of a *later*
//! append is damage to something acknowledged, and a missing number in the *last* append is a torn write,
//! which nobody was told about. See docs/formats/wal.md.

use super::record::Record;
use model::{Event, Millis, Name};
use std::{
    collections::BTreeMap,
    ops::RangeInclusive,
    path::{Path, PathBuf},
};

/// The most lost events that are believed: each becomes an event that says so. The agent puts some thousands into a
/// block at the latest, so a log that misses more than this belongs to other blocks, or was forged.
const MISSING_MAX: u64 = 1 << 16;

/// Acknowledged events that cannot be read any more. The other events stand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "write-ahead log {} is damaged at byte {offset}: event(s) {} to {} are unreadable; a copy was kept as {}",
    file.display(), events.start(), events.end(), kept.display()
)]
pub struct Damage {
    /// The segment.
    pub file: PathBuf,
    /// Where in it the first of them should begin.
    pub offset: u64,
    /// Their numbers.
    pub events: RangeInclusive<u64>,
    /// The copy of the segment that was set aside.
    pub kept: PathBuf,
}

/// Where a record was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) segment: usize,
    pub(super) offset: usize,
    pub(super) end: usize,
}

/// A hole in the numbers before an event of a later append.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Hole {
    pub(super) segment: usize,
    pub(super) offset: usize,
    pub(super) events: RangeInclusive<u64>,
}

/// What stands, what does not, and what is missing.
#[derive(Debug, Default)]
pub(super) struct Judgement {
    /// Events that are in no block yet, by number, with their places.
    pub(super) live: Vec<(Event, Place)>,
    /// Whole records of an append that was torn: never acknowledged, to be wiped.
    pub(super) torn: Vec<Place>,
    /// Damage to acknowledged events.
    pub(super) holes: Vec<Hole>,
}

/// Whole records that claim more lost events than a log ever held: they, or the blocks, are not of this log.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Leap {
    pub(super) segment: usize,
    pub(super) offset: usize,
    /// The number that was looked for.
    pub(super) expected: u64,
    /// The number that was found.
    pub(super) found: u64,
}

/// Judges the records of all segments; events up to `in_blocks` are in the ledger and count no more.
pub(super) fn judge(segments: Vec<Vec<Record>>, in_blocks: u64) -> Result<Judgement, Leap> {
    let mut records = BTreeMap::new();
    for (segment, found) in segments.into_iter().enumerate() {
        for record in found.into_iter().filter(|record| record.event.seq > in_blocks) {
            records.entry(record.event.seq).or_insert((segment, record));
        }
    }
    let last_start = records.values().map(|(_, record)| record.start).max().unwrap_or(0);
    let mut judgement = Judgement::default();
    let (mut expected, mut missing) = (in_blocks.saturating_add(1), 0u64);
    for (seq, (segment, record)) in records {
        let place = Place { segment, offset: record.offset, end: record.end };
        if seq != expected && record.start == last_start && record.start <= expected {
            judgement.torn.push(place);
            continue;
        }
        missing = missing.saturating_add(seq - expected);
        if missing > MISSING_MAX {
            return Err(Leap { segment, offset: record.offset, expected, found: seq });
        }
        if seq != expected {
            judgement.holes.push(hole(&judgement.live, place, expected..=seq - 1));
        }
        judgement.live.push((record.event, place));
        expected = seq.saturating_add(1);
    }
    Ok(judgement)
}

/// The events that stand, and for each one that is lost an event of that number that says so: the ledger takes
/// no log with a number missing, and what is lost should be read there, not be silent.
pub(super) fn with_losses(live: Vec<Event>, damage: &[Damage]) -> Vec<Event> {
    let mut events = live;
    for lost in damage {
        let next = events.iter().find(|event| event.seq > *lost.events.end());
        let at = next.map(|event| event.at).unwrap_or_default();
        events.extend(lost.events.clone().map(|seq| loss(seq, at, lost)));
        events.sort_by_key(|event| event.seq);
    }
    events
}

fn loss(seq: u64, at: Millis, damage: &Damage) -> Event {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut data = serde_json::Map::new();
    data.insert("file".into(), name(&damage.file).into());
    data.insert("kept".into(), name(&damage.kept).into());
    data.insert("offset".into(), damage.offset.into());
    let word = |text: &str| text.parse::<Name>().expect("because a plain word is a name");
    Event { at, dapp: word("ledger"), data, kind: word("lost"), seq }
}

/// The hole begins where the event before it ends, if that is known, or at the segment's begin.
fn hole(live: &[(Event, Place)], next: Place, events: RangeInclusive<u64>) -> Hole {
    match live.last() {
        Some((_, before)) => Hole { segment: before.segment, offset: before.end, events },
        None => Hole { segment: next.segment, offset: 0, events },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wal::tests::event;

    fn record(seq: u64, start: u64) -> Record {
        let offset = seq as usize * 200;
        Record { offset, end: offset + 200, start, event: event(seq) }
    }

    /// A record of an append of its own, its number too large for a place in proportion to it.
    fn record_numbered(seq: u64) -> Record {
        Record { offset: 0, end: 200, start: seq, event: Event { seq, ..event(1) } }
    }

    fn live(judgement: &Judgement) -> Vec<u64> {
        judgement.live.iter().map(|(event, _)| event.seq).collect()
    }

    #[test]
    fn events_in_blocks_are_dropped_and_the_others_stand() {
        let judgement = judge(vec![(1..=5).map(|seq| record(seq, seq)).collect()], 3).unwrap();
        assert_eq!(live(&judgement), [4, 5]);
        assert!(judgement.holes.is_empty() && judgement.torn.is_empty());
    }

    #[test]
    fn a_hole_before_a_later_append_is_damage_and_the_rest_stands() {
        let judgement = judge(vec![vec![record(1, 1), record(4, 4), record(5, 5)]], 0).unwrap();
        assert_eq!(live(&judgement), [1, 4, 5]);
        assert_eq!(judgement.holes, [Hole { segment: 0, offset: 400, events: 2..=3 }]);
    }

    #[test]
    fn a_hole_in_the_last_append_is_a_torn_write() {
        let judgement = judge(vec![vec![record(1, 1), record(2, 2), record(4, 2), record(5, 2)]], 0).unwrap();
        assert_eq!(live(&judgement), [1, 2]);
        assert_eq!(judgement.torn.len(), 2);
        assert!(judgement.holes.is_empty());
    }

    #[test]
    fn a_hole_in_an_append_that_others_followed_is_damage() {
        let judgement = judge(vec![vec![record(1, 1), record(3, 1)], vec![record(4, 4)]], 0).unwrap();
        assert_eq!(live(&judgement), [1, 3, 4]);
        assert_eq!(judgement.holes.len(), 1);
    }

    #[test]
    fn a_lost_event_leaves_a_word_in_its_place() {
        let damage =
            Damage { file: "a/1.wal".into(), offset: 400, events: 2..=3, kept: "a/damaged.wal".into() };
        let events = with_losses(vec![event(1), event(4)], &[damage]);
        assert_eq!(events.iter().map(|event| event.seq).collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert_eq!((events[1].kind.as_str(), events[1].at), ("lost", event(4).at));
        assert!(events[2].to_line().unwrap().contains("damaged.wal"));
    }

    #[test]
    fn a_record_of_a_huge_number_is_refused_and_no_event_is_made_for_each_missing_one() {
        for far in [MISSING_MAX + 3, u64::MAX] {
            let far = Record { offset: 600, ..record_numbered(far) };
            let leap = judge(vec![vec![record(1, 1)], vec![far.clone()]], 0).unwrap_err();
            assert_eq!(leap, Leap { segment: 1, offset: 600, expected: 2, found: far.start });
        }
        assert!(judge(vec![vec![record(1, 1), record_numbered(MISSING_MAX + 2)]], 0).is_ok());
    }

    #[test]
    fn holes_count_together() {
        let steps = (1..=3).map(|n| record_numbered(n * (MISSING_MAX / 2)));
        assert!(judge(vec![steps.collect()], 0).is_err());
    }

    #[test]
    fn the_first_missing_event_is_noticed_too() {
        let judgement = judge(vec![vec![record(9, 9), record(10, 10)]], 7).unwrap();
        assert_eq!(live(&judgement), [9, 10]);
        assert_eq!(judgement.holes, [Hole { segment: 0, offset: 0, events: 8..=8 }]);
    }
}
