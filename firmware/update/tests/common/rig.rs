//! A box with a card that can lose its power: the boot loader, an agent that does what the machine says, and peers.
//!
//! Whatever boots must be the old release or the new one, whole; the running slot is never written, and none that a cut would boot.

use super::{
    approved,
    disk::{Area, Disk, Off, STATE_BYTES, Shared, boot_state, durable_state},
    plain,
};
use chunk::{Builder, FileHasher, Manifest, chunk_id};
use model::ChunkId;
use slots::{BootState, Slot, Slots, Status, fresh_copies};
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};
use update::{
    Act, Check, Effect, GateRules, Happened, Job, May, Near, Order, PartSource, Place, RECORD_BYTES, Report,
    Seen, Segment, Start, Updater, UpdaterRules, Uptime, Way, latest, manifest_id,
};

/// What the new release does when it is started.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Temper {
    /// It becomes healthy.
    Works,
    /// It starts, and is never healthy.
    Sick,
    /// It hangs before its agent runs.
    Hangs,
}

/// Release by their pieces: each part is a list of chunks.
type Image = Vec<Vec<Vec<u8>>>;

pub const NAMES: [&str; 2] = ["boot.vfat", "root.erofs"];

fn image(parts: [&[&str]; 2]) -> Image {
    parts.map(|part| part.iter().map(|piece| piece.as_bytes().to_vec()).collect()).to_vec()
}

pub fn old_image() -> Image {
    image([&["kernel-1", "script-1"], &["super-01", "lib-aaaa", "zeros-00", "zeros-00", "bin-1111"]])
}

pub fn new_image() -> Image {
    image([
        &["kernel-2", "script-2"],
        &["super-02", "zeros-00", "lib-aaaa", "lib-bbbb", "bin-2222", "zeros-00"],
    ])
}

fn manifest(part: &[Vec<u8>]) -> Manifest {
    let mut builder = Builder::new("rabin:1:64:1024".parse().unwrap());
    let mut hasher = FileHasher::new();
    for piece in part {
        builder.push(chunk_id(piece), piece.len() as u32).unwrap();
        hasher.update(piece);
    }
    builder.finish(hasher.finish())
}

/// What a box is to install: the new image, whose chunks are in part in the running slot, and with a delta.
pub fn new_order(floor: Option<&str>) -> Order {
    let mut release = plain("1.4.0");
    release.floor = floor.map(super::version);
    let mut sources = Vec::new();
    for (at, part) in new_image().iter().enumerate() {
        let text = manifest(part).to_text().into_bytes();
        release.parts[at].size = manifest(part).size;
        (release.parts[at].manifest, release.parts[at].verity) = (manifest_id(&text), None);
        let near = old_image()[at].iter().map(|piece| (chunk_id(piece), Near::Slot)).collect();
        let segment = |chunks: std::ops::Range<usize>| Segment {
            chunks: vec![chunks],
            frame: chunk_id(b"frame"),
            bytes: 3,
        };
        let deltas = if at == 1 { vec![vec![segment(0..4), segment(4..5)]] } else { vec![] };
        sources.push(PartSource { name: release.parts[at].name.clone(), manifest: text, near, deltas });
    }
    Order::new(&approved(&release), sources).unwrap()
}

/// What goes wrong with an effect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Chunks are not to be had, or are not what they should be.
    Missing,
    Useless,
    /// It is not done, and the system says so.
    Refused,
    /// It is done, and the system says that it is not.
    Denied,
    /// Other bytes are written, and the system says nothing.
    Rots,
}

/// What a person does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hand {
    GoesBack,
    Cancels,
}

/// How a run of the agent ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// The power went.
    Off,
    /// It restarted the box.
    Restart,
    /// There is nothing to do any more.
    Rest,
    /// It was stopped from outside.
    Stopped,
}

/// One box.
#[derive(Clone)]
pub struct Rig {
    pub disk: Shared,
    pub temper: Temper,
    pub order: Order,
    pub floor: Option<&'static str>,
    /// What the ledger was told.
    pub told: Vec<Report>,
    /// How often the boot loader started each image: the old one, the new one.
    pub starts: [u32; 2],
    /// The effects that fail, by their count.
    pub faults: BTreeMap<usize, Fault>,
    /// What a person does after so many effects.
    pub hands: BTreeMap<usize, Hand>,
    pub effects: usize,
    /// After so many effects the agent is stopped.
    pub stop_after: Option<usize>,
    pub steps: Vec<String>,
}

pub fn rules() -> UpdaterRules {
    let gate = GateRules { checks: vec!["agent".to_owned()], steady_ms: 3_000, limit_ms: 20_000 };
    UpdaterRules { gate, settle_ms: 2_000, tries: 3 }
}

