//! Revocations win: over everything that was written at the same time, in every order in which it is merged.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a failed test")]

mod common;

use common::*;
use ledger::{Change, State, replace_key};
use model::{BlockId, Millis, SigningKey};
use proptest::prelude::*;
use std::collections::BTreeMap;

const PEOPLE: [&str; 4] = ["alice", "bob", "erik", "fred"];

/// What one person does with one key, all from the same state.
#[derive(Debug, Clone)]
enum Deed {
    /// Writes a document of its own.
    Write,
    /// Revokes the key of another.
    Revoke(usize),
    /// Gives the key up for a new one, as a thief would who has a copy of it.
    Replace,
}

/// The second key of a person, made by a replacement.
fn second(person: usize) -> SigningKey {
    key(&format!("{}2", PEOPLE[person]))
}

/// Four people, all of them owners, so that each may revoke each.
fn house() -> House {
    let mut house = House::new();
    let owners = POLICY.replace("\"alice\", \"bob\"", "\"alice\", \"bob\", \"erik\", \"fred\"");
    let keys = ["person:erik", "person:fred"].map(key_document);
    let changes = [vec![change("policy.toml", &owners)], keys.to_vec()].concat();
    assert!(house.change("alice", &changes).is_empty());
    house
}

fn changes(house: &House, person: usize, deed: &Deed) -> Vec<Change> {
    let state = State::at(&house.store, house.main).unwrap();
    let name = PEOPLE[person];
    match deed {
        Deed::Write => vec![change(&format!("people/by-{name}.toml"), "name = \"X\"\n")],
        Deed::Revoke(other) => vec![revoked_key(&format!("person:{}", PEOPLE[*other]), name, 7)],
        Deed::Replace => {
            replace_key(&state, &id(name), &second(person).public(), "new", Millis(1000)).unwrap()
        }
    }
}

/// Writes all deeds from one state; a later deed of one person is a block on that person's earlier one.
fn write(house: &mut House, deeds: &[(usize, Deed)]) -> Vec<(usize, Deed, BlockId)> {
    let mut heads = Vec::new();
    let ground = house.main;
    for (person, deed) in deeds {
        // A key that was given up in an earlier block of the run would not be given up again.
        let changes = changes(house, *person, deed);
        let Ok(draft) = house.draft(PEOPLE[*person], &changes) else { continue };
        let block = draft.sign(&key(PEOPLE[*person])).unwrap();
        heads.push((*person, deed.clone(), house.keep(PEOPLE[*person], block)));
    }
    assert_eq!(house.main, ground);
    heads
}

fn has_power(house: &House, key: &SigningKey) -> bool {
    let state = State::at(&house.store, house.main).unwrap();
    state.key(&key.public().id()).unwrap().is_some_and(|key| key.revoked.is_none())
}

/// Merges in the given order, so many heads at once, and holds every step to the rules.
fn merge_and_check(house: &mut House, heads: &[(usize, Deed, BlockId)], order: &[usize], together: usize) {
    let mut powerless: BTreeMap<String, BlockId> = BTreeMap::new();
    let mut reasons: BTreeMap<BlockId, String> = BTreeMap::new();
    for some in order.chunks(together) {
        let offered: Vec<BlockId> = some.iter().map(|at| heads[*at].2).collect();
        reasons.extend(house.merge(&offered));
        for key in (0..PEOPLE.len()).flat_map(|person| [key(PEOPLE[person]), second(person)]) {
            let id = key.public().id().to_string();
            let power = has_power(house, &key);
            assert!(!power || !powerless.contains_key(&id), "{id} has power again");
            let known = State::at(&house.store, house.main).unwrap().key(&key.public().id()).unwrap();
            if !power && known.is_some() {
                powerless.insert(id, house.main);
            }
        }
    }
    let twice = reasons.values().find(|why| why.contains("another line"));
    assert!(twice.is_none(), "nobody's key was in use twice: {order:?} {together} {heads:?} {reasons:?}");
    for (person, deed, _) in heads {
        let Deed::Revoke(other) = deed else { continue };
        let done = !has_power(house, &key(PEOPLE[*other])) && !has_power(house, &second(*other));
        let revoker_is_out = !has_power(house, &key(PEOPLE[*person]));
        // The marks of a run go in together: what would lock all out may be another block of it.
        let of_run = |(who, _, head): &&(usize, Deed, BlockId)| who == person && reasons.contains_key(head);
        let locks_out = |why: &String| why.contains("nobody could change policy.toml");
        let nobody_left = heads.iter().filter(of_run).any(|(_, _, head)| locks_out(&reasons[head]));
        assert!(
            done || revoker_is_out || nobody_left,
            "{} did not lose its power: {order:?} {together} {reasons:?}",
            PEOPLE[*other]
        );
    }
    house.verify().unwrap();
}

