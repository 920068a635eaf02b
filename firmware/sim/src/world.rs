//! The world: boxes, the network between them, and what happens next.
//!
//! A step takes the next thing of the agenda, has it happen at one box, and carries out what that box wants. Chance comes from the
//! plan's seed alone, so a run repeats to the byte.

use crate::{
    agenda::{Agenda, What},
    book::{Book, Violation},
    dice::Dice,
    founding::{FORBIDDEN, Founding},
    lines::neighbours,
    load::Load,
    net::{Net, Wire},
    node::{Manner, Node},
    plan::Plan,
    report::{Failure, Report, chain},
};
use ledger::{JudgeTask, Outcome};
use model::{Millis, RefName, SigningKey};
use replica::{Depot, Effect, MemoryDepot, Now, Replica, ReplicaError, Shelf};

/// How often connections are tried again.
const RECONNECT_MS: u64 = 15_000;

/// All of it.
pub struct World {
    pub(crate) plan: Plan,
    pub(crate) dice: Dice,
    pub(crate) now: Millis,
    pub(crate) step: u64,
    agenda: Agenda,
    pub(crate) nodes: Vec<Node>,
    pub(crate) net: Net,
    pub(crate) book: Book,
    pub(crate) load: Load,
    pub(crate) healed: Option<Millis>,
    /// Validators that are liars or copied so far.
    pub(crate) faulty: usize,
    pub(crate) digest: u64,
    trace: bool,
}

impl World {
    /// The world as it begins: everybody has the first block.
    pub fn new(plan: Plan) -> Result<Self, Failure> {
        let Founding { people, nodes, genesis } = Founding::new(&plan);
        let (shelf, mut dice) = (Shelf::default(), Dice::new(plan.seed));
        let mut net = Net::new();
        for place in 0..plan.nodes {
            net.add(place, neighbours(place, &plan, &mut dice));
        }
        let mut world = Self {
            load: Load::new(people),
            now: Millis(0),
            step: 0,
            agenda: Agenda::default(),
            nodes: Vec::new(),
            net,
            book: Book::default(),
            healed: None,
            faulty: 0,
            digest: 0,
            trace: false,
            dice,
            plan,
        };
        for (name, key) in nodes {
            let mut disk = MemoryDepot::new(shelf.clone());
            disk.commit(&genesis.objects, &[(RefName::main(), genesis.id)])
                .expect("because nothing is wrong yet");
            world.nodes.push(Node::new(name, key, disk));
        }
        world.begin()?;
        Ok(world)
    }

    /// Writes every step to standard error from here on.
    pub fn trace(&mut self) {
        self.trace = true;
    }

    fn begin(&mut self) -> Result<(), Failure> {
        for place in 0..self.nodes.len() {
            self.start(place)?;
            let (tap, flush) = (self.dice.pause(self.plan.tap_every.0), self.dice.pause(5_000));
            self.later(tap, What::Tap(place));
            self.later(flush, What::Flush(place));
        }
        self.reconnect()?;
        self.later(RECONNECT_MS, What::Reconnect);
        let write = self.dice.pause(self.plan.write_every.0);
        self.later(write, What::Write);
        self.later(self.plan.lasts.0, What::Heal);
        if self.plan.faults {
            self.plan_troubles();
        }
        Ok(())
    }

    /// Has something happen after so many milliseconds.
    pub(crate) fn later(&mut self, after: u64, what: What) {
        self.agenda.put(self.now.plus(after), what);
    }

    /// Runs to the end, or to the first thing that does not hold.
    pub fn run(&mut self) -> Result<Report, Failure> {
        while self.plan.until.is_none_or(|until| self.step < until) {
            if !self.step()? {
                break;
            }
        }
        Ok(self.report())
    }

    /// One step. Gives whether there is more to come.
    pub fn step(&mut self) -> Result<bool, Failure> {
        let Some((at, what)) = self.agenda.next() else { return Ok(false) };
        self.step += 1;
        self.now = at;
        self.note(&what);
        self.happen(what)?;
        match self.healed {
            Some(since) if self.step.is_multiple_of(64) => self.is_over(since).map(|over| !over),
            _ => Ok(true),
        }
    }

    /// Remembers what happened: for the digest, and for who watches.
    fn note(&mut self, what: &What) {
        let [kind, place, length] = what.digest();
        for part in [self.now.0, kind, place, length] {
            self.digest = (self.digest ^ part).wrapping_mul(0x0100_0000_01b3).rotate_left(17);
        }
        if self.trace {
            eprintln!("{} {} {}", self.step, self.now.0, what.describe());
        }
    }

