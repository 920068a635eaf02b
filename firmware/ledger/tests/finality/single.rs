//! One engine at a time: when it begins, what it refuses, what it does when its memory is in doubt.

use super::world::{GENESIS, ORG, branch, engine, key, validators};
use ledger::finality::{
    Ballot, BallotKind, Certificate, Effect, Engine, Heard, Message, MessageFault, Proposal, Trouble,
};
use model::{BlockId, KeyId, Millis, OrgId};

const NOW: Millis = Millis(1_000);
const BLOCK: BlockId = BlockId::new([0x61; 32]);

fn ballot(kind: BallotKind, block: Option<BlockId>) -> Ballot {
    Ballot { org: ORG, branch: branch(), height: 1, round: 0, kind, block }
}

fn vote(n: usize, kind: BallotKind, block: Option<BlockId>) -> Vec<u8> {
    Message::Ballot(ballot(kind, block).sign(&key(n))).to_bytes()
}

fn proposal(n: usize, round: u32, block: BlockId) -> Vec<u8> {
    let proposal = Proposal { org: ORG, branch: branch(), height: 1, round, polka: None, block };
    Message::Proposal(proposal.sign(&key(n))).to_bytes()
}

fn started(n: usize) -> Engine {
    let mut engine = engine(n);
    engine.start(1, GENESIS, validators(&[1; 4]), NOW);
    engine
}

/// Whose turn it is in a round of height 1, by number.
fn turn(round: u32) -> usize {
    let by = started(0).proposer(round).unwrap();
    (0..4).find(|n| key(*n).public().id() == by).unwrap()
}

/// Somebody whose turn it is in neither of the first two rounds.
fn follower() -> usize {
    (0..4).find(|n| *n != turn(0) && *n != turn(1)).unwrap()
}

fn published(effects: &[Effect]) -> Vec<Message> {
    let said = |effect: &Effect| match effect {
        Effect::Publish(bytes) => Some(Message::parse(bytes).unwrap()),
        _ => None,
    };
    effects.iter().filter_map(said).collect()
}

fn votes(effects: &[Effect]) -> Vec<(BallotKind, Option<BlockId>)> {
    let of = |message| match message {
        Message::Ballot(signed) => Some((signed.ballot.kind, signed.ballot.block)),
        _ => None,
    };
    published(effects).into_iter().filter_map(of).collect()
}

fn kept(effects: &[Effect]) -> Vec<u8> {
    let kept = effects.iter().rev().find_map(|effect| match effect {
        Effect::Remember(bytes) => Some(bytes.clone()),
        _ => None,
    });
    kept.unwrap()
}

#[test]
fn where_one_validator_suffices_nobody_votes() {
    for n in [0, 1] {
        let mut engine = engine(n);
        engine.start(1, GENESIS, validators(&[3, 1]), NOW);
        engine.begin(NOW);
        assert_eq!(engine.receive(&proposal(1, 0, BLOCK), NOW).unwrap(), Heard::Ahead);
        assert_eq!((engine.effects(), engine.is_voting()), (vec![], false));
    }
}

#[test]
fn what_is_published_was_to_be_remembered_first() {
    let mut engine = started(turn(0));
    engine.begin(NOW);
    engine.propose(0, BLOCK, NOW);
    let mut remembered = Vec::new();
    for effect in engine.effects() {
        match effect {
            Effect::Remember(bytes) => remembered = bytes,
            Effect::Publish(bytes) => {
                let text = String::from_utf8(bytes).unwrap();
                assert!(String::from_utf8_lossy(&remembered).contains(&text), "not in the journal:\n{text}");
            }
            _ => {}
        }
    }
    assert!(!remembered.is_empty());
}

#[test]
fn one_voice_alone_begins_nothing_two_of_four_do() {
    let mut engine = started(follower());
    let others: Vec<usize> = (0..4).filter(|n| *n != follower()).collect();
    let heard = engine.receive(&vote(others[0], BallotKind::Prevote, None), NOW);
    assert_eq!((heard.unwrap(), engine.round()), (Heard::New, None));
    let heard = engine.receive(&vote(others[0], BallotKind::Prevote, None), NOW);
    assert_eq!((heard.unwrap(), engine.round()), (Heard::Known, None));
    let heard = engine.receive(&vote(others[1], BallotKind::Prevote, None), NOW);
    assert_eq!((heard.unwrap(), engine.round()), (Heard::New, Some((1, 0))));
}

