//! One story, told again and again, while the disk fails at its n-th call or the power goes there.

use std::collections::{BTreeSet, HashSet};

use chunk::chunk_id;
use store::{
    chunks::Chunks,
    crash::{Fault, FaultyDisk},
};

use super::{Home, content};

/// Chunks that survive, and from which operation on.
type Promise = (usize, BTreeSet<usize>);

/// What the story was promised.
struct Promised<'a> {
    home: &'a Home,
    durable: BTreeSet<usize>,
    put: BTreeSet<usize>,
    history: Vec<Promise>,
}

impl Promised<'_> {
    fn put(&mut self, chunks: &Chunks, numbers: impl Iterator<Item = usize>) {
        self.put.extend(numbers.filter(|&number| chunks.put(&content(number)).is_ok()));
    }

    fn sync(&mut self, chunks: &Chunks) {
        let put = std::mem::take(&mut self.put);
        if chunks.sync().is_ok() {
            self.durable.extend(put);
            self.note();
        }
    }

    fn collect(&mut self, chunks: &Chunks, keep: impl Fn(usize) -> bool) {
        self.durable.retain(|&number| keep(number));
        self.put.retain(|&number| keep(number));
        self.note();
        let reachable: HashSet<_> = (0..40).filter(|&n| keep(n)).map(|n| chunk_id(&content(n))).collect();
        // Whether it ends well or not: what is reachable stays.
        let _ = chunks.gc(&reachable);
    }

    fn note(&mut self) {
        self.history.push((self.home.disk.operations(), self.durable.clone()));
    }
}

fn check(durable: &BTreeSet<usize>, chunks: &Chunks, when: &str) {
    for &number in durable {
        let plain = content(number);
        assert_eq!(chunks.get(&chunk_id(&plain)).unwrap(), plain, "chunk {number} {when}");
    }
}

/// Fills packs, collects most of them, fills again, collects again.
fn story(home: &Home, disk: &FaultyDisk) -> Vec<Promise> {
    let mut promised = Promised { home, durable: BTreeSet::new(), put: BTreeSet::new(), history: Vec::new() };
    promised.note();
    let Ok(chunks) = home.try_open(disk) else { return promised.history };
    promised.put(&chunks, 0..12);
    promised.sync(&chunks);
    promised.put(&chunks, 12..20);
    promised.collect(&chunks, |number| number % 4 == 0);
    promised.sync(&chunks);
    drop(chunks);
    let Ok(chunks) = home.try_open(disk) else { return promised.history };
    promised.put(&chunks, 16..28);
    promised.sync(&chunks);
    promised.collect(&chunks, |number| number % 3 == 0);
    promised.put(&chunks, 28..30);
    promised.history
}

/// The story with a fault at each of its calls; `check` gets what was promised at its end.
fn at_each_call(fault: Fault, check: impl Fn(&Home, &BTreeSet<usize>, usize)) {
    for call in 1.. {
        let home = Home::new();
        let disk = home.faulty(fault, call);
        let history = story(&home, &disk);
        check(&home, &history.last().unwrap().1, call);
        if disk.calls() < call {
            assert!(call > 100 && history.last().unwrap().1.len() >= 5, "the story is no test");
            return;
        }
    }
}

#[test]
fn a_call_that_fails_once_loses_nothing_that_was_promised() {
    at_each_call(Fault::Once, |home, durable, call| {
        check(durable, &home.open(), &format!("after call {call} failed"));
        let cut = home.after_power_cut(home.disk.operations(), call as u64);
        check(durable, &cut.open(), &format!("after call {call} failed and the power went"));
    });
}

#[test]
fn a_full_disk_loses_nothing_that_was_promised_and_can_be_read() {
    at_each_call(Fault::Full, |home, durable, call| {
        if let Ok(chunks) = home.try_open(&home.faulty(Fault::Full, 1)) {
            check(durable, &chunks, &format!("on a disk that is full since call {call}"));
        }
        let chunks = home.open();
        check(durable, &chunks, &format!("after the disk was full from call {call} on"));
        assert_eq!(chunks.verify(&mut |_| ()).unwrap().damaged, []);
    });
}

#[test]
fn a_process_that_dies_at_any_call_loses_nothing_that_was_promised() {
    at_each_call(Fault::Dead, |home, durable, call| {
        check(durable, &home.open(), &format!("after the process died at call {call}"));
        let cut = home.after_power_cut(home.disk.operations(), call as u64);
        check(durable, &cut.open(), &format!("after the process died at call {call}, then the power"));
    });
}

#[test]
fn the_power_may_go_after_any_operation() {
    let home = Home::new();
    let history = story(&home, &home.faulty(Fault::Once, usize::MAX));
    for cut in 0..=home.disk.operations() {
        let promised = history.iter().rfind(|(operations, _)| *operations <= cut);
        let none = BTreeSet::new();
        let durable = promised.map_or(&none, |(_, durable)| durable);
        for seed in 0..6 {
            let left = home.after_power_cut(cut, seed);
            let when = format!("after a power cut, seed {seed}, at\n{}", home.disk.describe(cut));
            let chunks = left.open();
            check(durable, &chunks, &when);
            chunks.put(&content(35)).unwrap();
            chunks.sync().unwrap();
            drop(chunks);
            check(&durable.iter().copied().chain([35]).collect(), &left.open(), &when);
        }
    }
}

#[test]
fn after_a_failed_sync_nothing_is_taken_until_the_folder_is_opened_anew() {
    let home = Home::new();
    let calls = home.faulty(Fault::Once, usize::MAX);
    home.try_open(&calls).unwrap().put(&content(1)).unwrap();
    let home = Home::new();
    let chunks = home.try_open(&home.faulty(Fault::Once, calls.calls() + 1)).unwrap();
    chunks.put(&content(1)).unwrap();
    assert!(chunks.sync().is_err());
    assert!(chunks.sync().is_err(), "a second sync hid the failure of the first");
    assert!(chunks.put(&content(2)).is_err());
    assert!(chunks.get(&chunk_id(&content(1))).is_ok());
    drop(chunks);
    home.open().put(&content(2)).unwrap();
}
