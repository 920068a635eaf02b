//! A new box gets a ledger of 100,000 events from another one over loopback, beside `git clone` of the same repository.
//!
//! `cargo xtask bench cold`, or with another number of events behind `--`. Two new boxes: one joins by a ticket, which pins a
//! checkpoint; one was approved and never switched on, and checks every rule from the first block on. Both are the
//! programs that are shipped, from their start to the answer that they have all of it, durably. git checks that each object has
//! its name's bytes and that nothing is missing; no signature, no policy, no merge.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark prints, and stops where it fails")]

mod boxes;
#[path = "boxes/history.rs"]
mod history;
#[path = "boxes/peer.rs"]
mod peer;

use boxes::{
    figures::{Memory, children_cpu, print, sent_bytes},
    home::Machine,
    in_own_network, numbers, wait_for,
};
use peer::{Daemon, git_in};
use std::{
    fs,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

/// Settings that leave the bench to itself.
const SHARE: &str = "after_ms = 1000";
const LOOK: Duration = Duration::from_millis(20);

fn main() {
    in_own_network(|| {
        let [events] = numbers([100_000]);
        let folder = tempfile::tempdir().unwrap();
        let machine = |i: usize| {
            let (name, address) = (format!("box-{i}"), format!("127.0.0.1:{}", 7761 + i));
            Machine::new(name.clone(), folder.path().join(name), address, None)
        };
        let (mut full, mut away, mut new) = (machine(0), machine(1), machine(2));
        history::make(&full, &away, events);
        let known = format!("{} = [\"{}\"], {} = [\"{}\"]", full.name, full.address, away.name, away.address);
        full.settle(&known, SHARE);
        away.settle(&known, SHARE);
        print("events", events, "events");
        print(
            "blocks",
            git_in(&full.home.join("ledger.git"), &["rev-list", "--count", "main"]).trim(),
            "blocks",
        );
        full.start();
        catch_up(&mut full, &mut away, events);
        join(&mut full, &mut new, events);
        full.stop();
        clones(folder.path(), &full.home.join("ledger.git"), events);
    });
}

/// The box that checks all rules from the first block on.
fn catch_up(full: &mut Machine, away: &mut Machine, events: u64) {
    let (head, served, begun) = (full.head(), full.cpu(), Begun::now());
    away.start();
    wait_for("the whole ledger", LOOK, || (away.head() == head).then_some(()));
    begun.told("all_rules_checked", away.cpu(), events);
    print("all_rules_checked_peak", format!("{:.0}", away.peak_mib()), "MiB");
    print("served_cpu", format!("{:.2}", (full.cpu() - served).as_secs_f64()), "s");
    print("served_peak", format!("{:.0}", full.peak_mib()), "MiB");
    away.stop();
}

/// The box that joins by a ticket, from the moment at which it finds itself approved.
fn join(full: &mut Machine, new: &mut Machine, events: u64) {
    let ticket = full.ctl(&["invite"])["ticket"].as_str().unwrap().to_string();
    let args = ["join", &ticket, "--name", &new.name];
    let mut asking = new.ledgerctl(&args).stdout(Stdio::null()).spawn().unwrap();
    wait_for("a box that asks", LOOK, || {
        let waiting = full.ctl(&["nodes", "pending"]);
        (!waiting["waiting"].as_array().unwrap().is_empty()).then_some(())
    });
    asking.kill().unwrap();
    asking.wait().unwrap();
    full.ctl(&["nodes", "approve", &new.name]);
    let (before, begun) = (children_cpu(), Begun::now());
    let mut joining = new.ledgerctl(&args).stdout(Stdio::null()).spawn().unwrap();
    let memory = Memory::of(joining.id());
    assert!(joining.wait().unwrap().success(), "the box did not join");
    begun.told("join_by_ticket", children_cpu() - before, events);
    print("join_by_ticket_peak", format!("{:.0}", memory.largest()), "MiB");
}

/// git, from the repository as the box keeps it and from one that git has packed as well as it can.
fn clones(folder: &Path, repository: &Path, events: u64) {
    history::copy(repository, &folder.join("packed.git"));
    git_in(&folder.join("packed.git"), &["repack", "-adq"]);
    let _daemon = Daemon::start(folder);
    for (name, from) in [("git_clone", "box-0/ledger.git"), ("git_clone_repacked", "packed.git")] {
        let (copy, before, begun) = (folder.join("clone.git"), children_cpu(), Begun::now());
        let memory = peer::clone(from, &copy);
        begun.told(name, children_cpu() - before, events);
        print(&format!("{name}_peak"), format!("{memory:.0}"), "MiB");
        fs::remove_dir_all(copy).unwrap();
    }
}

/// When something began, and what had been sent until then.
struct Begun(Instant, u64);

impl Begun {
    fn now() -> Self {
        Self(Instant::now(), sent_bytes("lo"))
    }

    /// What it took: time, processor of whoever got the ledger, and bytes on the wire in both directions.
    fn told(&self, name: &str, cpu: Duration, events: u64) {
        let (took, bytes) = (self.0.elapsed().as_secs_f64(), sent_bytes("lo") - self.1);
        print(name, format!("{took:.2}"), "s");
        print(&format!("{name}_cpu"), format!("{:.2}", cpu.as_secs_f64()), "s");
        print(&format!("{name}_rate"), format!("{:.0}", events as f64 / took), "events/s");
        print(&format!("{name}_wire"), format!("{:.0}", bytes as f64 / events as f64), "bytes/event");
    }
}
