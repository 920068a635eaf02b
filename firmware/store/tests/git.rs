//! What git itself makes of our repository: it must be one that anybody can check, clone and read.
// A test that panics has failed, and that is what it is for.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::{Org, badge, size};
use std::{path::Path, process::Command, sync::Arc};
use store::{GitObjects, Options, RefName, Store, disk::RealDisk};

fn git(arguments: &[&str], folder: &Path) -> String {
    let out = Command::new("git")
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .expect("because git is installed where this test runs");
    let text = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "git {arguments:?}: {text}");
    text
}

fn filled(home: &Path, blocks: u64) -> (Org, Store) {
    let org = Org::new();
    let mut store = org.open(home, Arc::new(RealDisk)).unwrap();
    org.genesis(&mut store);
    for block in 0..blocks {
        store.append(&(0..3).map(|n| badge(block * 3 + n)).collect::<Vec<_>>()).unwrap();
        org.flush(&mut store, 3);
    }
    (org, store)
}

#[test]
fn git_finds_no_fault_and_clones_and_reads_it() {
    let home = tempfile::tempdir().unwrap();
    let (_, store) = filled(home.path(), 40);
    let repository = home.path().join("ledger.git");
    let report = git(&["fsck", "--strict", "--full"], &repository);
    assert!(!report.contains("error") && !report.contains("warning"), "{report}");
    git(&["clone", "--quiet", "ledger.git", "copy"], home.path());
    let copy = home.path().join("copy");
    assert_eq!(git(&["log", "--oneline"], &copy).lines().count(), 81, "genesis, and two blocks a flush");
    let head = git(&["rev-parse", "HEAD"], &copy);
    assert_eq!(head.trim(), store.head(&RefName::main()).unwrap().unwrap().to_string());
    let day = copy.join("log/front-door/2026-11/22");
    let lines: usize = std::fs::read_dir(day)
        .unwrap()
        .map(|f| std::fs::read_to_string(f.unwrap().path()).unwrap().lines().count())
        .sum();
    assert_eq!(lines, 120);
    git(&["fsck", "--strict", "--full"], &copy);
}

#[test]
fn after_consolidation_git_finds_no_fault_and_packs_are_few() {
    let home = tempfile::tempdir().unwrap();
    let (_, mut store) = filled(home.path(), 60);
    let before = store.consolidate().unwrap();
    assert!(before.packs <= store::PACKS_MAX, "{before:?}");
    let repository = home.path().join("ledger.git");
    let report = git(&["fsck", "--strict", "--full"], &repository);
    assert!(!report.contains("error") && !report.contains("warning"), "{report}");
    let verified = git(&["count-objects", "-v"], &repository);
    assert!(verified.contains("count: 0"), "no loose objects: {verified}");
    assert!(verified.contains("garbage: 0"), "no litter: {verified}");
}

#[test]
fn references_that_git_packed_are_found_and_moved_on() {
    let home = tempfile::tempdir().unwrap();
    let (org, mut store) = filled(home.path(), 2);
    let head = store.head(&RefName::main()).unwrap();
    git(&["pack-refs", "--all"], &home.path().join("ledger.git"));
    assert_eq!(store.head(&RefName::main()).unwrap(), head);
    store.append(&[badge(100)]).unwrap();
    org.flush(&mut store, 1);
    assert_ne!(store.head(&RefName::main()).unwrap(), head);
    git(&["fsck", "--strict"], &home.path().join("ledger.git"));
    assert_eq!(store.refs().unwrap().len(), 2);
}

#[test]
fn an_old_reader_reads_on_while_packs_come_and_go() {
    let home = tempfile::tempdir().unwrap();
    let org = Org::new();
    let mut store = org
        .open_with(home.path(), Arc::new(RealDisk), Options { packs_max: 4, ..Options::default() })
        .unwrap();
    org.genesis(&mut store);
    let reader = GitObjects::open(home.path()).unwrap();
    let early = reader.head(&RefName::main()).unwrap().unwrap();
    for n in 0..120 {
        store.append(&[badge(n)]).unwrap();
        org.flush(&mut store, 1);
        let head = reader.head(&RefName::main()).unwrap().unwrap();
        for block in [early, head] {
            ledger::Block::read(&reader, block).unwrap();
        }
    }
    let report =
        ledger::verify(&reader, reader.head(&RefName::main()).unwrap().unwrap(), &mut |_| {}).unwrap();
    assert_eq!(report.events, 120);
}

/// A reader took a new list of packs for one that it knew, whose place in memory it had, and did not find main.
#[test]
fn a_reader_that_shares_our_packs_finds_main_whenever_packs_came_and_went() {
    for _ in 0..20 {
        let home = tempfile::tempdir().unwrap();
        let (org, mut store) = filled(home.path(), 1);
        let reader = store.objects();
        for n in 10..30 {
            store.append(&[badge(n)]).unwrap();
            if n % 2 == 0 {
                store.consolidate().unwrap();
            }
            org.flush(&mut store, 1);
            ledger::Block::read(&reader, store.head(&RefName::main()).unwrap().unwrap()).unwrap();
        }
    }
}

