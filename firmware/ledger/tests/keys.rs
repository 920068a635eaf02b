//! Keys that are replaced: by their holder's own word, or by somebody with the right.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a failed test")]

mod common;

use common::*;
use ledger::{Change, DraftError, Owner, State, document_block, event_block};
use model::Millis;

fn new_key(file: &str, owner: &str) -> Change {
    let public = key(file).public();
    let text = format!("public = \"{public}\"\nowner = \"{owner}\"\nlabel = \"new\"\nadded = 1000\n");
    change(&format!("keys/{}.toml", id(file)), &text)
}

/// What replaces the key of a person: the new one, and the mark on the old one.
fn rotation(owner: &str, to: &str) -> Vec<Change> {
    let name = owner.split(':').nth(1).unwrap();
    let with = |mut change: Change, line: &str| {
        change.content.as_mut().unwrap().extend(line.bytes());
        change
    };
    let new = with(new_key(to, owner), &format!("replaces = \"{}\"\n", id(name)));
    let old = with(key_document(owner), &format!("\n[replaced]\nat = 5\nby = \"{}\"\n", id(to)));
    vec![new, old]
}

fn node_rotation(node: &str, to: &str) -> Vec<Change> {
    let mut changes = rotation(&format!("node:{node}"), to);
    let text = format!("key = \"{}\"\nboard = \"sim\"\nplace = \"door\"\n", id(to));
    changes.push(change(&format!("nodes/{node}.toml"), &text));
    changes
}

fn refused(draft: Result<ledger::Draft, DraftError>) -> String {
    draft.unwrap_err().to_string()
}

#[test]
fn a_person_replaces_a_key_whatever_the_policy_says_of_keys() {
    let mut house = House::new();
    assert!(house.change("carol", &rotation("person:carol", "carol2")).is_empty());
    let erik = [change("people/erik.toml", "name = \"Erik\"\n")];
    assert!(refused(house.draft("carol", &erik)).contains("replaced by the key"));
    let meta = house.meta("carol2");
    let draft = document_block(&house.store, house.main, None, &erik, meta).unwrap();
    let block = house.keep("carol2", draft.sign(&key("carol2")).unwrap());
    assert!(house.merge(&[block]).is_empty());
    house.verify().unwrap();
}

#[test]
fn a_key_beside_the_old_one_or_for_somebody_else_needs_the_policys_leave() {
    let mut house = House::new();
    let two = [rotation("person:carol", "carol2"), vec![new_key("carol3", "person:carol")]].concat();
    let other = vec![new_key("carol2", "person:alice"), rotation("person:carol", "carol2").remove(1)];
    let and_more = [rotation("person:carol", "carol2"), vec![change("org.toml", "name = \"X\"\n")]].concat();
    let node = [rotation("person:carol", "carol2"), node_rotation("back", "back2")].concat();
    for changes in [vec![new_key("carol2", "person:carol")], two, other, and_more, node] {
        let fault = refused(house.draft("carol", &changes));
        assert!(fault.contains("may not write it") || fault.contains("org.toml"), "{fault}");
    }
    let more = vec![new_key("carol2", "person:carol")];
    assert!(house.change("alice", &more).is_empty(), "a second device, by one who may");
}

#[test]
fn a_node_replaces_its_key_and_the_new_one_goes_on_with_the_log() {
    let mut house = House::new();
    house.events("back", 3);
    let block = house.write("back", &node_rotation("back", "back2"));
    assert!(house.merge(&[block]).is_empty(), "the events of the run and the new key go in together");
    assert_eq!(house.last_event("back"), 3);
    let draft = |house: &mut House, author: &str, own, seq| {
        let meta = house.meta(author);
        event_block(&house.store, house.main, own, &name("back"), &[event(seq)], meta)
    };
    assert!(draft(&mut house, "back", Some(block), 4).is_err(), "the old key is out");
    let next = draft(&mut house, "back2", None, 4).unwrap();
    let next = house.keep("back2", next.sign(&key("back2")).unwrap());
    assert!(house.merge(&[next]).is_empty());
    assert_eq!(house.verify().unwrap().events, 4);
}

