//! Boxes that vote, in memory: virtual time, a network that loses, delays, reorders and repeats, boxes that crash.
//!
//! Everything follows from the seed. After each step the world checks what must never happen: two blocks final at one
//! height, an honest key that says two things, a bad block made final, a certificate that does not hold.

use super::node::{Conduct, Node};
use ledger::finality::{Ballot, BallotKind, Certificate, Engine, Evidence, Message, Timeouts, Validators};
use model::{BlockId, KeyId, Millis, Name, OrgId, SigningKey};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use std::collections::{BTreeMap, BTreeSet};

pub const ORG: OrgId = OrgId::new([1; 32]);
pub const GENESIS: BlockId = BlockId::new([0; 32]);
/// A block whose first byte is this one is found to be bad.
pub const BAD: u8 = 0xbb;

/// What the network does to a message; chances in percent.
#[derive(Clone, Copy)]
pub struct Weather {
    pub lost: u64,
    pub twice: u64,
    pub delay_ms: u64,
    pub crash: u64,
}

impl Weather {
    pub const FAIR: Self = Self { lost: 0, twice: 0, delay_ms: 20, crash: 0 };
    pub const STORM: Self = Self { lost: 20, twice: 20, delay_ms: 3_000, crash: 0 };
    pub const CRASHES: Self = Self { lost: 5, twice: 5, delay_ms: 500, crash: 10 };
}

pub enum Event {
    Message(Vec<u8>),
    Certificate(Certificate),
    Propose {
        height: u64,
        round: u32,
        block: BlockId,
    },
    Verdict {
        height: u64,
        block: BlockId,
    },
    Begin,
    Restart,
    /// Ask somebody how far they are.
    Ask,
}

pub struct World {
    pub now: Millis,
    pub nodes: Vec<Node>,
    pub weather: Weather,
    /// Boxes that hear and are heard by nobody.
    pub cut_off: BTreeSet<usize>,
    pub final_blocks: BTreeMap<u64, Certificate>,
    pub evidence: Vec<Evidence>,
    pub troubles: Vec<String>,
    pub published: usize,
    seed: u64,
    rng: ChaCha8Rng,
    queue: BTreeMap<(Millis, u64), (usize, Event)>,
    events: u64,
    words: BTreeMap<(KeyId, u64, u32, Option<BallotKind>), Vec<u8>>,
}

pub fn key(n: usize) -> SigningKey {
    SigningKey::from_seed(&[n as u8 + 1; 32])
}

pub fn branch() -> Name {
    "main".parse().unwrap()
}

pub fn validators(weights: &[u64]) -> Validators {
    let weigh = |(n, weight): (usize, &u64)| (key(n).public().id(), (key(n).public(), *weight));
    Validators { weights: weights.iter().enumerate().map(weigh).collect() }
}

pub fn engine(n: usize) -> Engine {
    // Short enough that many rounds pass in little time.
    let timeouts = Timeouts { longest_ms: 20_000, ..Timeouts::default() };
    Engine::new(ORG, branch(), key(n), timeouts)
}

impl World {
    /// So many boxes with a vote each, all honest and up, with something to propose at every height.
    pub fn new(count: usize, seed: u64, weather: Weather) -> Self {
        let nodes = (0..count).map(|n| Node::new(n, validators(&vec![1; count]))).collect();
        let mut world = Self {
            now: Millis(1_000_000),
            nodes,
            weather,
            cut_off: BTreeSet::new(),
            final_blocks: BTreeMap::new(),
            evidence: Vec::new(),
            troubles: Vec::new(),
            published: 0,
            seed,
            rng: ChaCha8Rng::seed_from_u64(seed),
            queue: BTreeMap::new(),
            events: 0,
            words: BTreeMap::new(),
        };
        for n in 0..count {
            world.nodes[n].start(world.now);
            world.after(1, n, Event::Begin);
            world.after(20_000, n, Event::Ask);
        }
        world
    }

    pub fn conduct(mut self, n: usize, conduct: Conduct) -> Self {
        self.nodes[n].conduct = conduct;
        self
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.rng.next_u64() % limit
    }