impl Rig {
    /// A new card with the old release in both slots.
    pub fn new(temper: Temper, floor: Option<&'static str>, order: &Order) -> Self {
        let mut disk = Disk::default();
        for slot in Slot::BOTH {
            for (part, pieces) in old_image().iter().enumerate() {
                // As large as its partition, which is larger than what it holds.
                let mut bytes = pieces.concat();
                bytes.resize(64, 0xee);
                disk.put(Area::Part(slot, part), bytes);
            }
        }
        for (at, copy) in fresh_copies(&Slots::unknown(), STATE_BYTES).unwrap().into_iter().enumerate() {
            disk.put(Area::State(at), copy);
            disk.put(Area::Record(at), vec![0; RECORD_BYTES]);
        }
        Self {
            disk: Rc::new(RefCell::new(disk)),
            temper,
            order: order.clone(),
            floor,
            told: vec![],
            starts: [0; 2],
            faults: BTreeMap::new(),
            hands: BTreeMap::new(),
            effects: 0,
            stop_after: None,
            steps: vec![],
        }
    }

    pub fn holds(&self, slot: Slot, image: &Image) -> bool {
        let disk = self.disk.borrow();
        let part = |(part, pieces): (usize, &Vec<Vec<u8>>)| {
            disk.seen(Area::Part(slot, part)).starts_with(&pieces.concat())
        };
        image.iter().enumerate().all(part)
    }

    /// The power comes back, and the boot loader starts a slot; none if the power goes in the middle.
    pub fn boot(&mut self) -> Option<Slot> {
        self.disk.borrow_mut().off = false;
        let mut state = boot_state(&self.disk);
        let mut slots = state.load().expect("the boot loader finds a whole copy");
        let slot = slots.boot().slot;
        if state.save(&slots).is_err() {
            return None;
        }
        let new = self.holds(slot, &new_image());
        assert!(
            new || self.holds(slot, &old_image()),
            "slot {slot} boots and is not whole: {:#?}",
            self.steps
        );
        self.starts[usize::from(new)] += 1;
        self.steps.push(format!("boots {slot}, {}", if new { "new" } else { "old" }));
        Some(slot)
    }

    pub fn slots(&self) -> Slots {
        boot_state(&self.disk).load().unwrap()
    }

    /// Starts the agent's machine as a real one would.
    pub fn updater(&self, running: Slot) -> Updater {
        let [first, second] = [0, 1].map(|at| self.disk.borrow().seen(Area::Record(at)));
        let release = self.holds(running, &new_image()).then(|| self.order.release().clone());
        let release = release.unwrap_or_else(old_release);
        let start =
            Start { latest: latest(&first, &second), slots: self.slots(), running, release: Some(release) };
        Updater::start(rules(), start, Uptime(0))
    }

    /// Runs the agent until something ends it.
    pub fn run(&mut self, running: Slot) -> End {
        let new = self.holds(running, &new_image());
        if new && self.temper == Temper::Hangs {
            return End::Restart;
        }
        let mut updater = self.updater(running);
        let (mut now, mut rest) = (Uptime(0), 0);
        while rest < 150 {
            self.wish(&mut updater, new);
            let sick = (new && self.temper == Temper::Sick).then(|| "no reader".to_owned());
            updater.hear(&[Check { name: "agent".to_owned(), wrong: sick }], now);
            let effects = updater.next(now);
            rest = if effects.is_empty() && *updater.job() == Job::Idle { rest + 1 } else { 0 };
            now = now.plus(if effects.is_empty() { 1_000 } else { 10 });
            assert!(now.0 < 5_000_000, "it never ends: {} {:#?}", updater.status(), self.steps);
            for effect in effects {
                match self.perform(&effect, running, &mut updater, now) {
                    Ok(false) => {}
                    Ok(true) => return End::Restart,
                    Err(Off) => return End::Off,
                }
                match self.hands.remove(&self.effects) {
                    Some(Hand::GoesBack) => drop(updater.go_back()),
                    Some(Hand::Cancels) => updater.cancel(),
                    None => {}
                }
                if self.stop_after == Some(self.effects) {
                    self.stop_after = None;
                    return End::Stopped;
                }
            }
        }
        End::Rest
    }

    /// What `want` would say, in short.
    fn wish(&self, updater: &mut Updater, runs_new: bool) {
        let failed = updater.memory().failure(&self.order.release().id).is_some();
        if runs_new || failed {
            return updater.allow(May::Nothing("nothing is wanted".to_owned()), 7);
        }
        updater.allow(May::All, 7);
        let _ = updater.begin(self.order.clone());
    }

