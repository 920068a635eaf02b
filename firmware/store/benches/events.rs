//! Durable events per second, and what they cost at the block device and at rest.
//!
//! `cargo bench -p store --bench events [FOLDER]`: writes into FOLDER (the system's temporary folder if none is given; it
//! must be on the disk to be measured). Bytes are `write_bytes` of /proc/self/io, what this process caused to be sent to
//! the storage layer; the file system's journal is written by the kernel and is not in that number, so
//! the whole device is read from its `stat` too, which counts what everybody else writes at that time.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

#[path = "../tests/common/mod.rs"]
mod common;

use common::{Org, badge, size};
use std::{
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};
use store::{Store, disk::RealDisk, index::Index};

/// Bytes that this process wrote, and those that reached the device.
#[derive(Clone, Copy)]
struct Written {
    process: u64,
    device: Option<u64>,
}

fn written(folder: &Path) -> Written {
    let io = std::fs::read_to_string("/proc/self/io").unwrap();
    let line = io.lines().find_map(|line| line.strip_prefix("write_bytes: ")).unwrap();
    let device = folder.metadata().unwrap().dev();
    let (major, minor) = (device >> 8 & 0xfff, device & 0xff | device >> 12 & 0xfff00);
    let stat = std::fs::read_to_string(format!("/sys/dev/block/{major}:{minor}/stat")).ok();
    // The seventh number is sectors written, of 512 bytes (Documentation/block/stat.rst).
    let sectors = stat.and_then(|stat| stat.split_whitespace().nth(6)?.parse::<u64>().ok());
    Written { process: line.parse().unwrap(), device: sectors.map(|sectors| sectors * 512) }
}

fn measure(what: &str, folder: &Path, events: u64, work: impl FnOnce()) {
    let (before, begin) = (written(folder), Instant::now());
    work();
    let (took, after) = (begin.elapsed(), written(folder));
    let each = |bytes: u64| bytes as f64 / events as f64;
    let device = before.device.zip(after.device).map(|(before, after)| each(after - before));
    println!(
        "{what:44} {:9.0} events/s {:9.0} B/event by the process, {} at the device",
        events as f64 / took.as_secs_f64(),
        each(after.process - before.process),
        device.map_or("not known".into(), |bytes| format!("{bytes:.0} B/event")),
    );
}

/// What everybody else writes: the device's figures hold only where this is little.
fn idle(folder: &Path) {
    let (before, begin) = (written(folder), Instant::now());
    std::thread::sleep(std::time::Duration::from_secs(3));
    if let Some((before, after)) = before.device.zip(written(folder).device) {
        let rate = (after - before) as f64 / begin.elapsed().as_secs_f64();
        println!("before it begins, {rate:.0} B/s reach the device from elsewhere");
    }
}

fn open(org: &Org, home: &Path) -> Store {
    org.open(home, Arc::new(RealDisk)).unwrap()
}

/// Appends so many events, so many at a time, without making blocks.
fn append(store: &mut Store, events: u64, batch: u64) {
    for begin in (0..events).step_by(batch as usize) {
        store.append(&(begin..begin + batch).map(badge).collect::<Vec<_>>()).unwrap();
    }
}

/// Appends so many events at a time and makes a block of each batch.
fn append_and_flush(org: &Org, store: &mut Store, events: u64, batch: u64) {
    for _ in 0..events / batch {
        let n = store.last_seq();
        store.append(&(n..n + batch).map(badge).collect::<Vec<_>>()).unwrap();
        org.flush(store, batch as usize);
    }
}

fn main() {
    let folder = std::env::args().skip(1).find(|argument| !argument.starts_with("--")).map(PathBuf::from);
    let folder = folder.unwrap_or_else(std::env::temp_dir);
    let org = Org::new();
    idle(&folder);
    for (what, events, batch) in [
        ("log, one event an append", 2_000, 1),
        ("log, 10 events an append", 10_000, 10),
        ("log, 100 events an append", 50_000, 100),
        ("log, 1000 events an append", 100_000, 1000),
    ] {
        let home = tempfile::tempdir_in(&folder).unwrap();
        let mut store = open(&org, home.path());
        org.genesis(&mut store);
        append(&mut store, 100, 1);
        measure(what, &folder, events, || append(&mut store, events, batch));
    }
    for (what, events, batch) in [
        ("log, blocks and packs, 20 events a block", 5_000, 20),
        ("log, blocks and packs, 500 events a block", 50_000, 500),
    ] {
        let home = tempfile::tempdir_in(&folder).unwrap();
        let mut store = open(&org, home.path());
        org.genesis(&mut store);
        measure(what, &folder, events, || append_and_flush(&org, &mut store, events, batch));
        measure("  consolidation, same events", &folder, events, || {
            store.consolidate().unwrap();
        });
        println!("  at rest {} B/event in the repository", size(&home.path().join("ledger.git")) / events);
        index(&store, home.path(), &folder, events);
    }
}

fn index(store: &Store, home: &Path, folder: &Path, events: u64) {
    let heads: Vec<_> = store.refs().unwrap().into_values().collect();
    let mut index = Index::open(home).unwrap();
    measure("  index made from the blocks", folder, events, || {
        index.catch_up(&store.objects(), &heads, &mut |_| {}).unwrap();
    });
    index.close().unwrap();
    println!("  index {} B/event", home.join(store::index::FILE).metadata().unwrap().len() / events);
}