fn in_all_orders(deeds: &[(usize, Deed)]) {
    let mut house = house();
    let heads = write(&mut house, deeds);
    let before = house.main;
    for order in permutations(heads.len()) {
        for together in [1, 2, heads.len()] {
            house.main = before;
            merge_and_check(&mut house, &heads, &order, together);
        }
    }
}

#[test]
fn in_all_orders_a_stolen_key_that_is_replaced_and_writes_is_out() {
    in_all_orders(&[(0, Deed::Revoke(2)), (2, Deed::Replace), (1, Deed::Write), (3, Deed::Revoke(2))]);
}

#[test]
fn in_all_orders_two_who_revoke_each_other_are_not_both_in_power() {
    in_all_orders(&[(0, Deed::Revoke(1)), (1, Deed::Revoke(0)), (2, Deed::Write), (3, Deed::Revoke(2))]);
}

#[test]
fn in_all_orders_a_ring_of_revocations_leaves_somebody_to_go_on() {
    in_all_orders(&[(0, Deed::Revoke(1)), (1, Deed::Revoke(2)), (2, Deed::Revoke(3)), (3, Deed::Revoke(0))]);
}

#[test]
fn who_revokes_two_of_whom_one_is_revoked_already_revokes_the_other() {
    for (first, second) in [(5, 9), (9, 5)] {
        let mut house = house();
        let alice = house.write("alice", &[revoked_key("person:erik", "alice", first)]);
        let both = ["person:erik", "person:fred"].map(|owner| revoked_key(owner, "alice", second));
        let bob = house.write("bob", &both);
        for head in [alice, bob] {
            let left_out = house.merge(&[head]);
            assert!(left_out.is_empty(), "{left_out:?}");
        }
        assert!(!has_power(&house, &key("fred")));
        let mark = house.document(&format!("keys/{}.toml", id("erik"))).unwrap();
        assert_eq!(
            mark.get(&["revoked", "at"]).unwrap().as_integer(),
            Some(first as i64),
            "the first mark stays"
        );
    }
}

#[test]
fn what_a_head_revokes_goes_in_though_its_other_documents_conflict() {
    let mut house = house();
    let plan = |plan: &str| {
        let text = format!("name = \"Dora\"\nplan = \"{plan}\"\nstate = \"active\"\n");
        [change("people/dora.toml", &text)]
    };
    let bob = house.write("bob", &plan("bob"));
    house.write("alice", &[revoked_key("person:erik", "alice", 5)]);
    let alice = house.write("alice", &plan("alice"));
    assert!(house.merge(&[bob]).is_empty());
    let left_out = house.merge(&[alice]);
    assert!(left_out[0].1.contains("plan"), "{left_out:?}");
    assert!(!has_power(&house, &key("erik")));
    assert!(house.text("people/dora.toml").unwrap().contains("bob"));
    house.verify().unwrap();
}

fn deed() -> impl Strategy<Value = (usize, Deed)> {
    let what = prop_oneof![
        2 => Just(Deed::Write),
        3 => (0..PEOPLE.len()).prop_map(Deed::Revoke),
        1 => Just(Deed::Replace),
    ];
    (0..PEOPLE.len(), what)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn in_random_orders_of_many_deeds_no_revoked_key_has_power(
        deeds in prop::collection::vec(deed(), 4..12),
        shuffle in any::<u64>(),
        together in 1..6usize,
    ) {
        let mut house = house();
        let heads = write(&mut house, &deeds);
        let mut order: Vec<usize> = (0..heads.len()).collect();
        let mut seed = shuffle;
        for at in (1..order.len()).rev() {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            order.swap(at, (seed >> 33) as usize % (at + 1));
        }
        merge_and_check(&mut house, &heads, &order, together);
    }
}
