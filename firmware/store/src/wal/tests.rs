//! The log on a real folder: what is appended comes back, room is used again, damage is named.

use super::*;
use crate::disk::RealDisk;
use model::Millis;

pub(crate) fn event(seq: u64) -> Event {
    let data = serde_json::json!({"member": "alice", "n": seq}).as_object().unwrap().clone();
    Event { at: Millis(seq), dapp: "doorbot".parse().unwrap(), data, kind: "access".parse().unwrap(), seq }
}

fn open(folder: &Path, in_blocks: u64) -> (Wal, Replay) {
    Wal::open(Arc::new(RealDisk), folder, SEGMENT_BYTES_MIN, in_blocks).unwrap()
}

fn append(wal: &mut Wal, seqs: std::ops::RangeInclusive<u64>) {
    wal.append(&seqs.map(event).collect::<Vec<_>>()).unwrap();
}

fn seqs(replay: &Replay) -> Vec<u64> {
    replay.events.iter().map(|event| event.seq).collect()
}

/// Changes one byte in the middle of the record of `seq`; says where that record begins.
fn damage(folder: &Path, seq: u64) -> (PathBuf, usize) {
    for path in RealDisk.list(folder).unwrap() {
        let mut bytes = std::fs::read(&path).unwrap();
        if let Some(record) = record::scan(&bytes).into_iter().find(|record| record.event.seq == seq) {
            bytes[record.offset + 40] ^= 1;
            std::fs::write(&path, bytes).unwrap();
            return (path, record.offset);
        }
    }
    panic!("event {seq} is in no segment");
}

#[test]
fn what_was_appended_comes_back_and_can_be_added_to() {
    let folder = tempfile::tempdir().unwrap();
    append(&mut open(folder.path(), 0).0, 1..=3);
    let (mut wal, replay) = open(folder.path(), 0);
    assert_eq!(seqs(&replay), [1, 2, 3]);
    append(&mut wal, 4..=5);
    assert_eq!(seqs(&open(folder.path(), 2).1), [3, 4, 5]);
}

#[test]
fn an_append_of_many_segments_comes_back_whole() {
    let folder = tempfile::tempdir().unwrap();
    append(&mut open(folder.path(), 0).0, 1..=2000);
    assert_eq!(seqs(&open(folder.path(), 0).1), (1..=2000).collect::<Vec<_>>());
}

#[test]
fn trimmed_room_is_used_again_and_lengths_never_change() {
    let folder = tempfile::tempdir().unwrap();
    let (mut wal, _) = open(folder.path(), 0);
    for round in 0..200 {
        append(&mut wal, round * 50 + 1..=round * 50 + 50);
        wal.trim(round * 50 + 40).unwrap();
    }
    let files = RealDisk.list(folder.path()).unwrap();
    assert!(files.len() <= 4, "{files:?}");
    for file in files {
        assert_eq!(std::fs::metadata(file).unwrap().len(), SEGMENT_BYTES_MIN as u64);
    }
    assert_eq!(seqs(&open(folder.path(), 9990).1), (9991..=10_000).collect::<Vec<_>>());
}

#[test]
fn damage_in_the_middle_names_file_and_offset_and_keeps_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let (mut wal, _) = open(folder.path(), 0);
    (1..=6).for_each(|seq| append(&mut wal, seq..=seq));
    let (file, offset) = damage(folder.path(), 3);
    let (mut wal, replay) = open(folder.path(), 0);
    assert_eq!(seqs(&replay), [1, 2, 3, 4, 5, 6]);
    assert_eq!(replay.events[2].kind.as_str(), "lost");
    let found = &replay.damage[0];
    assert_eq!((&found.file, found.offset, &found.events), (&file, offset as u64, &(3..=3)));
    assert_eq!(std::fs::read(&found.kept).unwrap(), std::fs::read(&file).unwrap());
    append(&mut wal, 7..=7);
    assert_eq!(seqs(&open(folder.path(), 0).1), [1, 2, 3, 4, 5, 6, 7]);
    assert!(found.to_string().contains("damaged at byte"), "{found}");
}

#[test]
fn a_torn_last_append_goes_without_a_trace() {
    let folder = tempfile::tempdir().unwrap();
    let (mut wal, _) = open(folder.path(), 0);
    append(&mut wal, 1..=2);
    append(&mut wal, 3..=6);
    damage(folder.path(), 4);
    let (mut wal, replay) = open(folder.path(), 0);
    assert_eq!((seqs(&replay), replay.torn, replay.damage.len()), (vec![1, 2, 3], 2, 0));
    append(&mut wal, 4..=4);
    let (_, replay) = open(folder.path(), 0);
    assert_eq!((seqs(&replay), replay.torn), (vec![1, 2, 3, 4], 0), "5 and 6 must not rise again");
}

#[test]
fn files_that_are_no_segments_are_left_alone_and_half_made_ones_removed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("notes.txt"), "mine").unwrap();
    std::fs::write(folder.path().join("00000007.wal"), [0; 100]).unwrap();
    append(&mut open(folder.path(), 0).0, 1..=1);
    assert!(folder.path().join("notes.txt").exists());
    assert!(!folder.path().join("00000007.wal").exists());
}