    pub fn after(&mut self, ms: u64, to: usize, event: Event) {
        self.events += 1;
        self.queue.insert((self.now.plus(ms), self.events), (to, event));
    }

    /// How much happened: equal seeds make it equal.
    pub fn trace(&self) -> (u64, Millis, usize) {
        (self.events, self.now, self.published)
    }

    /// Runs until every honest box has decided this height.
    pub fn run_to(&mut self, height: u64) {
        let limit = self.now.plus(24 * 3_600_000);
        while self.nodes.iter().any(|node| node.is_honest() && node.height <= height) {
            self.step();
            assert!(self.now < limit, "seed {}: nothing decided at height {height} in a day", self.seed);
        }
    }

    pub fn run_for(&mut self, ms: u64) {
        let until = self.now.plus(ms);
        while self.next_at() <= until {
            self.step();
        }
        self.now = until;
    }

    fn next_at(&self) -> Millis {
        let wakes = self.nodes.iter().filter_map(Node::wake_at);
        let queued = self.queue.keys().next().map(|(at, _)| *at);
        wakes.chain(queued).min().unwrap_or(Millis(u64::MAX)).max(self.now)
    }

    pub fn step(&mut self) {
        self.now = self.next_at();
        let due = self.queue.first_entry().filter(|entry| entry.key().0 <= self.now);
        match due.map(|entry| entry.remove()) {
            Some((n, event)) => self.happen(n, event),
            None => {
                let now = self.now;
                let n = self.nodes.iter().position(|node| node.wake_at().is_some_and(|at| at <= now));
                self.on_node(n.expect("because somebody wakes now"), |engine| engine.tick(now));
            }
        }
    }

    /// A call on a box's engine, and what follows from it.
    pub fn on_node(&mut self, n: usize, call: impl FnOnce(&mut Engine)) {
        if let Some(engine) = &mut self.nodes[n].engine {
            call(engine);
            self.do_effects(n);
        }
    }

    /// Sends to all others, as the weather has it.
    pub fn publish(&mut self, from: usize, bytes: &[u8]) {
        self.published += 1;
        for to in (0..self.nodes.len()).filter(|to| *to != from) {
            self.send(from, to, bytes.to_vec());
        }
    }

    pub fn send(&mut self, from: usize, to: usize, bytes: Vec<u8>) {
        if self.cut_off.contains(&from) || self.cut_off.contains(&to) || self.chance(self.weather.lost) {
            return;
        }
        let copies = if self.chance(self.weather.twice) { 2 } else { 1 };
        for _ in 0..copies {
            let delay = 1 + self.below(self.weather.delay_ms);
            self.after(delay, to, Event::Message(bytes.clone()));
        }
    }

    /// Remembers what an honest key said in public and that it never says otherwise.
    pub fn check_word(&mut self, n: usize, bytes: &[u8]) {
        let (by, height, round, kind, text) = match Message::parse(bytes).unwrap() {
            Message::Ballot(s) => {
                let Ballot { height, round, kind, .. } = s.ballot;
                (s.by, height, round, Some(kind), s.ballot.to_bytes())
            }
            Message::Proposal(s) => (s.by, s.proposal.height, s.proposal.round, None, s.proposal.to_bytes()),
            _ => return,
        };
        if by != key(n).public().id() {
            return; // another's proposal, passed on
        }
        let word = self.words.entry((by, height, round, kind)).or_insert_with(|| text.clone());
        assert_eq!(
            String::from_utf8_lossy(word),
            String::from_utf8_lossy(&text),
            "seed {}: {by} contradicts itself",
            self.seed
        );
    }

    /// A box holds a block for final.
    pub fn check_final(&mut self, n: usize, certificate: &Certificate) {
        let (seed, height) = (self.seed, certificate.height);
        certificate.check(&self.nodes[n].validators).unwrap();
        assert_ne!(certificate.block.as_bytes()[0], BAD, "seed {seed}: a bad block is final at {height}");
        let first = self.final_blocks.entry(height).or_insert_with(|| certificate.clone());
        assert_eq!(first.block, certificate.block, "seed {seed}: two blocks are final at {height}");
    }
}
