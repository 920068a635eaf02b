//! One box of the [`World`]: its engine, what it keeps over a crash, and how honest it is.

use super::world::{BAD, Event, GENESIS, World, branch, engine, key};
use ledger::finality::{Ballot, Certificate, Effect, Engine, Heard, Message, Proposal, Validators};
use model::{BlockId, Millis};

/// How a box behaves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Conduct {
    Honest,
    /// Never says anything.
    Silent,
    /// Says one thing to some and another to the others.
    TwoFaced,
    /// Proposes bad blocks and calls them good.
    Proposer,
}

pub struct Node {
    n: usize,
    pub conduct: Conduct,
    pub engine: Option<Engine>,
    pub validators: Validators,
    pub height: u64,
    pub main: BlockId,
    /// What [`Effect::Remember`] asked to keep.
    pub kept: Option<Vec<u8>>,
    pub has_news: bool,
}

impl Node {
    pub fn new(n: usize, validators: Validators) -> Self {
        let (engine, conduct) = (Some(engine(n)), Conduct::Honest);
        Self { n, conduct, engine, validators, height: 1, main: GENESIS, kept: None, has_news: true }
    }

    pub fn is_honest(&self) -> bool {
        self.conduct == Conduct::Honest
    }

    pub fn wake_at(&self) -> Option<Millis> {
        self.engine.as_ref()?.wake_at()
    }

    pub fn start(&mut self, now: Millis) {
        let (height, main, validators) = (self.height, self.main, self.validators.clone());
        if let Some(engine) = &mut self.engine {
            engine.start(height, main, validators, now);
        }
    }

    /// The power comes back: what was not kept is gone.
    pub fn restart(&mut self, now: Millis) {
        let mut engine = engine(self.n);
        if let Some(kept) = &self.kept {
            engine.recover(kept).unwrap();
        }
        self.engine = Some(engine);
        self.start(now);
    }
}

impl World {
    pub fn happen(&mut self, n: usize, event: Event) {
        let now = self.now;
        match event {
            Event::Message(bytes) => self.hear(n, &bytes),
            Event::Certificate(certificate) => {
                self.on_node(n, |engine| engine.decided_elsewhere(certificate).unwrap());
            }
            Event::Propose { height, round, block } if self.nodes[n].height == height => {
                self.on_node(n, |engine| engine.propose(round, block, now));
            }
            Event::Verdict { height, block } if self.nodes[n].height == height => {
                let good = block.as_bytes()[0] != BAD || self.nodes[n].conduct == Conduct::Proposer;
                self.on_node(n, |engine| engine.validated(block, good, now));
            }
            Event::Begin if self.nodes[n].has_news => self.on_node(n, |engine| engine.begin(now)),
            Event::Restart if self.nodes[n].engine.is_none() => {
                self.nodes[n].restart(now);
                self.do_effects(n);
                self.after(1, n, Event::Begin);
            }
            Event::Ask => self.ask(n),
            Event::Propose { .. } | Event::Verdict { .. } | Event::Begin | Event::Restart => {}
        }
    }

    fn hear(&mut self, n: usize, bytes: &[u8]) {
        let now = self.now;
        let mut heard = None;
        self.on_node(n, |engine| heard = Some(engine.receive(bytes, now)));
        if let Some(Ok(Heard::Old)) = heard {
            self.answer_late(n, Message::parse(bytes).unwrap());
        }
    }

    /// Whoever still votes on what is decided is told so.
    fn answer_late(&mut self, n: usize, message: Message) {
        let by = match &message {
            Message::Ballot(signed) => signed.by,
            Message::Proposal(signed) => signed.by,
            _ => return,
        };
        let to = (0..self.nodes.len()).find(|to| key(*to).public().id() == by);
        let certificate = self.final_blocks.get(&message.height()).cloned();
        if let (Some(to), Some(certificate)) = (to, certificate)
            && !self.cut_off.contains(&to)
            && !self.cut_off.contains(&n)
        {
            self.after(10, to, Event::Certificate(certificate));
        }
    }

    /// As sync does now and then: who is behind fetches the next certificate.
    fn ask(&mut self, n: usize) {
        let other = self.below(self.nodes.len() as u64) as usize;
        let apart = self.cut_off.contains(&n) || self.cut_off.contains(&other);
        if !apart && self.nodes[other].height > self.nodes[n].height {
            let certificate = self.final_blocks[&self.nodes[n].height].clone();
            self.after(10, n, Event::Certificate(certificate));
        }
        if !apart && let Some(engine) = &self.nodes[other].engine {
            for bytes in engine.messages() {
                self.send(other, n, bytes);
            }
        }
        self.after(20_000, n, Event::Ask);
    }

