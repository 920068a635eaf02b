//! Certificates and checkpoints: what shows that a block is final, and where belief begins.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a failed test")]

mod common;

use common::*;
use ledger::{
    Block, BlockFault, FinalityFault, Objects, check_block,
    finality::{Ballot, BallotKind, Certificate},
    verify, verify_from, verify_head,
};
use model::BlockId;

/// A house with four validators of equal weight.
fn four() -> House {
    let mut house = House::new();
    let nodes = ["front", "back", "side", "yard"];
    let weights: String = nodes.iter().map(|node| format!("{} = 1\n", id(node))).collect();
    let mut changes = vec![key_document("node:side"), key_document("node:yard")];
    changes.push(change("branches/main.toml", &format!("[validators]\n{weights}")));
    assert!(house.change("alice", &changes).is_empty(), "still by the one validator of before");
    house
}

fn certificate(block: &Block, signers: &[&str]) -> Certificate {
    let (org, branch, height, round) = (block.org, block.branch.clone(), block.height.unwrap(), 2);
    let ballot = Ballot {
        org,
        branch: branch.clone(),
        height,
        round,
        kind: BallotKind::Precommit,
        block: Some(block.id),
    };
    let vote = |name: &&str| (id(name), ballot.clone().sign(&key(name)).signature);
    Certificate {
        org,
        branch,
        height,
        round,
        block: block.id,
        signatures: signers.iter().map(vote).collect(),
    }
}

/// A merge of a new document onto main, with a certificate of main if one is given.
fn next(house: &mut House, certificate: Option<&Certificate>) -> BlockId {
    let at = format!("people/p{}.toml", house.now);
    let head = house.write("carol", &[change(&at, "name = \"P\"\n")]);
    let draft = house.try_merge(&[head]).draft.unwrap();
    let draft = certificate.into_iter().fold(draft, |draft, certificate| draft.with_certificate(certificate));
    let block = draft.sign(&key(house.validator)).unwrap();
    house.store.store(&block.objects);
    block.id
}

#[test]
fn a_merge_carries_the_certificate_of_the_block_below_it() {
    let mut house = four();
    house.main = next(&mut house, None);
    let below = house.read(house.main);
    let good = certificate(&below, &["front", "side", "yard"]);
    let few = certificate(&below, &["front", "side"]);
    let stranger = certificate(&below, &["front", "side", "carol"]);
    for (given, part) in [(None, "nothing shows"), (Some(few), "2 of 4"), (Some(stranger), "no validator")] {
        let block = next(&mut house, given.as_ref());
        let fault = house.fault(&house.read(block));
        assert!(fault.contains(part), "{fault:?} does not say {part:?}");
    }
    house.own.clear();
    house.own.insert(id("carol"), house.read(below.id).heads()[0]);
    let block = next(&mut house, Some(&good));
    check_block(&house.store, &house.read(block)).unwrap();
    assert_eq!(house.read(block).certificate, Some(good));
    let report = verify(&house.store, block, &mut |_| {}).unwrap();
    assert!(!report.is_final);
}

#[test]
fn the_certificate_of_the_head_is_given_apart() {
    let mut house = four();
    house.main = next(&mut house, None);
    let head = house.read(house.main);
    let good = certificate(&head, &["front", "back", "side"]);
    verify_head(&house.store, head.id, Some(&good)).unwrap();
    assert!(verify_head(&house.store, head.id, None).is_err());
    let mut other = good.clone();
    other.signatures.insert(id("yard"), [7; 64]);
    assert!(verify_head(&house.store, head.id, Some(&other)).is_err(), "one signature is false");
    let mut replayed = good;
    replayed.height += 1;
    let fault = verify_head(&house.store, head.id, Some(&replayed)).unwrap_err();
    assert!(matches!(*fault.fault, BlockFault::Final(FinalityFault::OtherBlock { .. })));
}

#[test]
fn a_fork_needs_no_certificate_and_carries_none_of_its_own() {
    let mut house = four();
    let fork = house.fork("carol", "lab", "back", None);
    let fork = house.read(fork);
    let certificate = certificate(&fork, &["back"]);
    let carrying = next(&mut house, Some(&certificate));
    assert!(matches!(check_block(&house.store, &house.read(carrying)), Err(BlockFault::Final(_))));
}

#[test]
fn from_a_checkpoint_the_past_is_what_its_ids_say_and_no_other() {
    let mut house = House::new();
    let front = house.events("front", 3);
    house.change("alice", &[change("people/a.toml", "name = \"A\"\n")]);
    house.merge(&[front]);
    let checkpoint = house.main;
    let back = house.events("back", 2);
    house.merge(&[back]);
    let front = house.events("front", 1);
    house.merge(&[front]);
    let report = verify_from(&house.store, checkpoint, house.main, &mut |_| {}).unwrap();
    assert_eq!((report.events, report.height, report.is_final), (3, 4, true));
    assert_eq!(report.blocks, 4, "two merges and what they took in");
    verify_from(&house.store, checkpoint, checkpoint, &mut |_| {}).unwrap();
    // Whoever holds the keys of old makes another past, with more blocks.
    let true_head = house.main;
    house.main = house.read(checkpoint).parents[0];
    house.own.clear();
    for n in 0..9 {
        house.change("bob", &[change(&format!("people/b{n}.toml"), "name = \"B\"\n")]);
    }
    verify(&house.store, house.main, &mut |_| {}).unwrap();
    let error = verify_from(&house.store, checkpoint, house.main, &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains("another past than the pinned one"), "{error}");
    let below = house.read(checkpoint).parents[0];
    let other = house.store.read(&checkpoint.into()).unwrap().unwrap();
    house.store.put_as(below.into(), other);
    let error = verify_from(&house.store, checkpoint, true_head, &mut |_| {}).unwrap_err();
    assert_eq!(error.block, below, "a block below that is not what its id says");
}

#[test]
fn a_rule_that_is_broken_above_the_checkpoint_is_found() {
    let mut house = House::new();
    house.change("alice", &[change("people/a.toml", "name = \"A\"\n")]);
    let checkpoint = house.main;
    house.change("alice", &[change("people/b.toml", "name = \"B\"\n")]);
    let merge = house.read(house.main);
    let forged = house.forged(&Forged::like(&merge, "back"));
    let error = verify_from(&house.store, checkpoint, forged.id, &mut |_| {}).unwrap_err();
    assert!(matches!(*error.fault, BlockFault::NotValidator { .. }));
}