    fn happen(&mut self, what: What) -> Result<(), Failure> {
        match what {
            What::Wake(place) if self.nodes[place].wake != Some(self.now) => Ok(()),
            What::Wake(place) => {
                self.nodes[place].wake = None;
                self.call(place, |replica, now| replica.tick(now))
            }
            What::Arrive { number, from, to, wire } => self.arrive(number, from, to, wire),
            What::Judged { node, task, outcome } => {
                self.call(node, |replica, now| replica.judged(task, outcome, now))
            }
            What::Tap(place) => self.tap(place),
            What::Flush(place) => self.flush(place),
            What::Write => self.write(),
            What::Break { number, from, to } => self.broken(number, from, to),
            What::Reconnect => {
                self.later(RECONNECT_MS, What::Reconnect);
                self.reconnect()
            }
            What::Trouble(trouble) => self.trouble(trouble),
            What::Heal => self.heal(),
        }
    }

    /// Has a box do something, then does what it wants. A failure counts only if nothing is wrong with the box.
    pub(crate) fn call(
        &mut self,
        place: usize,
        what: impl FnOnce(&mut Replica<MemoryDepot>, Now) -> Result<(), ReplicaError>,
    ) -> Result<(), Failure> {
        let node = &mut self.nodes[place];
        let now = node.now(self.now);
        let Some(replica) = node.replica() else { return Ok(()) };
        let done = what(replica, now);
        self.after(place, done)
    }

    /// What follows a call of a box.
    pub(crate) fn after(&mut self, place: usize, done: Result<(), ReplicaError>) -> Result<(), Failure> {
        let node = &mut self.nodes[place];
        let Some(replica) = node.replica() else { return Ok(()) };
        let effects = replica.take_effects();
        if node.disk().is_some_and(|disk| disk.is_dead()) {
            return self.lost_power(place);
        }
        for effect in effects {
            self.carry_out(place, effect)?;
        }
        match done {
            Err(ReplicaError::Depot(error)) if error.is_full => {}
            Err(error) => {
                let (node, error) = (self.nodes[place].name.to_string(), chain(&error));
                return Err(self.failure(Violation::Failed { node, error }));
            }
            Ok(()) => {}
        }
        self.set_alarm(place);
        Ok(())
    }

    fn set_alarm(&mut self, place: usize) {
        let node = &self.nodes[place];
        let Some(at) = node.look().and_then(Replica::wake_at) else { return };
        let at = Millis(at.0.max(self.now.0 + 1));
        if node.wake.is_none_or(|wake| at < wake) {
            self.nodes[place].wake = Some(at);
            self.later(at.0 - self.now.0, What::Wake(place));
        }
    }

    fn carry_out(&mut self, place: usize, effect: Effect) -> Result<(), Failure> {
        match effect {
            Effect::Send { peer, frame } => self.send_to(place, peer, Wire::Frame(frame.into())),
            Effect::Request { peer, id, bytes, max_bytes } => {
                self.send_to(place, peer, Wire::Request { id, bytes: bytes.into(), max_bytes });
            }
            Effect::Close { peer, .. } => self.close(place, peer)?,
            Effect::Judge(task) => self.ask_judge(place, &task),
            Effect::Moved { block, height } => {
                let Some(replica) = self.nodes[place].look() else { return Ok(()) };
                let seen = self.book.moved(replica.objects(), height, block);
                seen.map_err(|violation| self.failure(violation))?;
            }
            Effect::Chunks { .. }
            | Effect::Absent(_)
            | Effect::Misdeed { .. }
            | Effect::Tentative
            | Effect::Clone { .. }
            | Effect::Evidence(_)
            | Effect::Trouble(_) => {
                if self.trace {
                    eprintln!("    {}: {effect:?}", self.nodes[place].name);
                }
            }
        }
        Ok(())
    }

    fn ask_judge(&mut self, node: usize, task: &JudgeTask) {
        let forbidden = task.input.windows(FORBIDDEN.len()).any(|part| part == FORBIDDEN.as_bytes());
        let lies = self.nodes[node].manner == Manner::Liar;
        let outcome =
            if forbidden == lies { Outcome::Pass } else { Outcome::Fail(vec!["not that word".into()]) };
        let after = self.dice.between(5, 800);
        self.later(after, What::Judged { node, task: task.id(), outcome });
    }

    pub(crate) fn start(&mut self, place: usize) -> Result<(), Failure> {
        let elapsed = self.now;
        let started = self.nodes[place].start(elapsed);
        if !self.nodes[place].is_on() {
            if let Err(error) = started {
                let (node, error) = (self.nodes[place].name.to_string(), chain(&error));
                return Err(self.failure(Violation::Failed { node, error }));
            }
            return Ok(());
        }
        self.check_durable(place)?;
        self.after(place, started)
    }

    pub(crate) fn failure(&self, violation: impl Into<Box<Violation>>) -> Failure {
        Failure { seed: self.plan.seed, step: self.step, at: self.now.0, violation: violation.into() }
    }

    /// The key of a person.
    pub(crate) fn person(&self, place: usize) -> SigningKey {
        self.load.people[place].clone()
    }
}
