//! An organisation's life as the rules want it: people and nodes write, main takes it in, keys are revoked.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a failed test")]

mod common;

use common::*;
use ledger::{BlockKind, State};
use model::Millis;

#[test]
fn what_people_and_nodes_write_is_on_main_and_verifies() {
    let mut house = House::new();
    let dora = "name = \"Dora\"\nplan = \"half\" # less\nstate = \"active\"\n";
    let documents = house.write("carol", &[change("people/dora.toml", dora)]);
    let events = house.events("front", 3);
    assert!(house.merge(&[documents, events]).is_empty());
    assert_eq!(house.document("people/dora.toml").unwrap().get(&["plan"]).unwrap().as_str(), Some("half"));
    let again = house.events("front", 2);
    assert!(house.merge(&[again]).is_empty());
    let report = house.verify().unwrap();
    assert_eq!((report.height, report.blocks, report.events), (2, 6, 5));
    assert_eq!(house.read(house.main).height, Some(2));
}

#[test]
fn a_block_says_who_when_and_after_what() {
    let mut house = House::new();
    let first = house.events("front", 2);
    let second = house.events("front", 1);
    let block = house.read(second);
    assert_eq!((block.kind, block.sequence, block.events.clone()), (BlockKind::Events, Some(2), Some(3..=3)));
    assert_eq!(block.parents, [house.main, first]);
    assert_eq!(block.author_name.as_str(), "front");
    assert_eq!(block.org, house.read(house.main).id.into());
    let files = State::at(&house.store, second).unwrap().list("log").unwrap();
    let names: Vec<&str> = files.iter().map(model::StatePath::as_str).collect();
    assert_eq!(names, ["log/front/1970-01/01/000001.jsonl", "log/front/1970-01/01/000002.jsonl"]);
}

#[test]
fn a_box_that_is_ahead_of_main_goes_on_and_loses_nothing() {
    let mut house = House::new();
    let first = house.events("back", 1);
    house.change("alice", &[change("doorbot/doors/a.toml", "open = 1\n")]);
    let second = house.events("back", 1);
    house.merge(&[first]);
    let third = house.events("back", 1);
    let (second_block, third_block) = (house.read(second), house.read(third));
    assert_eq!(second_block.own(), Some(first));
    assert_eq!(third_block.main(), Some(house.main));
    assert!(house.merge(&[third]).is_empty());
    let report = house.verify().unwrap();
    assert_eq!((report.events, report.height), (3, 3));
}

#[test]
fn documents_that_wait_for_main_are_built_upon() {
    let mut house = House::new();
    house.write("carol", &[change("people/erik.toml", "name = \"Erik\"\n")]);
    house.change("alice", &[change("doorbot/doors/a.toml", "open = 1\n")]);
    let head = house.write("carol", &[change("people/fred.toml", "name = \"Fred\"\n")]);
    assert!(house.merge(&[head]).is_empty());
    assert!(house.document("people/erik.toml").is_some() && house.document("people/fred.toml").is_some());
    assert!(house.document("doorbot/doors/a.toml").is_some());
    house.verify().unwrap();
}

#[test]
fn what_main_removed_does_not_come_back_with_the_next_block_of_its_author() {
    let mut house = House::new();
    let erik = house.write("carol", &[change("people/erik.toml", "name = \"Erik\"\n")]);
    house.merge(&[erik]);
    let late = house.write("carol", &[change("people/fred.toml", "name = \"Fred\"\n")]);
    house.change("alice", &[remove("people/erik.toml")]);
    assert!(house.merge(&[late]).is_empty());
    assert!(house.document("people/erik.toml").is_none());
    house.verify().unwrap();
}

#[test]
fn a_conflict_leaves_the_documents_out_says_why_and_can_be_mended() {
    let mut house = House::new();
    let ours = house
        .write("bob", &[change("people/dora.toml", "name = \"Dora\"\nplan = \"a\"\nstate = \"active\"\n")]);
    let theirs = house
        .write("carol", &[change("people/dora.toml", "name = \"Dora\"\nplan = \"b\"\nstate = \"active\"\n")]);
    let left_out = house.merge(&[theirs, ours]);
    assert_eq!(left_out.len(), 1);
    assert_eq!(left_out[0].0, theirs, "the later one stays out");
    assert!(
        left_out[0].1.contains("people/dora.toml (plan): main has \"a\", the block has \"b\""),
        "{left_out:?}"
    );
    assert_eq!(house.read(house.main).left_out, left_out);
    let text = "name = \"Dora\"\nplan = \"b\"\nstate = \"active\"\n";
    let draft = house.draft("carol", &[change("people/dora.toml", text)]).unwrap();
    assert!(draft.abandoned().unwrap().contains("people/dora.toml"));
    let block = draft.sign(&key("carol")).unwrap();
    let mended = house.keep("carol", block);
    assert!(house.merge(&[mended]).is_empty());
    house.verify().unwrap();
}

