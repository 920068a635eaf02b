//! A long history, written by the box's own code with a clock that runs ahead, so that it has days as a real one has.

use crate::boxes::{home::Machine, organisation::EVENT};
use agent::{
    core::Core,
    home::Home,
    init::{InitOptions, Seeds},
    join::{Asker, approval},
};
use board::{Clock, SystemClock};
use ledger::{BranchDocument, Meta};
use model::{BlockId, Millis, SigningKey};
use std::{
    fs,
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use store::{NewEvent, disk::RealDisk};

/// Events of one day, and of one block.
const PER_DAY: u64 = 1_000;
const PER_BLOCK: u64 = 20;
const DAY_MS: u64 = 86_400_000;
const FOUNDER: [u8; 32] = [1; 32];
const BADGE: [u8; 32] = [3; 32];

/// A clock that is set by hand.
struct HandClock {
    begun: u64,
    now: AtomicU64,
}

impl Clock for HandClock {
    fn now(&self) -> Millis {
        Millis(self.now.load(Ordering::Relaxed))
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.now.load(Ordering::Relaxed) - self.begun)
    }
}

/// The homes of a box with the whole history, and of one that was approved and then switched off before any event. They are
/// made in memory, where nothing waits for a disk, and copied.
pub fn make(full: &Machine, new: &Machine, events: u64) {
    let memory = tempfile::tempdir_in("/dev/shm").unwrap();
    let in_memory = |machine: &Machine| {
        Machine::new(machine.name.clone(), memory.path().join(&machine.name), machine.address.clone(), None)
    };
    let made = [in_memory(full), in_memory(new)];
    write(&made[0], &made[1], events);
    copy(&made[0].home, &full.home);
    copy(&made[1].home, &new.home);
}

fn write(full: &Machine, new: &Machine, events: u64) {
    let days = events.div_ceil(PER_DAY) + 1;
    let begun = SystemClock::new().now().0 - days * DAY_MS;
    let clock = Arc::new(HandClock { begun, now: begun.into() });
    let home = Home::init(&full.home, options(full, Millis(begun))).unwrap();
    let mut core = Core::open(&home, Arc::new(RealDisk), clock.clone()).unwrap();
    clock.now.fetch_add(1_000, Ordering::Relaxed);
    approve(&mut core, new);
    second(&home, new);
    for first in (0..events).step_by(PER_BLOCK as usize) {
        clock.now.fetch_add(DAY_MS / PER_DAY * PER_BLOCK, Ordering::Relaxed);
        let count = PER_BLOCK.min(events - first);
        core.append(&vec![event(Clock::now(&*clock)); count as usize]).unwrap();
        core.flush().unwrap();
    }
}

fn event(at: Millis) -> NewEvent {
    let said: serde_json::Value = serde_json::from_str(EVENT).unwrap();
    let data = said["data"].as_object().unwrap().clone();
    NewEvent { at, dapp: "doorbot".parse().unwrap(), kind: "access".parse().unwrap(), data }
}

/// Every box its own, by the last letter of its name.
fn seed_of(machine: &Machine) -> [u8; 32] {
    [machine.name.as_bytes()[machine.name.len() - 1]; 32]
}

/// Alice lets the second box in, as `ledgerctl nodes approve` would.
fn approve(core: &mut Core, new: &Machine) {
    let (alice, name) = (SigningKey::from_seed(&FOUNDER), new.name.parse().unwrap());
    let (board, place) = ("sim".parse().unwrap(), String::new());
    let (key, asked) = (SigningKey::from_seed(&seed_of(new)).public(), core.clock().now());
    let asker = Asker { name, key, board, place, asked, rejected: false };
    let changes =
        approval(&asker, asked, 0, &ledger::MAIN.parse().unwrap(), &BranchDocument::default()).unwrap();
    let (author, subject) = (alice.public().id(), "Let a box in".into());
    let meta = Meta { author, at: asked, subject, dapp: None };
    let (main, objects): (BlockId, _) = (core.view().head, core.objects().clone());
    let draft = ledger::document_block(&objects, main, None, &changes, meta).unwrap();
    let block = draft.sign(&alice).unwrap();
    core.propose(block.id, block.objects).unwrap();
}

/// The second box's home, as it was when it had just joined: its own key, and the first one's ledger.
fn second(first: &Home, new: &Machine) {
    let home = Home::init(&new.home, options(new, Millis(0))).unwrap();
    fs::remove_dir_all(home.ledger_folder()).unwrap();
    copy(&first.ledger_folder(), home.folder());
    let identity = format!("name = \"{}\"\norg = \"{}\"\n", new.name, first.org());
    fs::write(home.folder().join("node.toml"), identity).unwrap();
}

fn options(machine: &Machine, now: Millis) -> InitOptions {
    InitOptions {
        org: "Bench".into(),
        timezone: "UTC".into(),
        founder: "alice".parse().unwrap(),
        founder_name: "Alice".into(),
        node: machine.name.parse().unwrap(),
        now,
        seeds: Seeds { founder: FOUNDER, node: seed_of(machine), badge: BADGE },
    }
}

/// Copies a folder with all that is in it.
pub fn copy(from: &Path, into: &Path) {
    assert!(Command::new("cp").arg("-r").arg(from).arg(into).status().unwrap().success());
}