#[test]
fn a_validator_hands_its_weight_to_its_new_key_and_no_more() {
    let mut house = House::new();
    let weights = |front: &str, weight: u8| {
        change("branches/main.toml", &format!("[validators]\n{} = {weight}\n{} = 1\n", id(front), id("back")))
    };
    house.change("alice", &[weights("front", 5)]);
    let made = {
        let state = ledger::State::at(&house.store, house.main).unwrap();
        let public = key("front2").public();
        ledger::replace_key(&state, &id("front"), &public, "new", Millis(5)).unwrap()
    };
    let with = |weight| [node_rotation("front", "front2"), vec![weights("front2", weight)]].concat();
    let fault = refused(house.draft("front", &with(6)));
    assert!(fault.contains("branches/main.toml"), "{fault}");
    house.draft("front", &with(5)).unwrap();
    let block = house.write("front", &made);
    assert!(house.merge(&[block]).is_empty());
    let carol = house.write("carol", &[change("people/erik.toml", "name = \"Erik\"\n")]);
    house.validator = "front2";
    assert!(house.merge(&[carol]).is_empty());
    house.verify().unwrap();
}

#[test]
fn a_thief_who_replaces_a_key_loses_the_new_one_with_the_old_in_every_order() {
    let mut house = House::new();
    let thief = house.write("carol", &rotation("person:carol", "carol2"));
    let alice = house.write("alice", &[revoked_key("person:carol", "alice", 9)]);
    for merges in [vec![vec![thief, alice]], vec![vec![alice], vec![thief]], vec![vec![thief], vec![alice]]] {
        let before = house.main;
        for heads in &merges {
            house.merge(heads);
        }
        for thiefs in ["carol", "carol2"] {
            let meta = house.meta(thiefs);
            let changes = [change("people/x.toml", "name = \"X\"\n")];
            let draft = document_block(&house.store, house.main, None, &changes, meta);
            assert!(draft.is_err(), "{thiefs} has power after {merges:?}");
        }
        house.verify().unwrap();
        house.main = before;
    }
}

#[test]
fn what_says_that_a_key_was_replaced_stays() {
    let mut house = House::new();
    house.change("carol", &rotation("person:carol", "carol2"));
    let back = refused(house.draft("alice", &[key_document("person:carol")]));
    assert!(back.contains("once and for ever"), "{back}");
    let free = refused(house.draft("alice", &[new_key("carol2", "person:carol")]));
    assert!(free.contains("once and for ever"), "{free}");
}

#[test]
fn a_lost_node_that_is_revoked_has_no_weight_and_stops_nobody() {
    let mut house = House::new();
    let three = ["front", "back"].map(|node| format!("{} = 1\n", id(node))).concat();
    house.change("alice", &[change("branches/main.toml", &format!("[validators]\n{three}"))]);
    let head = house.write("alice", &[revoked_key("node:back", "alice", 9)]);
    let merged = house.try_merge(&[head]);
    let block = merged.draft.unwrap().sign(&key("front")).unwrap();
    house.store.store(&block.objects);
    let branch = name("main");
    let validators = ledger::finality::Validators::at(&house.store, block.id, &branch).unwrap();
    assert!(validators.alone(&id("front")) && validators.total() == 1);
}

#[test]
fn release_signers_are_the_policys_with_the_keys_that_have_power() {
    let mut house = House::new();
    let signers = |house: &House, channel: &str| {
        State::at(&house.store, house.main).unwrap().release_signers(&name(channel)).unwrap()
    };
    assert_eq!(signers(&house, "stable"), None);
    let releases = "[releases.stable]\nthreshold = 2\nsigners = [\"release:images\", \"person:carol\"]\n";
    let image_key = change(
        &format!("keys/{}.toml", id("images")),
        &format!(
            "added = 1000\nlabel = \"token\"\nowner = \"release:images\"\npublic = \"{}\"\n",
            key("images").public()
        ),
    );
    assert!(
        house.change("alice", &[change("policy.toml", &format!("{POLICY}{releases}")), image_key]).is_empty()
    );
    assert!(house.change("carol", &rotation("person:carol", "carol2")).is_empty());
    let stable = signers(&house, "stable").unwrap();
    assert_eq!(stable.threshold, 2);
    let owner = |text: &str| text.parse::<Owner>().unwrap();
    let images = (owner("release:images"), vec![key("images").public()]);
    let carol = (owner("person:carol"), vec![key("carol2").public()]);
    assert_eq!(stable.signers, [images, carol], "the replaced key has no power any more");
    assert_eq!(signers(&house, "beta"), None);
}
