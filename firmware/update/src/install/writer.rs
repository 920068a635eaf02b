//! The writing of a slot: look what is there, write what is missing, sync, read back.
//!
//! It begins anew after every start and needs no notes: what is there is found by hashing it. Chunks are written in any order
//! and several at a time; a part counts when it was synced and then read back right.

use super::{
    effect::{Act, Happened},
    work::PartWork,
};
use crate::{PartOrder, Task, Uptime, Way};
use std::collections::BTreeMap;

/// How many effects of writing are under way at once.
pub const WIDTH: usize = 4;
/// How often a card is written anew that does not hold what was written.
const MAX_ROUNDS: u32 = 3;
/// How often in a row the card may fail.
const MAX_FAULTS: u32 = 8;
/// The first wait after something was not to be had, and the longest.
pub const WAIT_MS: (u64, u64) = (5_000, 300_000);

/// Where it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Stage {
    /// It looks what is there.
    Looking,
    /// It writes.
    Writing,
    /// It makes durable what it wrote.
    Syncing,
    /// It reads back.
    Checking,
    /// All is there, and right.
    Whole,
    /// It is given up, with the reason.
    GivenUp(String),
}

/// Work that was handed out.
#[derive(Clone, Debug)]
enum Given {
    Step(usize),
    Fetch(usize, Task),
}

/// The writing of one release into one slot.
#[derive(Clone, Debug)]
pub struct Writer {
    parts: Vec<PartWork>,
    stage: Stage,
    /// The part whose turn it is, where parts go one by one.
    turn: usize,
    given: BTreeMap<u64, Given>,
    rounds: u32,
    faults: u32,
    wait_ms: u64,
    retry: Option<Uptime>,
    trouble: Option<String>,
    fetched: u64,
}

impl Writer {
    /// Nothing is known of the target.
    pub fn new(parts: Vec<PartOrder>) -> Self {
        Self {
            parts: parts.into_iter().map(PartWork::new).collect(),
            stage: Stage::Looking,
            turn: 0,
            given: BTreeMap::new(),
            rounds: 0,
            faults: 0,
            wait_ms: WAIT_MS.0,
            retry: None,
            trouble: None,
            fetched: 0,
        }
    }

    /// Where it is.
    pub fn stage(&self) -> &Stage {
        &self.stage
    }

    /// Whether anything is under way.
    pub fn is_busy(&self) -> bool {
        !self.given.is_empty()
    }

    /// Whether a ticket is one of its own.
    pub fn knows(&self, ticket: u64) -> bool {
        self.given.contains_key(&ticket)
    }

    /// What to do next, if anything; `ticket` names it.
    pub fn next(&mut self, ticket: u64, now: Uptime) -> Option<Act> {
        if self.retry.is_some_and(|retry| now < retry) {
            return None;
        }
        if self.retry.take().is_some() {
            self.parts.iter_mut().for_each(PartWork::take_up_again);
        }
        match self.stage {
            Stage::Looking | Stage::Syncing | Stage::Checking => self.step(ticket),
            Stage::Writing => self.fetch(ticket, now),
            Stage::Whole | Stage::GivenUp(_) => None,
        }
    }

    fn step(&mut self, ticket: u64) -> Option<Act> {
        if self.is_busy() {
            return None;
        }
        let part = self.parts.get(self.turn)?;
        let name = part.name.clone();
        self.given.insert(ticket, Given::Step(self.turn));
        Some(match self.stage {
            Stage::Looking => Act::Look(name),
            Stage::Syncing => Act::Sync(name),
            _ => Act::ReadBack { part: name, verity: part.verity.clone() },
        })
    }

    fn fetch(&mut self, ticket: u64, now: Uptime) -> Option<Act> {
        if self.given.len() >= WIDTH {
            return None;
        }
        let next = self.parts.iter_mut().enumerate().find_map(|(at, part)| Some((at, part.next()?)));
        if let Some((at, task)) = next {
            let part = &self.parts[at];
            let places = part.places(&task);
            self.given.insert(ticket, Given::Fetch(at, task.clone()));
            return Some(Act::Fetch { part: part.name.clone(), task, places });
        }
        if self.is_busy() {
            return None;
        }
        let missing: usize = self.parts.iter().map(PartWork::aside).sum();
        if missing > 0 {
            let words = || format!("nobody who is connected has {missing} of its chunks");
            self.trouble.get_or_insert_with(words);
            self.wait(now);
            return None;
        }
        self.enter(Stage::Syncing);
        self.step(ticket)
    }