#[test]
fn events_go_in_even_where_the_documents_of_their_node_stay_out() {
    let mut house = House::new();
    house.write_for("back", "desk", &[change("people/dora.toml", "name = \"D\"\nplan = \"a\"\n")]).unwrap();
    let back = house.events("back", 2);
    let left_out = house.change(
        "alice",
        &[change("people/dora.toml", "name = \"Dora B\"\nplan = \"full\"\nstate = \"active\"\n")],
    );
    assert!(left_out.is_empty());
    let left_out = house.merge(&[back]);
    assert_eq!(left_out.len(), 1);
    let merge = house.read(house.main);
    assert_eq!((merge.heads(), merge.left_out.len()), (&[back][..], 1));
    assert_eq!(house.document("people/dora.toml").unwrap().get(&["name"]).unwrap().as_str(), Some("Dora B"));
    let more = house.events("back", 1);
    assert!(house.merge(&[more]).is_empty(), "what was left out is not offered again");
    assert_eq!(house.verify().unwrap().events, 3);
}

#[test]
fn a_dapp_writes_where_a_rule_and_its_manifest_let_it() {
    let mut house = House::new();
    let head = house.write_for("front", "desk", &[change("people/gina.toml", "name = \"Gina\"\n")]).unwrap();
    assert!(house.merge(&[head]).is_empty());
    let text = |house: &mut House, dapp: &str, at: &str| {
        house.write_for("front", dapp, &[change(at, "a = 1\n")]).unwrap_err().to_string()
    };
    assert!(text(&mut house, "desk", "doorbot/doors/x.toml").contains("no rule"));
    assert!(text(&mut house, "ghost", "people/x.toml").contains("no dapp ghost"));
    house.change("alice", &[change("dapps/desk/dapp.toml", "name = \"desk\"\nwrites = []\n")]);
    assert!(text(&mut house, "desk", "people/x.toml").contains("`writes`"));
    house.verify().unwrap();
}

#[test]
fn a_revoked_key_signs_nothing_and_what_it_wrote_meanwhile_stays_out() {
    let mut house = House::new();
    let meanwhile = house.write("bob", &[change("people/erik.toml", "name = \"Erik\"\n")]);
    assert!(house.change("alice", &[revoked_key("person:bob", "alice", 5)]).is_empty());
    let left_out = house.merge(&[meanwhile]);
    assert!(left_out[0].1.contains("was revoked by alice: lost"), "{left_out:?}");
    assert!(house.document("people/erik.toml").is_none());
    let error = house.draft("bob", &[change("people/erik.toml", "name = \"Erik\"\n")]).unwrap_err();
    assert!(error.to_string().contains("was revoked by alice"), "{error}");
    house.verify().unwrap();
}

#[test]
fn the_door_log_of_a_revoked_node_is_kept() {
    let mut house = House::new();
    house.write_for("back", "desk", &[change("people/erik.toml", "name = \"Erik\"\n")]).unwrap();
    let back = house.events("back", 4);
    house.change("alice", &[revoked_key("node:back", "alice", 5)]);
    let left_out = house.merge(&[back]);
    assert!(left_out[0].1.contains("revoked"), "{left_out:?}");
    assert!(house.document("people/erik.toml").is_none());
    assert_eq!(house.verify().unwrap().events, 4);
}

