//! Power cuts at every operation, full and failing disks at every call, a process that is killed.
//!
//! The workload makes a ledger, logs events alone and in batches, makes blocks, merges packs and fills the log
//! often enough to use its segments again. After each cut the home is opened and must hold every acknowledged event exactly
//! once, references to whole blocks, and must be able to go on.
// A test that panics has failed, and that is what it is for.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::{Org, all_events, badge};
use model::{BlockId, Event};
use std::{path::Path, sync::Arc};
use store::{
    NewEvent, Options, RefName, Store,
    crash::{Fault, FaultyDisk, RecordingDisk},
    wal,
};

const SEEDS: u64 = 3;

fn options() -> Options {
    Options { wal_segment_bytes: wal::SEGMENT_BYTES_MIN, packs_max: 4, ..Options::default() }
}

/// What was acknowledged, and when.
#[derive(Clone, Default)]
struct Promise {
    operations: usize,
    events: u64,
    main: Option<BlockId>,
}

/// A long event: some ten of them fill a segment of the log.
fn long(n: u64) -> NewEvent {
    let mut event = badge(n);
    event.data.insert("note".into(), "x".repeat(3000).into());
    event
}

/// Does one step after the other until a call fails; says after each what was promised.
fn work(
    org: &Org,
    store: &mut Store,
    promised: &mut dyn FnMut(&Store),
) -> Result<(), Box<dyn std::error::Error>> {
    if store.head(&RefName::main())?.is_none() {
        org.genesis_or_fail(store)?;
        promised(store);
    }
    for round in 0..6 {
        let n = store.last_seq() + 1;
        store.append(&[badge(n)])?;
        promised(store);
        let batch: Vec<_> = (n + 1..n + 5).map(|n| if round % 2 == 0 { long(n) } else { badge(n) }).collect();
        store.append(&batch)?;
        promised(store);
        if round % 3 != 1 {
            let (new, moves, last) = org.draft(store, 4)?;
            store.commit(&new, &moves)?;
            promised(store);
            store.events_in_blocks(last)?;
        }
        if round == 3 {
            store.consolidate()?;
        }
    }
    promised(store);
    Ok(())
}

/// Everything promised is there, once, and the home can go on.
fn check(org: &Org, home: &Path, promise: &Promise, heads: &[BlockId], verify: bool) {
    let disk = Arc::new(RecordingDisk::new(home).unwrap());
    let mut store = org.open_with(home, disk, options()).unwrap();
    assert!(store.recovery().damage.is_empty(), "{:?}", store.recovery());
    assert_whole(&all_events(org, &store), promise.events);
    let head = store.head(&RefName::main()).unwrap();
    let place = |block: Option<BlockId>| block.and_then(|block| heads.iter().position(|head| *head == block));
    assert!(place(head) >= place(promise.main), "main went back");
    assert!(head.is_none() || place(head).is_some(), "main points to a block that nobody made");
    if let (Some(head), true) = (head, verify) {
        ledger::verify(&store.objects(), head, &mut |_| {}).unwrap();
    }
    let before = store.last_seq();
    if head.is_none() {
        org.genesis(&mut store);
    }
    store.append(&[badge(before + 1), badge(before + 2)]).unwrap();
    org.catch_up_main(&mut store);
    let pending = store.pending().len();
    org.flush(&mut store, pending);
    drop(store);
    let store = org.open_with(home, Arc::new(RecordingDisk::new(home).unwrap()), options()).unwrap();
    assert_whole(&all_events(org, &store), before + 2);
    assert!(store.pending().is_empty());
}

/// Numbered from 1 without a gap or a double, at least so many, each with the content that its number has.
fn assert_whole(events: &[Event], at_least: u64) {
    for (seq, event) in (1..).zip(events) {
        assert_eq!(event.seq, seq, "an event is missing or there twice");
        assert_eq!(event.data["badge"], badge(seq).data["badge"], "event {seq} is another one");
    }
    assert!(events.len() as u64 >= at_least, "{} events, {at_least} were acknowledged", events.len());
}

fn promise(operations: usize, store: &Store) -> Promise {
    Promise { operations, events: store.last_seq(), main: store.head(&RefName::main()).unwrap() }
}