    /// Carries out an effect. True: the box restarts.
    fn perform(
        &mut self,
        effect: &Effect,
        running: Slot,
        updater: &mut Updater,
        now: Uptime,
    ) -> Result<bool, Off> {
        let Effect { ticket, act } = effect;
        self.effects += 1;
        self.steps.push(describe(act));
        if *act == Act::Restart {
            return Ok(true);
        }
        let is_fetch = matches!(act, Act::Fetch { .. });
        let failed = || Happened::Failed("the card says no".to_owned());
        let happened = match self.faults.remove(&self.effects) {
            Some(Fault::Refused) => failed(),
            Some(Fault::Denied) => {
                self.carry_out(act, running)?;
                failed()
            }
            Some(Fault::Missing) if is_fetch => Happened::Missing,
            Some(Fault::Useless) if is_fetch => Happened::Useless,
            Some(Fault::Rots) if is_fetch => {
                self.rot(act, running)?;
                Happened::Done
            }
            _ => self.carry_out(act, running)?,
        };
        updater.happened(*ticket, happened, now);
        Ok(false)
    }

    /// Writes a byte where chunks should be.
    fn rot(&mut self, act: &Act, running: Slot) -> Result<(), Off> {
        if let Act::Fetch { part, places, .. } = act {
            let area = Area::Part(running.other(), at(part.as_str()));
            self.disk.borrow_mut().write(area, places[0].offset as usize, b"?")?;
        }
        Ok(())
    }

    fn carry_out(&mut self, act: &Act, running: Slot) -> Result<Happened, Off> {
        let target = running.other();
        Ok(match act {
            Act::Save { place, bytes } => {
                let (mut disk, area) = (self.disk.borrow_mut(), Area::Record(*place));
                disk.write(area, 0, bytes)?;
                disk.sync(area)?;
                Happened::Done
            }
            Act::Boot(verb) => {
                let mut state = boot_state(&self.disk);
                let mut slots = state.load().map_err(|_| Off)?;
                let result = verb.apply(&mut slots, running);
                if result.is_ok() {
                    state.save(&slots).map_err(|_| Off)?;
                }
                Happened::Booted(slots, result)
            }
            Act::Look(part) => Happened::Looked(self.right(target, part.as_str(), false)),
            Act::Fetch { part, task, places } => {
                for place in places {
                    self.write(target, running, part.as_str(), task.way, place)?;
                }
                Happened::Done
            }
            Act::Sync(part) => {
                self.disk.borrow_mut().sync(Area::Part(target, at(part.as_str())))?;
                Happened::Done
            }
            Act::ReadBack { part, .. } => {
                let right = self.right(target, part.as_str(), true);
                let all = 0..new_image()[at(part.as_str())].len();
                Happened::ReadBack {
                    bad: all.filter(|number| !right.contains(number)).collect(),
                    root_fits: true,
                }
            }
            Act::Report(report) => {
                self.told.push(report.clone());
                Happened::Done
            }
            Act::Restart => Happened::Done,
        })
    }

    fn write(&mut self, target: Slot, running: Slot, part: &str, way: Way, place: &Place) -> Result<(), Off> {
        let piece = &new_image()[at(part)][place.number];
        assert_eq!((chunk_id(piece), piece.len() as u32), (place.id, place.length));
        if way == Way::Copy {
            let here: BTreeSet<ChunkId> = old_image()[at(part)].iter().map(|piece| chunk_id(piece)).collect();
            assert!(here.contains(&place.id), "a copy of what is not here");
        }
        let mut disk = self.disk.borrow_mut();
        assert_eq!(
            durable_state(&disk).status(target),
            Status::Unbootable,
            "slot {target} is written and could boot: {:#?}",
            self.steps
        );
        assert_ne!(target, running);
        disk.write(Area::Part(target, at(part)), place.offset as usize, piece)
    }

    fn right(&self, target: Slot, part: &str, durable: bool) -> BTreeSet<usize> {
        let (disk, area) = (self.disk.borrow(), Area::Part(target, at(part)));
        let bytes = if durable { disk.durable(area).to_vec() } else { disk.seen(area) };
        let mut offset = 0;
        let pieces = new_image()[at(part)].clone();
        let right = pieces.iter().enumerate().filter(|(_, piece)| {
            let there = bytes.get(offset..offset + piece.len()) == Some(piece);
            offset += piece.len();
            there
        });
        right.map(|(number, _)| number).collect()
    }

    /// Boots and runs until the box has nothing to do any more.
    pub fn come_to_rest(&mut self) -> Slot {
        for _ in 0..60 {
            let Some(running) = self.boot() else { continue };
            if self.run(running) == End::Rest {
                return running;
            }
        }
        panic!("it never comes to rest: {:#?}", self.steps);
    }
}

pub fn old_release() -> Seen {
    let release = approved(&plain("1.3.0"));
    Seen { version: release.release().version.clone(), id: release.id() }
}

fn at(part: &str) -> usize {
    NAMES.iter().position(|name| *name == part).unwrap()
}

fn describe(act: &Act) -> String {
    match act {
        Act::Save { place, bytes } => {
            let text = String::from_utf8_lossy(bytes);
            let stage = text.lines().find(|line| line.starts_with("stage")).unwrap_or("idle");
            format!("saves {place}: {stage}")
        }
        Act::Fetch { part, task, .. } => format!("writes {part} {:?} {:?}", task.way, task.writes),
        other => format!("{other:?}"),
    }
}