#[test]
fn a_proposal_begins_the_vote_and_a_good_block_gets_a_prevote() {
    let mut engine = started(follower());
    engine.receive(&proposal(turn(0), 0, BLOCK), NOW).unwrap();
    let proposer = key(turn(0)).public().id();
    assert!(engine.effects().contains(&Effect::Validate { block: BLOCK, proposer, round: 0 }));
    engine.validated(BLOCK, true, NOW);
    assert_eq!(votes(&engine.effects()), [(BallotKind::Prevote, Some(BLOCK))]);
}

#[test]
fn a_bad_block_gets_a_vote_for_none() {
    let mut engine = started(follower());
    engine.receive(&proposal(turn(0), 0, BLOCK), NOW).unwrap();
    engine.validated(BLOCK, false, NOW);
    assert_eq!(votes(&engine.effects()), [(BallotKind::Prevote, None)]);
}

#[test]
fn messages_of_strangers_forgers_and_other_ledgers_are_refused_before_and_after_the_beginning() {
    let by = |key: KeyId| key;
    let stranger = vote(9, BallotKind::Prevote, None);
    let mut forged = ballot(BallotKind::Prevote, None).sign(&key(9));
    forged.by = by(key(0).public().id());
    let forged = Message::Ballot(forged).to_bytes();
    let elsewhere = Ballot { org: OrgId::new([2; 32]), ..ballot(BallotKind::Prevote, None) };
    let elsewhere = Message::Ballot(elsewhere.sign(&key(0))).to_bytes();
    let usurped = proposal(turn(1), 0, BLOCK);
    for begun in [false, true] {
        let mut engine = started(follower());
        if begun {
            engine.begin(NOW);
        }
        assert!(matches!(engine.receive(&stranger, NOW), Err(MessageFault::Stranger { .. })));
        assert!(matches!(engine.receive(&forged, NOW), Err(MessageFault::Signature(_))));
        assert!(matches!(engine.receive(&elsewhere, NOW), Err(MessageFault::Foreign { .. })));
        assert!(matches!(engine.receive(&usurped, NOW), Err(MessageFault::NotItsTurn { .. })));
        assert!(matches!(engine.receive(b"hello", NOW), Err(MessageFault::Text(_))));
    }
}

#[test]
fn other_heights_are_old_early_or_far_ahead() {
    let mut engine = engine(0);
    engine.start(5, GENESIS, validators(&[1; 4]), NOW);
    let at = |height, n| {
        Message::Ballot(Ballot { height, ..ballot(BallotKind::Prevote, None) }.sign(&key(n))).to_bytes()
    };
    assert_eq!(engine.receive(&at(4, 1), NOW).unwrap(), Heard::Old);
    assert_eq!(engine.receive(&at(6, 1), NOW).unwrap(), Heard::Early);
    assert_eq!(engine.receive(&at(6, 2), NOW).unwrap(), Heard::Early);
    assert_eq!(engine.receive(&at(7, 1), NOW).unwrap(), Heard::Ahead);
    engine.start(6, BLOCK, validators(&[1; 4]), NOW);
    assert_eq!(engine.round(), Some((6, 0)), "two of four have begun height 6 already");
    let effects = engine.effects();
    assert!([at(6, 1), at(6, 2)].into_iter().all(|kept| effects.contains(&Effect::Publish(kept))));
}

#[test]
fn after_a_crash_the_same_vote_goes_out_again() {
    let mut engine = started(follower());
    engine.receive(&proposal(turn(0), 0, BLOCK), NOW).unwrap();
    engine.validated(BLOCK, true, NOW);
    let before = engine.effects();
    let mut again = super::world::engine(follower());
    again.recover(&kept(&before)).unwrap();
    again.start(1, GENESIS, validators(&[1; 4]), Millis(9_000_000));
    assert_eq!(published(&again.effects()), published(&before));
    again.validated(BLOCK, false, NOW);
    assert_eq!(votes(&again.effects()), [], "a verdict that changed comes too late");
}

#[test]
fn a_damaged_journal_means_silence_for_one_height() {
    let mut engine = started(follower());
    engine.receive(&proposal(turn(0), 0, BLOCK), NOW).unwrap();
    engine.validated(BLOCK, true, NOW);
    let mut damaged = kept(&engine.effects());
    damaged[100] ^= 1;
    let mut again = super::world::engine(follower());
    assert!(again.recover(&damaged).is_err());
    again.start(1, GENESIS, validators(&[1; 4]), NOW);
    again.begin(NOW);
    assert!(!again.is_voting());
    again.receive(&proposal(turn(0), 0, BLOCK), NOW).unwrap();
    again.validated(BLOCK, true, NOW);
    let effects = again.effects();
    assert!(matches!(effects[0], Effect::Trouble(Trouble::Silent { height: 1, .. })), "{effects:?}");
    assert_eq!(votes(&effects), []);
    again.start(2, BLOCK, validators(&[1; 4]), NOW);
    assert!(again.is_voting());
}