/// Where the reader's places for packs were used up and used again, it lost a pack that came as others went.
#[test]
fn more_packs_come_and_go_than_a_reader_has_places_for() {
    let home = tempfile::tempdir_in("/dev/shm").unwrap();
    let (org, mut store) = filled(home.path(), 1);
    let reader = store.objects();
    for n in 10..2_200 {
        let at = model::Millis(common::NOON + n * 1_440_000);
        store.append(&[store::NewEvent { at, ..badge(n) }]).unwrap();
        org.flush(&mut store, 1);
        ledger::Block::read(&reader, store.head(&RefName::main()).unwrap().unwrap()).unwrap();
    }
}

#[test]
fn what_the_store_has_is_not_stored_again() {
    let home = tempfile::tempdir().unwrap();
    let (org, mut store) = filled(home.path(), 2);
    store.append(&[badge(10)]).unwrap();
    let (mut new, moves, _) = org.draft(&store, 1).unwrap();
    store.commit(&new, &moves).unwrap();
    // Nobody has read of the pack that was written just now.
    let more = new.insert(ledger::Kind::Blob, b"more".to_vec());
    store.commit(&new, &[]).unwrap();
    let packs = home.path().join("ledger.git/objects/pack");
    let newest = std::fs::read_dir(packs).unwrap().map(|file| file.unwrap().path());
    let newest = newest.filter(|path| path.extension().is_some_and(|end| end == "idx"));
    let newest = newest.max_by_key(|path| path.metadata().unwrap().modified().unwrap()).unwrap();
    let listed = git(&["verify-pack", "-v", newest.to_str().unwrap()], &home.path().join("ledger.git"));
    assert!(listed.contains(&more.to_string()), "{listed}");
    assert_eq!(
        listed.lines().filter(|line| line.contains(" blob ") || line.contains(" tree ")).count(),
        1,
        "{listed}"
    );
}

#[test]
fn a_second_process_is_told_who_has_the_home() {
    let home = tempfile::tempdir().unwrap();
    let (org, _store) = filled(home.path(), 1);
    let error = org.open(home.path(), Arc::new(RealDisk)).err().unwrap().to_string();
    assert!(error.contains(&std::process::id().to_string()), "{error}");
}

#[test]
fn a_reference_cannot_point_to_nothing() {
    let home = tempfile::tempdir().unwrap();
    let (_, mut store) = filled(home.path(), 1);
    let nowhere = model::BlockId::new([9; 32]);
    let error = store.commit(&ledger::NewObjects::default(), &[(RefName::main(), nowhere)]).unwrap_err();
    assert!(error.to_string().contains("refs/heads/main"), "{error}");
    assert!(store.events_in_blocks(1000).is_err(), "events that no block holds stay in the log");
}

#[test]
fn a_damaged_pack_is_named_and_never_merged_away() {
    let home = tempfile::tempdir().unwrap();
    let (_, mut store) = filled(home.path(), 3);
    let folder = home.path().join("ledger.git/objects/pack");
    let packs = || -> Vec<_> {
        let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|path| path.extension().is_some_and(|e| e == "pack")).collect()
    };
    let before = packs();
    let mut bytes = std::fs::read(&before[0]).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    std::fs::remove_file(&before[0]).unwrap(); // readers have the old file mapped; damage is in a new one
    std::fs::write(&before[0], bytes).unwrap();
    let error = store.consolidate().unwrap_err().to_string();
    assert!(error.contains(before[0].file_name().unwrap().to_str().unwrap()), "{error}");
    assert_eq!(packs().len(), before.len());
}

#[test]
fn an_event_at_rest_takes_less_than_a_kibibyte() {
    let home = tempfile::tempdir().unwrap();
    let org = Org::new();
    let mut store =
        org.open(home.path(), Arc::new(store::crash::RecordingDisk::new(home.path()).unwrap())).unwrap();
    org.genesis(&mut store);
    let (events, block) = (5_000, 20);
    for begin in (0..events).step_by(block) {
        store.append(&(0..block).map(|n| badge((begin + n) as u64)).collect::<Vec<_>>()).unwrap();
        org.flush(&mut store, block);
    }
    store.consolidate().unwrap();
    let bytes = size(&home.path().join("ledger.git"));
    let each = bytes / events as u64;
    eprintln!("{each} bytes an event at rest");
    assert!(each <= 1024, "{each} bytes an event at rest");
    git(&["fsck", "--strict", "--full"], &home.path().join("ledger.git"));
}
