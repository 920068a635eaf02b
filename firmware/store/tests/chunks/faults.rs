//! One story, told again and again, while the disk fails at its n-th call or the power goes there.

use std::collections::{BTreeSet, HashSet};

use chunk::chunk_id;
use store::chunks::Chunks;

use super::{
    content,
    disk::{Failing, FakeDisk},
    open, try_open,
};

/// What the story was promised: these chunks survive.
#[derive(Default)]
struct Promised {
    durable: BTreeSet<usize>,
    put: BTreeSet<usize>,
}

impl Promised {
    fn put(&mut self, chunks: &Chunks, numbers: impl Iterator<Item = usize>) {
        self.put.extend(numbers.filter(|&number| chunks.put(&content(number)).is_ok()));
    }

    fn sync(&mut self, chunks: &Chunks) {
        let put = std::mem::take(&mut self.put);
        if chunks.sync().is_ok() {
            self.durable.extend(put);
        }
    }

    fn collect(&mut self, chunks: &Chunks, keep: impl Fn(usize) -> bool) {
        self.durable.retain(|&number| keep(number));
        self.put.retain(|&number| keep(number));
        let reachable: HashSet<_> = (0..40).filter(|&n| keep(n)).map(|n| chunk_id(&content(n))).collect();
        // Whether it ends well or not: what is reachable stays.
        let _ = chunks.gc(&reachable);
    }

    fn check(&self, chunks: &Chunks, when: &str) {
        for &number in &self.durable {
            let plain = content(number);
            assert_eq!(chunks.get(&chunk_id(&plain)).unwrap(), plain, "chunk {number} {when}");
        }
    }
}

/// Fills packs, collects most of them, fills again, collects again.
fn story(disk: &FakeDisk) -> Promised {
    let mut promised = Promised::default();
    let Ok(chunks) = try_open(disk) else { return promised };
    promised.put(&chunks, 0..12);
    promised.sync(&chunks);
    promised.put(&chunks, 12..20);
    promised.collect(&chunks, |number| number % 4 == 0);
    promised.sync(&chunks);
    drop(chunks);
    let Ok(chunks) = try_open(disk) else { return promised };
    promised.put(&chunks, 16..28);
    promised.sync(&chunks);
    promised.collect(&chunks, |number| number % 3 == 0);
    promised.put(&chunks, 28..30);
    promised
}

fn calls_of_the_story() -> u64 {
    let disk = FakeDisk::new();
    let promised = story(&disk);
    promised.check(&open(&disk), "in a story without faults");
    assert!(promised.durable.len() >= 5);
    disk.calls()
}

#[test]
fn a_call_that_fails_once_loses_nothing_that_was_promised() {
    for call in 1..=calls_of_the_story() {
        let disk = FakeDisk::new();
        disk.fail(Failing::At(call));
        let promised = story(&disk);
        disk.fail(Failing::Never);
        promised.check(&open(&disk), &format!("after call {call} failed"));
        promised.check(
            &open(&disk.after_power_cut(call)),
            &format!("after call {call} failed and the power went"),
        );
    }
}

#[test]
fn a_disk_that_is_full_from_some_call_on_loses_nothing_that_was_promised() {
    for call in 1..=calls_of_the_story() {
        let disk = FakeDisk::new();
        disk.fail(Failing::From(call));
        let promised = story(&disk);
        disk.fail(Failing::Never);
        let chunks = open(&disk);
        promised.check(&chunks, &format!("with all calls from {call} failing"));
        assert_eq!(chunks.verify(&mut |_| ()).unwrap().damaged, []);
    }
}

#[test]
fn the_power_may_go_at_any_call() {
    for call in 1..=calls_of_the_story() {
        let disk = FakeDisk::new();
        disk.fail(Failing::From(call));
        let promised = story(&disk);
        for seed in 0..4 {
            let left = disk.after_power_cut(call * 100 + seed);
            let chunks = open(&left);
            promised.check(&chunks, &format!("after a power cut at call {call}, seed {seed}"));
            chunks.put(&content(35)).unwrap();
            chunks.sync().unwrap();
            drop(chunks);
            promised
                .check(&open(&left), &format!("opened twice after a power cut at call {call}, seed {seed}"));
        }
    }
}

#[test]
fn after_a_failed_sync_nothing_is_taken_until_the_folder_is_opened_anew() {
    let disk = FakeDisk::new();
    let chunks = open(&disk);
    chunks.put(&content(1)).unwrap();
    disk.fail(Failing::At(1));
    assert!(chunks.sync().is_err());
    assert!(chunks.sync().is_err(), "a second sync hid the failure of the first");
    assert!(chunks.put(&content(2)).is_err());
    assert!(chunks.get(&chunk_id(&content(1))).is_ok());
    drop(chunks);
    open(&disk).put(&content(2)).unwrap();
}