#[test]
fn a_ledger_older_than_the_journal_means_silence_until_it_has_caught_up() {
    let mut engine = engine(0);
    engine.start(3, BLOCK, validators(&[1; 4]), NOW);
    engine.begin(NOW);
    engine.tick(Millis(60_000));
    let before = engine.effects();
    assert_eq!(votes(&before), [(BallotKind::Prevote, None)]);
    let mut again = super::world::engine(0);
    again.recover(&kept(&before)).unwrap();
    for height in [1, 2] {
        again.start(height, GENESIS, validators(&[1; 4]), NOW);
        assert!(!again.is_voting(), "height {height}");
    }
    again.effects();
    again.start(3, BLOCK, validators(&[1; 4]), NOW);
    assert!(again.is_voting());
    assert_eq!(votes(&again.effects()), [(BallotKind::Prevote, None)]);
}

#[test]
fn a_vote_of_this_key_that_it_does_not_remember_is_not_contradicted() {
    let me = follower();
    let mut engine = started(me);
    engine.begin(NOW);
    engine.receive(&vote(me, BallotKind::Prevote, None), NOW).unwrap();
    engine.receive(&proposal(turn(0), 0, BLOCK), NOW).unwrap();
    engine.validated(BLOCK, true, NOW);
    let effects = engine.effects();
    assert!(effects.contains(&Effect::Trouble(Trouble::OwnWord { height: 1, round: 0 })), "{effects:?}");
    assert_eq!(votes(&effects), []);
    assert!(!engine.is_voting());
}

#[test]
fn who_has_no_vote_still_learns_the_decision() {
    let mut engine = engine(9);
    engine.start(1, GENESIS, validators(&[1; 4]), NOW);
    engine.receive(&proposal(turn(0), 0, BLOCK), NOW).unwrap();
    engine.validated(BLOCK, true, NOW);
    for n in 0..3 {
        engine.receive(&vote(n, BallotKind::Prevote, Some(BLOCK)), NOW).unwrap();
        engine.receive(&vote(n, BallotKind::Precommit, Some(BLOCK)), NOW).unwrap();
    }
    let effects = engine.effects();
    assert_eq!(published(&effects), []);
    assert!(matches!(effects.last(), Some(Effect::Decided(certificate)) if certificate.block == BLOCK));
}

#[test]
fn a_certificate_from_elsewhere_ends_the_vote_once_if_it_holds() {
    let mut engine = started(0);
    engine.begin(NOW);
    engine.effects();
    let text = ballot(BallotKind::Precommit, Some(BLOCK)).to_bytes();
    let sign = |n: usize| (key(n).public().id(), key(n).sign_raw(&text));
    let with = |count: usize| Certificate {
        org: ORG,
        branch: branch(),
        height: 1,
        round: 0,
        block: BLOCK,
        signatures: (0..count).map(sign).collect(),
    };
    assert!(engine.decided_elsewhere(with(2)).is_err());
    assert_eq!(engine.effects(), []);
    engine.decided_elsewhere(with(3)).unwrap();
    engine.decided_elsewhere(with(4)).unwrap();
    assert_eq!(engine.effects(), [Effect::Decided(with(3))]);
    assert_eq!(engine.wake_at(), None);
}

#[test]
fn starting_what_is_open_changes_nothing() {
    let mut engine = started(turn(0));
    engine.begin(NOW);
    let before = (engine.effects(), engine.wake_at());
    engine.start(1, GENESIS, validators(&[1; 4]), Millis(5_000));
    engine.begin(Millis(5_000));
    assert_eq!((engine.effects(), engine.wake_at()), (vec![], before.1));
}

#[test]
fn a_height_that_starts_again_on_another_block_is_not_voted_on_again() {
    let mut engine = started(turn(0));
    engine.begin(NOW);
    engine.start(1, BLOCK, validators(&[1; 4]), NOW);
    assert!(!engine.is_voting());
}

#[test]
fn a_branch_without_validators_is_not_voted_on() {
    let mut engine = engine(0);
    engine.start(1, GENESIS, validators(&[]), NOW);
    engine.begin(NOW);
    assert_eq!((engine.effects(), engine.round(), engine.proposer(0)), (vec![], None, None));
}