#[test]
fn a_node_with_a_new_key_goes_on_with_the_log_and_the_old_key_no_more() {
    let mut house = House::new();
    let first = house.events("back", 2);
    house.merge(&[first]);
    let late = house.events("back", 3);
    let mut spare = key_document("node:spare");
    spare.content =
        spare.content.map(|text| String::from_utf8(text).unwrap().replace("node:spare", "node:back").into());
    let node = format!("key = \"{}\"\nboard = \"sim\"\nplace = \"door\"\n", id("spare"));
    let changes = [spare, change("nodes/back.toml", &node), revoked_key("node:back", "alice", 5)];
    assert!(house.change("alice", &changes).is_empty());
    let meta = house.meta("spare");
    let draft =
        ledger::event_block(&house.store, house.main, None, &name("back"), &[event(3)], meta).unwrap();
    let next = house.keep("spare", draft.sign(&key("spare")).unwrap());
    let left_out = house.merge(&[late, next]);
    assert_eq!(left_out.len(), 1);
    assert!(left_out[0].1.contains("another key on main"), "{left_out:?}");
    assert_eq!(house.verify().unwrap().events, 3);
}

#[test]
fn a_revocation_goes_in_before_what_the_revoked_wrote_at_the_same_time() {
    let mut house = House::new();
    let bob = house.write("bob", &[change("people/erik.toml", "name = \"Erik\"\n")]);
    let alice = house.write("alice", &[revoked_key("person:bob", "alice", 5)]);
    let left_out = house.merge(&[bob, alice]);
    assert_eq!(left_out.len(), 1);
    assert_eq!(left_out[0].0, bob);
    house.verify().unwrap();
}

#[test]
fn two_owners_who_revoke_each_other_do_not_lock_everybody_out() {
    let mut house = House::new();
    let one = house.write("alice", &[revoked_key("person:bob", "alice", 5)]);
    let other = house.write("bob", &[revoked_key("person:alice", "bob", 5)]);
    let left_out = house.merge(&[other, one]);
    assert_eq!(left_out.len(), 1);
    assert_eq!(left_out[0].0, other);
    house.verify().unwrap();
}

#[test]
fn a_clock_in_1970_gives_the_time_of_the_parents() {
    let mut house = House::new();
    house.events("front", 1);
    let before = house.read(house.own[&id("front")]).at;
    house.now = 0;
    let block = house.events("front", 1);
    assert_eq!(house.read(block).at, before);
    assert!(before > Millis(0));
    house.merge(&[block]);
    house.verify().unwrap();
}

#[test]
fn merging_nothing_new_makes_no_block() {
    let mut house = House::new();
    let head = house.events("front", 1);
    house.merge(&[head]);
    let again = house.try_merge(&[head, head]);
    assert!(again.draft.is_none() && again.left_out.is_empty());
    assert!(house.try_merge(&[]).draft.is_none());
    let left_out = house.try_merge(&[house.main]).left_out;
    assert!(left_out[0].1.to_string().contains("no writer's block"));
}

#[test]
fn a_store_that_fails_anywhere_gives_an_error_and_never_a_wrong_answer() {
    let mut house = House::new();
    let head = house.write("carol", &[change("people/erik.toml", "name = \"Erik\"\n")]);
    let meta = house.meta("front");
    let whole = ledger::merge_block(&house.store, house.main, &[head], meta.clone()).unwrap();
    let before = house.store.reads();
    ledger::merge_block(&house.store, house.main, &[head], meta.clone()).unwrap();
    for nth in 1..=house.store.reads() - before {
        house.store.fail_at(nth);
        let error = ledger::merge_block(&house.store, house.main, &[head], meta.clone()).unwrap_err();
        assert!(error.is_store_failure(), "read {nth}: {error}");
    }
    let again = ledger::merge_block(&house.store, house.main, &[head], meta).unwrap();
    assert_eq!(again.draft, whole.draft);
}

#[test]
fn the_state_is_read_without_decoding_what_is_not_asked_for() {
    let mut house = House::new();
    let many: Vec<_> = (0..200).map(|n| change(&format!("people/p{n}.toml"), "name = \"P\"\n")).collect();
    house.change("alice", &many);
    let state = State::at(&house.store, house.main).unwrap();
    let before = house.store.reads();
    assert!(state.document(&path("people/p77.toml")).unwrap().is_some());
    assert_eq!(house.store.reads() - before, 3, "root, people, the document");
    assert_eq!(state.documents("people").unwrap().len(), 201);
    assert!(state.list("nothing").unwrap().is_empty());
    assert_eq!(state.list("").unwrap().len(), state.list("people").unwrap().len() + 11);
    assert!(state.read(&path("people")).unwrap().is_none());
}
