//! A process that logs events is killed (SIGKILL) in the middle, again and again; what it said was durable is there.
//!
//! The test runs itself as the victim: the child appends and makes blocks for ever and prints the number of
//! each event after it was acknowledged.
// A test that panics has failed, and that is what it is for.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::{Org, all_events, badge};
use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
};
use store::{RefName, disk::RealDisk};

const HOME: &str = "STORE_TEST_VICTIM_HOME";

#[test]
fn what_a_killed_process_acknowledged_is_there_once() {
    if let Some(home) = std::env::var_os(HOME) {
        live(Path::new(&home));
    }
    let (org, home) = (Org::new(), tempfile::tempdir().unwrap());
    let mut last = 0;
    for round in 0..6 {
        last = last.max(kill_after(home.path(), 1 + round * 7));
        let store = org.open(home.path(), Arc::new(RealDisk)).unwrap();
        let events = all_events(&org, &store);
        assert!(events.iter().map(|event| event.seq).eq(1..=events.len() as u64), "a gap or a double");
        assert!(events.len() as u64 >= last, "{} of {last} events are left", events.len());
    }
}

/// Runs the victim until it acknowledged so many lines, kills it, gives the last number that it said.
fn kill_after(home: &Path, lines: usize) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "what_a_killed_process_acknowledged_is_there_once", "--nocapture"])
        .env(HOME, home)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut numbers =
        said.by_ref().filter_map(|line| line.unwrap().strip_prefix("durable ")?.parse::<u64>().ok());
    let before = numbers.by_ref().take(lines).last().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    numbers.last().unwrap_or(before)
}

/// The victim. Does not return.
fn live(home: &Path) -> ! {
    let org = Org::new();
    let mut store = org.open(home, Arc::new(RealDisk)).unwrap();
    if store.head(&RefName::main()).unwrap().is_none() {
        org.genesis(&mut store);
    }
    org.catch_up_main(&mut store);
    loop {
        let n = store.last_seq();
        let events = store.append(&[badge(n + 1), badge(n + 2)]).unwrap();
        let mut out = std::io::stdout().lock();
        writeln!(out, "durable {}", events[1].seq).unwrap();
        out.flush().unwrap();
        if n.is_multiple_of(6) {
            org.flush(&mut store, 5);
        }
    }
}
