//! The record: there and back, torn at every byte, and full to the brim.
#![allow(clippy::unwrap_used, reason = "clippy's allowance for tests does not reach their helpers")]

mod common;

use common::version;
use model::ReleaseId;
use proptest::prelude::*;
use slots::Slot;
use update::{
    Job, MAX_FAILURES, MAX_LOG_BYTES, MAX_REASON_BYTES, MAX_REPORTS, Outcome, RECORD_BYTES, Record,
    RecordError, Report, Seen, latest,
};

fn seen(n: u8) -> Seen {
    Seen { version: version(&format!("1.{n}.0")), id: ReleaseId::new([n; 32]) }
}

fn trying(n: u8, note: &str) -> Record {
    let job = Job::Trying { release: seen(n), target: Slot::B, tries: 1, height: 12, note: note.to_owned() };
    Record { job, ..Record::default() }
}

#[test]
fn an_empty_place_is_no_record_and_two_of_them_are_an_empty_one() {
    let empty = vec![0; RECORD_BYTES];
    assert!(matches!(Record::parse(&empty), Err(RecordError::NotARecord)));
    let found = latest(&empty, &[]);
    assert_eq!((found.record, found.number, found.next), (Record::default(), 0, 0));
}

#[test]
fn the_greater_number_counts_and_the_other_place_is_written_next() {
    let (old, new) = (trying(1, "old").to_bytes(6).unwrap(), trying(2, "new").to_bytes(7).unwrap());
    for (first, second, next) in [(&old, &new, 0), (&new, &old, 1)] {
        let found = latest(first, second);
        assert_eq!((found.number, found.next), (7, next));
        assert_eq!(found.record, trying(2, "new"));
    }
}

#[test]
fn a_record_that_is_torn_at_any_byte_leaves_the_one_before() {
    let (kept, before, after) = (trying(1, "kept"), trying(2, "before"), trying(3, "a longer note after it"));
    let bytes = |record: &Record, number| record.to_bytes(number).unwrap();
    let (kept_bytes, before, after_bytes) = (bytes(&kept, 5), bytes(&before, 4), bytes(&after, 6));
    let end = after_bytes.iter().rposition(|byte| *byte != 0).unwrap();
    for at in 0..=end {
        let heads = [&after_bytes[..at], &before[at..]].concat();
        let found = latest(&kept_bytes, &heads).record;
        assert!(found == kept || (found == after && heads == after_bytes), "torn at {at}");
        let tails = [&before[..at], &after_bytes[at..]].concat();
        let found = latest(&kept_bytes, &tails).record;
        assert!(found == kept || (found == after && tails == after_bytes), "torn before {at}");
    }
    assert_eq!(latest(&kept_bytes, &after_bytes).record, after);
}

#[test]
fn a_record_with_any_bit_turned_is_none() {
    let bytes = trying(1, "it started").to_bytes(9).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    for at in 0..=end {
        for bit in 0..8 {
            let mut other = bytes.clone();
            other[at] ^= 1 << bit;
            assert!(Record::parse(&other).is_err(), "byte {at}, bit {bit}");
        }
    }
}

#[test]
fn the_fullest_record_has_room() {
    let reason = "\"\\".repeat(MAX_REASON_BYTES / 2);
    let log = "\"\\\"\\\n".repeat(MAX_LOG_BYTES / 5);
    let release = common::approved(&common::plain("1.2.3-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.1"));
    let mut record = Record::default();
    record.memory.learn(&release);
    for n in 0..MAX_FAILURES as u8 {
        record.memory.fail(seen(n), &reason);
    }
    for n in 0..MAX_REPORTS as u8 + 3 {
        record.report(Report::new(seen(n), Outcome::RolledBack, &reason, &log));
    }
    record.job = Job::Failing { release: seen(1), target: Slot::A, reason, log };
    record.slots.set(Slot::A, Some(seen(1)));
    assert_eq!(record.reports.len(), MAX_REPORTS);
    let bytes = record.to_bytes(u64::MAX).unwrap();
    assert_eq!(Record::parse(&bytes).unwrap(), (u64::MAX, record));
}

#[test]
fn more_than_is_ever_kept_is_refused() {
    let mut record = Record::default();
    for n in 0..MAX_REPORTS as u8 + 1 {
        record.reports.push(Report::new(seen(n), Outcome::Installed, "", ""));
    }
    let bytes = record.to_bytes(1).unwrap();
    assert!(matches!(Record::parse(&bytes), Err(RecordError::NotOurs)));
    let long = trying(1, &"x".repeat(MAX_REASON_BYTES + 1)).to_bytes(1).unwrap();
    assert!(matches!(Record::parse(&long), Err(RecordError::NotOurs)));
}

prop_compose! {
    fn any_record()(
        failures in prop::collection::vec((any::<u8>(), ".{0,60}"), 0..5),
        reports in prop::collection::vec((any::<u8>(), ".{0,60}", "(?s).{0,90}"), 0..6),
        job in 0u8..5,
        text in ".{0,60}",
        log in "(?s).{0,200}",
        height in 0u64..1 << 60,
        held in prop::option::of(any::<u8>()),
    ) -> Record {
        let mut record = Record::default();
        failures.into_iter().for_each(|(n, why)| record.memory.fail(seen(n), &why));
        for (n, why, log) in reports {
            record.report(Report::new(seen(n), Outcome::WentBack, &why, &log));
        }
        record.slots.set(Slot::B, held.map(seen));
        // As the machine cuts them.
        let made = Report::new(seen(0), Outcome::Stuck, &text, &log);
        record.job = match job {
            0 => Job::Idle,
            1 => Job::Writing { release: seen(1), tries: 2 },
            2 => Job::Trying { release: seen(1), target: Slot::A, tries: 1, height, note: made.reason },
            3 => Job::Failing { release: seen(1), target: Slot::B, reason: made.reason, log: made.log },
            _ => Job::Back { left: held.map(seen), target: Slot::B },
        };
        record
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_record_goes_there_and_back(record in any_record(), number in any::<u64>()) {
        let bytes = record.to_bytes(number).unwrap();
        prop_assert_eq!(bytes.len(), RECORD_BYTES);
        prop_assert_eq!(Record::parse(&bytes).unwrap(), (number, record));
    }
}
