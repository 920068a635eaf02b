//! Signed noise: whatever validators say, in whatever order, an engine neither panics nor contradicts itself.

use super::world::{GENESIS, ORG, branch, engine, key, validators};
use ledger::finality::{
    Ballot, BallotKind, Cast, Effect, Engine, MAX_ROUND, Message, Polka, Proposal, RoundChange,
    RoundChangeKind,
};
use model::{BlockId, Millis};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use std::collections::BTreeMap;

/// Draws messages that are signed as they should be and mean anything.
struct Noise {
    rng: ChaCha8Rng,
    /// The first key that says it: 0 is the engine's own, as if a card had been copied.
    first: usize,
}

impl Noise {
    fn below(&mut self, limit: u64) -> u64 {
        self.rng.next_u64() % limit
    }

    /// Few rounds, so that votes meet; now and then one far ahead.
    fn round(&mut self) -> u32 {
        match self.below(20) {
            0 => MAX_ROUND + self.below(2) as u32,
            1 => 11 + self.below(20) as u32,
            _ => self.below(4) as u32,
        }
    }

    fn block(&mut self) -> BlockId {
        BlockId::new([0x60 + self.below(3) as u8; 32])
    }

    fn ballot(&mut self, round: u32, kind: BallotKind) -> Ballot {
        let block = (self.below(3) > 0).then(|| self.block());
        Ballot { org: ORG, branch: branch(), height: 1, round, kind, block }
    }

    fn kind(&mut self) -> BallotKind {
        if self.below(2) == 0 { BallotKind::Prevote } else { BallotKind::Precommit }
    }

    fn message(&mut self) -> Message {
        let (round, kind) = (self.round(), self.kind());
        let n = self.first + self.below(4 - self.first as u64) as usize;
        match self.below(8) {
            0 | 1 => {
                let polka = (self.below(3) == 0).then(|| self.round());
                let block = self.block();
                let proposal = Proposal { org: ORG, branch: branch(), height: 1, round, polka, block };
                let turn = (self.first..4).find(|n| Some(key(*n).public().id()) == turn_of(round));
                Message::Proposal(proposal.sign(&key(turn.unwrap_or(n))))
            }
            2 => self.polka(round),
            3 => self.round_change(round),
            _ => Message::Ballot(self.ballot(round, kind).sign(&key(n))),
        }
    }

    fn some_keys(&mut self) -> std::ops::Range<usize> {
        self.first..self.first + 1 + self.below(4 - self.first as u64) as usize
    }

    fn polka(&mut self, round: u32) -> Message {
        let block = self.block();
        let ballot = Ballot { block: Some(block), ..self.ballot(round, BallotKind::Prevote) };
        let signed = self.some_keys().map(|n| ballot.clone().sign(&key(n)));
        let signatures = signed.map(|signed| (signed.by, signed.signature)).collect();
        Message::Polka(Polka { org: ORG, branch: branch(), height: 1, round, block, signatures })
    }

    fn round_change(&mut self, round: u32) -> Message {
        let precommits = self.below(2) == 0;
        let kind = if precommits { RoundChangeKind::Precommit } else { RoundChangeKind::Skip };
        let mut votes = BTreeMap::new();
        for n in self.some_keys() {
            let vote = if precommits { BallotKind::Precommit } else { self.kind() };
            let signed = self.ballot(round, vote).sign(&key(n));
            let (block, signature) = (signed.ballot.block, signed.signature);
            votes.insert(signed.by, Cast { kind: vote, block, signature });
        }
        Message::RoundChange(RoundChange { org: ORG, branch: branch(), height: 1, round, kind, votes })
    }
}

fn turn_of(round: u32) -> Option<model::KeyId> {
    let mut engine = engine(0);
    engine.start(1, GENESIS, validators(&[1; 4]), Millis(0));
    engine.proposer(round)
}

/// What the engine's own key said, by round and kind.
type Words = BTreeMap<(u32, Option<BallotKind>), Vec<u8>>;

fn do_effects(engine: &mut Engine, noise: &mut Noise, words: &mut Words, kept: &mut Vec<u8>, now: Millis) {
    let mut effects = engine.effects();
    while !effects.is_empty() {
        for effect in std::mem::take(&mut effects) {
            match effect {
                Effect::WantProposal { round, .. } => engine.propose(round, noise.block(), now),
                Effect::Validate { block, .. } => engine.validated(block, noise.below(4) > 0, now),
                Effect::Remember(bytes) => *kept = bytes,
                Effect::Publish(bytes) if noise.first > 0 => note(&bytes, words),
                Effect::Publish(_) | Effect::Trouble(_) => {}
                Effect::Evidence(evidence) => evidence.check().unwrap(),
                Effect::Decided(certificate) => certificate.check(&validators(&[1; 4])).unwrap(),
            }
        }
        effects = engine.effects();
    }
}

fn note(bytes: &[u8], words: &mut Words) {
    let me = key(0).public().id();
    let (slot, text) = match Message::parse(bytes).unwrap() {
        Message::Ballot(s) if s.by == me => ((s.ballot.round, Some(s.ballot.kind)), s.ballot.to_bytes()),
        Message::Proposal(s) if s.by == me => ((s.proposal.round, None), s.proposal.to_bytes()),
        _ => return,
    };
    assert_eq!(*words.entry(slot).or_insert_with(|| text.clone()), text);
}

fn run(seed: u64, first: usize) {
    let mut noise = Noise { rng: ChaCha8Rng::seed_from_u64(seed), first };
    let (mut words, mut kept, mut now) = (Words::new(), Vec::new(), Millis(1));
    let mut engine = engine(0);
    engine.start(1, GENESIS, validators(&[1; 4]), now);
    for _ in 0..120 {
        now = now.plus(noise.below(3_000));
        match noise.below(12) {
            0 => engine.begin(now),
            1 | 2 => engine.tick(now),
            3 if noise.below(4) == 0 => {
                engine = super::world::engine(0);
                if !kept.is_empty() {
                    engine.recover(&kept).unwrap();
                }
                engine.start(1, GENESIS, validators(&[1; 4]), now);
            }
            _ => drop(engine.receive(&noise.message().to_bytes(), now)),
        }
        do_effects(&mut engine, &mut noise, &mut words, &mut kept, now);
    }
}

#[test]
fn no_noise_of_the_others_upsets_an_engine_or_makes_it_contradict_itself() {
    (0..40).for_each(|seed| run(seed, 1));
}

#[test]
fn no_noise_of_its_own_key_upsets_an_engine() {
    (0..40).for_each(|seed| run(seed, 0));
}
