//! A box that follows a branch, and keeps the others: after the validators of main are lost, and back again.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a failed test")]

mod common;

use common::*;
use ledger::{
    Block, Choices, Meta, NewBlock, State,
    finality::{self, Ballot, BallotKind},
};
use model::{BlockId, Millis, OrgId, RefName};
use replica::{Depot, Effect, MemoryDepot, Now, Options, Replica, ReplicaError, Status};
use sync::{Hello, Message, SYNC_PROTOCOL};

/// A box of an organisation whose one validator, the box `lost`, is gone.
fn orphaned() -> Replica<MemoryDepot> {
    let mut replica = open(founded(false));
    let lost = key("lost").public().id();
    let changes = [
        key_document("node:lost"),
        change("nodes/lost.toml", &format!("key = \"{lost}\"\nboard = \"sim\"\nplace = \"gone\"\n")),
        change("branches/main.toml", &format!("[validators]\n{lost} = 1\n")),
    ];
    let block = alices_block(&replica, &changes);
    let written = accept(&mut replica, &block).unwrap();
    assert_eq!(written, Status::Final { height: 1 });
    replica
}

fn accept(replica: &mut Replica<MemoryDepot>, block: &NewBlock) -> Result<Status, ReplicaError> {
    replica.accept(&name("front"), &[], block.id, &block.objects, now(2)).map(|written| written.status)
}

/// The first block of the branch `rescue`, on which `front` alone votes.
fn fork(replica: &Replica<MemoryDepot>) -> NewBlock {
    let front = key("front").public().id();
    let document = change("branches/rescue.toml", &format!("[validators]\n{front} = 1\n"));
    let meta = meta("Begin rescue");
    let draft = ledger::fork(replica.objects(), replica.main().block, name("rescue"), &[document], meta);
    draft.unwrap().sign(&key("alice")).unwrap()
}

fn meta(subject: &str) -> Meta {
    Meta { author: key("alice").public().id(), at: now(3).clock, subject: subject.into(), dapp: None }
}

fn follow(replica: Replica<MemoryDepot>, branch: &str) -> Replica<MemoryDepot> {
    let options = Options { branch: name(branch), ..options() };
    Replica::open(replica.into_depot(), options, now(4)).unwrap()
}

/// A box that went over to `rescue`, with alice's block that waited on main in it.
fn rescued() -> Replica<MemoryDepot> {
    let mut replica = orphaned();
    let waiting = person_block(&replica, "people/dora.toml", "waits");
    assert_eq!(accept(&mut replica, &waiting).unwrap(), Status::Waiting);
    let fork = fork(&replica);
    replica.begin_branch(fork.id, &fork.objects, now(3)).unwrap();
    let mut replica = follow(replica, "rescue");
    settle(&mut replica, 60_000);
    assert!(matches!(replica.status_of(waiting.id).unwrap(), Status::Final { .. }));
    replica
}

fn head(replica: &Replica<MemoryDepot>, branch: &str) -> BlockId {
    replica.depot().head(&RefName::Head(name(branch))).unwrap().unwrap()
}

fn events_of(replica: &Replica<MemoryDepot>, block: BlockId) -> u64 {
    let state = State::at(replica.objects(), block).unwrap();
    ledger::last_event(replica.objects(), &state, &name("front")).unwrap()
}

#[test]
fn what_waited_for_lost_validators_goes_into_the_fork() {
    let replica = rescued();
    let state = State::at_tree(replica.objects(), replica.main().tree);
    assert!(state.read(&"people/dora.toml".parse().unwrap()).unwrap().is_some());
    assert_eq!(replica.branches().unwrap().len(), 2);
}

#[test]
fn a_branch_begins_once_and_with_a_fork() {
    let mut replica = orphaned();
    let fork = fork(&replica);
    replica.begin_branch(fork.id, &fork.objects, now(3)).unwrap();
    let again = replica.begin_branch(fork.id, &fork.objects, now(3)).unwrap_err();
    assert!(matches!(again, ReplicaError::BranchExists(_)), "{again}");
    let block = person_block(&replica, "people/dora.toml", "x");
    let other = replica.begin_branch(block.id, &block.objects, now(3)).unwrap_err();
    assert!(matches!(other, ReplicaError::NotAFork(_)), "{other}");
    assert_eq!(replica.main().height, 1, "main is as it was");
}