    pub fn do_effects(&mut self, n: usize) {
        let effects = self.nodes[n].engine.as_mut().map(Engine::effects).unwrap_or_default();
        for effect in effects {
            if self.weather.crash > 0 && self.nodes[n].is_honest() && self.crashes_before(n, &effect) {
                return;
            }
            self.do_effect(n, effect);
        }
    }

    /// The power may fail between any two effects; what a vote was about to rest on matters most.
    fn crashes_before(&mut self, n: usize, effect: &Effect) -> bool {
        let matters = matches!(effect, Effect::Publish(_) | Effect::Remember(_) | Effect::Decided(_));
        let crashes = matters && self.chance(self.weather.crash);
        if crashes {
            self.nodes[n].engine = None;
            let off_ms = 10 + self.below(5_000);
            self.after(off_ms, n, Event::Restart);
        }
        crashes
    }

    fn do_effect(&mut self, n: usize, effect: Effect) {
        let height = self.nodes[n].height;
        match effect {
            Effect::Remember(bytes) => self.nodes[n].kept = Some(bytes),
            Effect::Publish(bytes) => self.say(n, &bytes),
            Effect::WantProposal { height, round } if self.nodes[n].has_news => {
                let block = self.make_block(n);
                let ms = 1 + self.below(300);
                self.after(ms, n, Event::Propose { height, round, block });
            }
            Effect::WantProposal { .. } => {}
            Effect::Validate { block, .. } => {
                let ms = 1 + self.below(300);
                self.after(ms, n, Event::Verdict { height, block });
            }
            Effect::Decided(certificate) => self.decide(n, &certificate),
            Effect::Evidence(evidence) => {
                evidence.check().unwrap();
                self.evidence.push(*evidence);
            }
            Effect::Trouble(trouble) => self.troubles.push(format!("{n}: {trouble}")),
        }
    }

    fn make_block(&mut self, n: usize) -> BlockId {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&self.below(u64::MAX).to_le_bytes());
        bytes[0] = if self.nodes[n].conduct == Conduct::Proposer { BAD } else { 0x60 };
        BlockId::new(bytes)
    }

    fn decide(&mut self, n: usize, certificate: &Certificate) {
        let now = self.now;
        self.check_final(n, certificate);
        let node = &mut self.nodes[n];
        assert_eq!(node.height, certificate.height);
        (node.height, node.main) = (certificate.height + 1, certificate.block);
        node.start(now);
        self.do_effects(n);
        self.after(5, n, Event::Begin);
    }

    fn say(&mut self, n: usize, bytes: &[u8]) {
        match self.nodes[n].conduct {
            Conduct::Honest => {
                self.check_word(n, bytes);
                self.publish(n, bytes);
            }
            Conduct::Silent => {}
            Conduct::Proposer => self.publish(n, bytes),
            Conduct::TwoFaced => self.say_two_things(n, bytes),
        }
    }

    fn say_two_things(&mut self, n: usize, bytes: &[u8]) {
        let other = self.twist(n, Message::parse(bytes).unwrap()).to_bytes();
        for to in (0..self.nodes.len()).filter(|to| *to != n) {
            match self.below(5) {
                0 | 1 => self.send(n, to, bytes.to_vec()),
                2 | 3 => self.send(n, to, other.clone()),
                _ => {
                    self.send(n, to, bytes.to_vec());
                    self.send(n, to, other.clone());
                }
            }
        }
    }

    /// The same statement about something else, signed as well.
    fn twist(&mut self, n: usize, message: Message) -> Message {
        let block = self.make_block(n);
        match message {
            Message::Ballot(signed) if signed.by == key(n).public().id() => {
                let block = if signed.ballot.block.is_some() { None } else { Some(block) };
                Message::Ballot(Ballot { block, ..signed.ballot }.sign(&key(n)))
            }
            Message::Proposal(signed) if signed.by == key(n).public().id() => {
                let branch = branch();
                Message::Proposal(Proposal { block, polka: None, branch, ..signed.proposal }.sign(&key(n)))
            }
            other => other,
        }
    }
}