    fn enter(&mut self, stage: Stage) {
        (self.stage, self.turn) = (stage, 0);
    }

    fn wait(&mut self, now: Uptime) {
        self.retry = Some(now.plus(self.wait_ms));
        self.wait_ms = (self.wait_ms * 2).min(WAIT_MS.1);
    }

    /// Takes what became of something it wanted.
    pub fn happened(&mut self, ticket: u64, happened: Happened, now: Uptime) {
        let Some(given) = self.given.remove(&ticket) else { return };
        match (given, happened) {
            (given, Happened::Failed(words)) => self.fault(given, words, now),
            (Given::Fetch(at, task), happened) => self.fetch_ended(at, task, &happened),
            (Given::Step(at), Happened::Looked(good)) => {
                self.parts[at].looked(&good);
                self.pass(Stage::Writing);
            }
            (Given::Step(at), Happened::ReadBack { bad, root_fits }) => {
                if bad.is_empty() && !root_fits {
                    let name = &self.parts[at].name;
                    self.give_up(format!("the hash tree of {name} has not the top that the release names"));
                } else {
                    self.parts[at].found_bad(&bad);
                    self.pass(Stage::Whole);
                }
            }
            (Given::Step(_), _) => self.pass(Stage::Checking),
        }
    }

    /// On to the next part, or after the last one to the next stage.
    fn pass(&mut self, then: Stage) {
        self.clear_trouble();
        self.turn += 1;
        if self.turn < self.parts.len() {
            return;
        }
        if then != Stage::Whole || self.parts.iter().all(PartWork::is_whole) {
            return self.enter(then);
        }
        self.rounds += 1;
        if self.rounds > MAX_ROUNDS {
            return self.give_up("the card does not hold what is written to it".to_owned());
        }
        self.enter(Stage::Writing);
    }

    fn fetch_ended(&mut self, at: usize, task: Task, happened: &Happened) {
        let part = &mut self.parts[at];
        match happened {
            Happened::Missing => part.set_aside(task),
            Happened::Useless if task.way == Way::Plain => {
                part.set_aside(task);
                self.trouble = Some("somebody gave other bytes than those that were asked for".to_owned());
            }
            Happened::Useless => part.useless(&task),
            _ => {
                self.fetched += task.fetches;
                part.written(&task);
                self.clear_trouble();
            }
        }
    }

    fn clear_trouble(&mut self) {
        (self.trouble, self.faults, self.wait_ms) = (None, 0, WAIT_MS.0);
    }

    fn fault(&mut self, given: Given, words: String, now: Uptime) {
        self.faults += 1;
        if let Given::Fetch(at, task) = given {
            self.parts[at].set_aside(task);
        }
        if self.faults > MAX_FAULTS {
            return self.give_up(words);
        }
        self.trouble = Some(words);
        self.wait(now);
    }

    fn give_up(&mut self, reason: String) {
        self.stage = Stage::GivenUp(reason);
    }

    /// Why it waits, if it does, and until when.
    pub fn waits(&self) -> Option<(&str, Uptime)> {
        Some((self.trouble.as_deref()?, self.retry?))
    }

    /// Bytes that are in place, of all.
    pub fn done(&self) -> (u64, u64) {
        let sum = |of: fn(&PartWork) -> u64| self.parts.iter().map(of).sum();
        (sum(PartWork::done), sum(PartWork::size))
    }

    /// Bytes that were fetched, and that will be at most.
    pub fn fetched(&self) -> (u64, u64) {
        let given = self.given.values().map(|given| match given {
            Given::Fetch(_, task) => task.fetches,
            Given::Step(_) => 0,
        });
        let ahead: u64 = self.parts.iter().map(PartWork::to_fetch).sum();
        (self.fetched, self.fetched + ahead + given.sum::<u64>())
    }
}