#[test]
fn after_a_power_cut_at_any_operation_everything_acknowledged_is_there_once() {
    let (org, home) = (Org::new(), tempfile::tempdir().unwrap());
    let disk = RecordingDisk::new(home.path()).unwrap();
    let mut promises = vec![Promise::default()];
    for _ in 0..2 {
        let mut store = org.open_with(home.path(), Arc::new(disk.clone()), options()).unwrap();
        work(&org, &mut store, &mut |store| promises.push(promise(disk.operations(), store))).unwrap();
    }
    let heads: Vec<BlockId> = promises.iter().filter_map(|promise| promise.main).collect();
    for cut in 0..=disk.operations() {
        for seed in 0..SEEDS {
            let seed = if seed < 2 { seed } else { seed + 2 * cut as u64 };
            let kept = promises.iter().rfind(|promise| promise.operations <= cut).unwrap();
            let into = tempfile::tempdir().unwrap();
            disk.materialise(cut, seed, into.path()).unwrap();
            let checked = std::panic::catch_unwind(|| check(&org, into.path(), kept, &heads, seed % 8 == 3));
            assert!(checked.is_ok(), "power cut {cut}, seed {seed}:\n{}", disk.describe(cut));
        }
    }
    eprintln!("{} operations, {SEEDS} seeds each", disk.operations());
}

#[test]
fn a_disk_that_is_full_or_fails_at_any_call_says_so_and_loses_nothing() {
    let org = Org::new();
    for fault in [Fault::Full, Fault::Once, Fault::Dead] {
        let mut at = 1;
        while fails_and_loses_nothing(&org, fault, at) {
            at += 1;
        }
    }
}

/// Does the work on a disk that fails at a call, and opens the home anew; false if the work has fewer calls.
fn fails_and_loses_nothing(org: &Org, fault: Fault, at: usize) -> bool {
    let home = tempfile::tempdir().unwrap();
    let record = Arc::new(RecordingDisk::new(home.path()).unwrap());
    let disk = FaultyDisk::new(record.clone(), fault, at);
    let mut promises = vec![Promise::default()];
    let worked = match org.open_with(home.path(), Arc::new(disk.clone()), options()) {
        Ok(mut store) => work(org, &mut store, &mut |store| promises.push(promise_of(store, home.path()))),
        Err(error) => Err(error.into()),
    };
    if worked.is_ok() && disk.calls() < at {
        return false;
    }
    let error = worked.err().map(|error| chain(&*error));
    let told = |error: &String| ["full", "os error 5", "no space"].iter().any(|word| error.contains(word));
    assert!(error.as_ref().is_none_or(told), "{fault:?} at call {at}: {error:?}");
    let heads = ledger_heads(&promises, home.path());
    let kept = promises.last().unwrap();
    let checked = std::panic::catch_unwind(|| {
        check(org, home.path(), kept, &heads, at.is_multiple_of(16));
        // The dead process may have left things unsynced that its successor built on.
        let into = tempfile::tempdir().unwrap();
        record.materialise(record.operations(), 0, into.path()).unwrap();
        check(org, into.path(), kept, &heads, false);
    });
    assert!(checked.is_ok(), "{fault:?} at call {at}, {error:?}:\n{}", record.describe(record.operations()));
    true
}

/// As [`promise`], read past the disk that fails.
fn promise_of(store: &Store, home: &Path) -> Promise {
    let objects = store::GitObjects::open(home).unwrap();
    Promise { operations: 0, events: store.last_seq(), main: objects.head(&RefName::main()).unwrap() }
}

/// The blocks of main that were promised, and the one that main may have moved to without a word.
fn ledger_heads(promises: &[Promise], home: &Path) -> Vec<BlockId> {
    let mut heads: Vec<BlockId> = promises.iter().filter_map(|promise| promise.main).collect();
    if let Ok(objects) = store::GitObjects::open(home) {
        heads.extend(objects.head(&RefName::main()).unwrap());
    }
    heads
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    text.to_lowercase()
}

#[test]
fn what_a_killed_process_left_unsynced_is_synced_before_it_is_built_on() {
    let org = Org::new();
    for at in 1.. {
        let home = tempfile::tempdir().unwrap();
        let record = Arc::new(RecordingDisk::new(home.path()).unwrap());
        let disk = FaultyDisk::new(record.clone(), Fault::Dead, at);
        let first = org.open_with(home.path(), Arc::new(disk.clone()), options());
        let alive = first.is_ok_and(|mut store| work(&org, &mut store, &mut |_| {}).is_ok());
        if alive && disk.calls() < at {
            break;
        }
        let mut promises = vec![Promise::default()];
        let mut store = org.open_with(home.path(), record.clone(), options()).unwrap();
        if store.head(&RefName::main()).unwrap().is_some() {
            org.catch_up_main(&mut store);
        }
        work(&org, &mut store, &mut |store| promises.push(promise(record.operations(), store))).unwrap();
        drop(store);
        let heads: Vec<BlockId> = promises.iter().filter_map(|promise| promise.main).collect();
        let last = promises.len() - 1;
        for promise in [1 + at % last, last].map(|index| &promises[index]) {
            let into = tempfile::tempdir().unwrap();
            record.materialise(promise.operations, 0, into.path()).unwrap();
            let checked = std::panic::catch_unwind(|| check(&org, into.path(), promise, &heads, false));
            assert!(checked.is_ok(), "killed at call {at}, power cut at {}", promise.operations);
        }
    }
}