#[test]
fn a_box_that_changes_branches_goes_on_with_its_line() {
    let mut replica = rescued();
    replica.write_events(&name("front"), &[event(1), event(2)], now(5)).unwrap();
    let on_rescue = replica.head_of(&key("front").public().id()).unwrap();
    let mut replica = follow(replica, "main");
    assert_eq!(replica.head_of(&key("front").public().id()), Some(on_rescue));
    let written = replica.write_events(&name("front"), &[event(3)], now(6)).unwrap();
    assert_eq!(written.status, Status::Waiting, "main has nobody to agree");
    let block = Block::read(replica.objects(), written.head.unwrap()).unwrap();
    assert_eq!((block.branch.as_str(), block.own(), block.sequence), ("main", Some(on_rescue), Some(2)));
    assert!(replica.clones().next().is_none());
    let replica = follow(replica, "rescue");
    assert_eq!(events_of(&replica, head(&replica, "rescue")), 2, "what was written for main stays main's");
}

#[test]
fn a_key_that_goes_on_with_two_branches_from_one_block_is_in_use_twice() {
    let mut replica = rescued();
    let own = replica.head_of(&key("alice").public().id());
    let draft = |replica: &Replica<MemoryDepot>, branch: &str| {
        let changes = [change("people/erik.toml", &format!("note = \"{branch}\"\n"))];
        let main = head(replica, branch);
        ledger::document_block(replica.objects(), main, own, &changes, meta("A note")).unwrap()
    };
    let rescue = draft(&replica, "rescue").sign(&key("alice")).unwrap();
    let main = draft(&replica, "main").sign(&key("alice")).unwrap();
    assert!(matches!(accept(&mut replica, &rescue).unwrap(), Status::Final { .. }));
    let error = accept(&mut replica, &main).unwrap_err();
    assert!(matches!(error, ReplicaError::SecondLine { .. }), "{error}");
}

#[test]
fn a_join_into_a_branch_that_is_not_followed_waits_for_that_branch() {
    let mut replica = rescued();
    replica.write_events(&name("front"), &[event(1)], now(5)).unwrap();
    let (main, rescue) = (head(&replica, "main"), head(&replica, "rescue"));
    let own = replica.head_of(&key("alice").public().id());
    let draft = ledger::join(replica.objects(), main, own, rescue, &Choices::new(), meta("Join"));
    let join = draft.unwrap().sign(&key("alice")).unwrap();
    assert_eq!(accept(&mut replica, &join).unwrap(), Status::Waiting);
    assert_eq!((head(&replica, "main"), head(&replica, "rescue")), (main, rescue), "neither moved");
    // The box that was lost is found: it has all that this one has.
    let lost = Options { key: key("lost"), ..options() };
    let mut found = Replica::open(replica.into_depot(), lost, now(10)).unwrap();
    let due = Now { elapsed: Millis(60_000), clock: now(11).clock };
    found.tick(due).unwrap();
    assert!(matches!(found.status_of(join.id).unwrap(), Status::Final { .. }));
    assert_eq!(events_of(&found, head(&found, "main")), 1);
    ledger::verify(found.objects(), head(&found, "main"), &mut |_| {}).unwrap();
    let replica = follow(found, "rescue");
    assert!(matches!(replica.status_of(join.id).unwrap(), Status::Final { .. }), "main's word is known here");
}

#[test]
fn the_vote_on_another_branch_is_no_misdeed_and_that_of_another_organisation_is() {
    let mut replica = rescued();
    let peer = key("lost").public().id();
    replica.connected(peer, now(5)).unwrap();
    let hello = Hello { protocol: SYNC_PROTOCOL, org: replica.org(), software: "test".into() };
    replica.frame(peer, &Message::Hello(hello).to_bytes(), now(5)).unwrap();
    for (org, is_misdeed) in [(replica.org(), false), (OrgId::new([9; 32]), true)] {
        let (kind, block) = (BallotKind::Prevote, Some(BlockId::new([1; 32])));
        let ballot = Ballot { org, branch: name("main"), height: 2, round: 0, kind, block };
        let vote = finality::Message::Ballot(ballot.sign(&key("lost"))).to_bytes();
        replica.frame(peer, &Message::Gossip(vote).to_bytes(), now(6)).unwrap();
        let misdeeds = replica.take_effects();
        let misdeeds = misdeeds.iter().filter(|effect| matches!(effect, Effect::Misdeed { .. }));
        assert_eq!(misdeeds.count() > 0, is_misdeed);
    }
}

#[test]
fn a_power_cut_while_a_branch_begins_leaves_it_begun_or_not() {
    for cut in 1..4 {
        let mut replica = orphaned();
        let fork = fork(&replica);
        replica.depot_mut().cut_power_at(Some(cut));
        let begun = replica.begin_branch(fork.id, &fork.objects, now(3)).is_ok();
        let mut depot = replica.into_depot();
        depot.restart();
        let replica = open(depot);
        assert!(!begun || replica.branches().unwrap().len() == 2, "cut at {cut}");
    }
}
