//! The world: boxes, the network between them, and what happens next.
//!
//! One queue of things to happen, by virtual time and then by the order in which they were put there. A step takes the next thing,
//! has it happen at one box, and carries out what that box wants. Chance comes from the plan's seed alone, so
//! a run repeats to the byte.

use crate::{
    book::{Book, Violation},
    dice::Dice,
    founding::{FORBIDDEN, Founding},
    load::Load,
    net::{Net, Pair, Wire},
    node::{Manner, Node, Traffic},
    plan::Plan,
    troubles::Trouble,
};
use ledger::{JudgeTask, Outcome, TaskId};
use model::{Millis, RefName, SigningKey};
use replica::{Depot, Effect, MemoryDepot, Now, Replica, ReplicaError, Shelf};
use std::{cmp::Reverse, collections::BinaryHeap, rc::Rc};
use sync::{Asked, Response};

/// Something that is to happen.
#[derive(Debug, Clone)]
pub(crate) enum What {
    /// A box is woken.
    Wake(usize),
    /// Something arrives over a connection.
    Arrive { number: u64, from: usize, to: usize, wire: Wire },
    /// A judge has spoken at a box.
    Judged { node: usize, task: TaskId, outcome: Outcome },
    /// A badge is held to a reader.
    Tap(usize),
    /// A box puts its events into blocks.
    Flush(usize),
    /// A person writes.
    Write,
    /// A connection broke: something sent over it was lost.
    Break { number: u64, from: usize, to: usize },
    /// Connections are tried again.
    Reconnect,
    /// Something goes wrong, or right again.
    Trouble(Trouble),
    /// Nothing goes wrong any more.
    Heal,
}

/// How long a broken connection takes to be noticed, and how long until it may be there again.
const BREAK_MS: u64 = 5_000;

/// How often connections are tried again.
const RECONNECT_MS: u64 = 15_000;

struct Due {
    at: u64,
    order: u64,
    what: What,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}
impl Eq for Due {}
impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

/// A run that went wrong, with what is needed to see it again.
#[derive(Debug, thiserror::Error)]
#[error("seed {seed}, step {step}, at {at} ms: {violation}")]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// The step after which it showed.
    pub step: u64,
    /// The virtual time.
    pub at: u64,
    /// What did not hold.
    pub violation: Box<Violation>,
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Boxes.
    pub nodes: usize,
    /// Steps.
    pub steps: u64,
    /// Virtual time, until all agreed.
    pub ms: u64,
    /// Events acknowledged.
    pub events: u64,
    /// Final blocks.
    pub blocks: u64,
    /// What the boxes sent, all together.
    pub sent: Traffic,
    /// A hash of all that happened.
    pub digest: u64,
}

/// All of it.
pub struct World {
    pub(crate) plan: Plan,
    pub(crate) dice: Dice,
    pub(crate) now: Millis,
    pub(crate) step: u64,
    queue: BinaryHeap<Reverse<Due>>,
    orders: u64,
    pub(crate) nodes: Vec<Node>,
    pub(crate) net: Net,
    pub(crate) book: Book,
    pub(crate) load: Load,
    pub(crate) healed: Option<Millis>,
    /// Validators that are liars or copied so far.
    pub(crate) faulty: usize,
    digest: u64,
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
            queue: BinaryHeap::new(),
            orders: 0,
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

    /// Puts something into the queue.
    pub(crate) fn later(&mut self, after: u64, what: What) {
        self.orders += 1;
        self.queue.push(Reverse(Due { at: self.now.0 + after, order: self.orders, what }));
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
        let Some(Reverse(due)) = self.queue.pop() else { return Ok(false) };
        self.step += 1;
        self.now = Millis(due.at);
        self.note(&due.what);
        self.happen(due.what)?;
        match self.healed {
            Some(since) if self.step.is_multiple_of(64) => self.is_over(since).map(|over| !over),
            _ => Ok(true),
        }
    }

    /// Remembers what happened: for the digest, and for who watches.
    fn note(&mut self, what: &What) {
        let (kind, place, length) = match what {
            What::Wake(place) => (1, *place, 0),
            What::Arrive { to, wire, .. } => (2, *to, wire.length()),
            What::Judged { node, .. } => (3, *node, 0),
            What::Tap(place) => (4, *place, 0),
            What::Flush(place) => (5, *place, 0),
            What::Write => (6, 0, 0),
            What::Reconnect => (7, 0, 0),
            What::Trouble(_) => (8, 0, 0),
            What::Heal => (9, 0, 0),
            What::Break { to, .. } => (10, *to, 0),
        };
        for part in [self.now.0, kind, place as u64, length] {
            self.digest = (self.digest ^ part).wrapping_mul(0x0100_0000_01b3).rotate_left(17);
        }
        if self.trace {
            eprintln!("{} {} {}", self.step, self.now.0, describe(what));
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

    /// Something goes out of a box, if there is still somebody to whom.
    fn send_to(&mut self, from: usize, peer: model::KeyId, wire: Wire) {
        let Some(to) = self.nodes[from].peers.get(&peer).copied() else { return };
        for (to, wire) in self.tampered(from, to, wire) {
            self.send(from, to, wire);
        }
    }

    fn send(&mut self, from: usize, to: usize, wire: Wire) {
        let Some(number) = self.net.number(from, to) else { return };
        let node = &mut self.nodes[from];
        node.sent.messages += 1;
        node.sent.bytes += wire.length();
        let slow = node.slow.0;
        let delay = self.dice.between(1, self.net.delay_max) + slow;
        if self.dice.permille(self.net.loss_permille) {
            // A stream that loses something is no stream any more; both sides notice in time.
            return self.later(delay + BREAK_MS, What::Break { number, from, to });
        }
        let at = match wire {
            Wire::Frame(_) => self.net.in_order(from, to, number, self.now.0 + delay),
            _ => self.now.0 + delay,
        };
        self.later(at - self.now.0, What::Arrive { number, from, to, wire });
    }

    fn arrive(&mut self, number: u64, from: usize, to: usize, wire: Wire) -> Result<(), Failure> {
        if self.net.number(from, to) != Some(number) {
            return Ok(());
        }
        let peer = self.nodes[from].id();
        match wire {
            Wire::Frame(frame) => self.call(to, |replica, now| replica.frame(peer, &frame, now)),
            Wire::Request { id, bytes, max_bytes } => {
                let answer = self.serve(to, peer, &bytes, max_bytes);
                self.send(to, from, Wire::Response { id, bytes: answer.map(Rc::from) });
                self.after(to, Ok(()))
            }
            Wire::Response { id, bytes } => {
                self.call(to, |replica, now| replica.response(peer, id, bytes.as_deref(), now))
            }
        }
    }

    /// Answers a request from a box's own disk.
    fn serve(&mut self, place: usize, peer: model::KeyId, request: &[u8], max_bytes: u32) -> Option<Vec<u8>> {
        let node = &mut self.nodes[place];
        let now = node.now(self.now);
        let asked = node.replica()?.asked(peer, request, now);
        let mut server = std::mem::take(&mut node.server);
        let answer: Option<Response> = match asked {
            Asked::Serve { request, budget } => {
                server.serve(node.look()?.objects(), &(), &request, budget).ok()
            }
            Asked::Answer(answer) => Some(answer),
            Asked::Refuse => None,
        };
        node.server = server;
        let bytes = answer?.to_bytes();
        node.replica()?.served(peer, bytes.len() as u64, now);
        Some(bytes).filter(|bytes| bytes.len() <= max_bytes as usize)
    }

    fn close(&mut self, place: usize, peer: model::KeyId) -> Result<(), Failure> {
        let Some(other) = self.nodes[place].peers.remove(&peer) else { return Ok(()) };
        self.net.close(place, other, self.now.0 + 60_000);
        let me = self.nodes[place].id();
        self.nodes[other].peers.remove(&me);
        self.call(other, |replica, now| replica.disconnected(me, now))
    }

    fn broken(&mut self, number: u64, from: usize, to: usize) -> Result<(), Failure> {
        if self.net.number(from, to) != Some(number) {
            return Ok(());
        }
        self.net.close(from, to, self.now.0 + BREAK_MS);
        self.disconnect((from, to))
    }

    /// Makes and cuts connections as things stand.
    pub(crate) fn reconnect(&mut self) -> Result<(), Failure> {
        let on: Vec<bool> = self.nodes.iter().map(Node::is_on).collect();
        let (gone, come) = self.net.settle(&|place| on[place], self.now.0);
        gone.into_iter().try_for_each(|pair| self.disconnect(pair))?;
        come.into_iter().try_for_each(|pair| self.connect(pair))
    }

    fn connect(&mut self, (a, b): Pair) -> Result<(), Failure> {
        for (place, other) in [(a, b), (b, a)] {
            let peer = self.nodes[other].id();
            self.nodes[place].peers.insert(peer, other);
            self.call(place, |replica, now| replica.connected(peer, now))?;
        }
        Ok(())
    }

    fn disconnect(&mut self, (a, b): Pair) -> Result<(), Failure> {
        for (place, other) in [(a, b), (b, a)] {
            let peer = self.nodes[other].id();
            if self.nodes[place].peers.get(&peer) == Some(&other) {
                self.nodes[place].peers.remove(&peer);
                self.call(place, |replica, now| replica.disconnected(peer, now))?;
            }
        }
        Ok(())
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

    fn report(&self) -> Report {
        let add = |sum: Traffic, node: &Node| Traffic {
            messages: sum.messages + node.sent.messages,
            bytes: sum.bytes + node.sent.bytes,
        };
        Report {
            nodes: self.nodes.len(),
            steps: self.step,
            ms: self.now.0,
            events: self.nodes.iter().map(|node| node.last_event).sum(),
            blocks: self.book.blocks,
            sent: self.nodes.iter().fold(Traffic::default(), add),
            digest: self.digest,
        }
    }

    /// Each box and how far it is; for people.
    pub fn standing(&self) -> String {
        let mut lines = String::new();
        for node in &self.nodes {
            let stands = match node.look() {
                None => "off".to_string(),
                Some(replica) => {
                    let (main, round) = (replica.main(), replica.vote().round());
                    let peers = node.peers.len();
                    format!("height {} {} vote {round:?} peers {peers}", main.height, main.block.short())
                }
            };
            lines += &format!("{} {:?} wal {} {stands}\n", node.name, node.manner, node.wal.len());
        }
        lines
    }

    /// The key of a person.
    pub(crate) fn person(&self, place: usize) -> SigningKey {
        self.load.people[place].clone()
    }
}

/// Those to whom a box is connected: all, or a ring with a few more by chance, so that nobody is alone.
fn neighbours(place: usize, plan: &Plan, dice: &mut Dice) -> Vec<usize> {
    if plan.degree >= plan.nodes {
        return (0..plan.nodes).collect();
    }
    let next = (place + 1) % plan.nodes;
    let more = (2..plan.degree / 2 + 1).map(|_| dice.index(plan.nodes));
    std::iter::once(next).chain(more).collect()
}

fn describe(what: &What) -> String {
    match what {
        What::Arrive { from, to, wire, .. } => {
            let kind = match wire {
                Wire::Frame(bytes) => match sync::Message::parse(bytes) {
                    Ok(message) => format!("{message:?}").chars().take(60).collect(),
                    Err(error) => error.to_string(),
                },
                Wire::Request { .. } => "request".into(),
                Wire::Response { bytes, .. } => format!("response {:?}", bytes.as_ref().map(|b| b.len())),
            };
            format!("{from} -> {to}: {kind}")
        }
        other => format!("{other:?}"),
    }
}

/// An error with what caused it.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let (mut text, mut next) = (error.to_string(), error.source());
    while let Some(cause) = next {
        text += &format!(": {cause}");
        next = cause.source();
    }
    text
}
