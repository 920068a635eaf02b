//! Merging in every order: the trees agree, and what was revoked is revoked, whoever came first.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a failed test")]

mod common;

use common::*;
use ledger::{Change, Layered, MemoryObjects, NewObjects, State, document_block, merge};
use model::{BlockId, ObjectId};
use proptest::prelude::*;

/// What a branch does to the documents.
#[derive(Debug, Clone)]
enum Deed {
    /// Adds a document of its own.
    Add,
    /// Changes a key of its own in a shared document.
    Change(u8),
    /// Sets the one key that all may set.
    Clash(u8),
    /// Revokes the badge of the shared document.
    Revoke(u8),
    /// Removes the shared document.
    Remove,
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        Just(Deed::Add),
        (0..3u8).prop_map(Deed::Change),
        (0..2u8).prop_map(Deed::Clash),
        (0..3u8).prop_map(Deed::Revoke),
        Just(Deed::Remove),
    ]
}

/// The changes of branch number `branch`.
fn changes(branch: usize, deeds: &[Deed]) -> Vec<Change> {
    let (mut own, mut keys, mut badge) = (Vec::new(), String::new(), String::new());
    for deed in deeds {
        match deed {
            Deed::Add => own.push(change(&format!("people/p{branch}.toml"), "name = \"P\"\n")),
            Deed::Change(value) => keys = format!("key{branch} = {value}\n{keys}"),
            Deed::Clash(value) => keys = format!("clash = {value}\n{keys}"),
            Deed::Revoke(at) => badge = format!("[badges.x.revoked]\nat = {at}\n"),
            Deed::Remove => return [own, vec![remove("people/shared.toml")]].concat(),
        }
    }
    let text = format!("{keys}name = \"S\"\n\n[badges.x]\nlabel = \"l\"\n\n{badge}");
    // A deed done twice has the key twice: the later one stands.
    let lines: Vec<&str> = text.lines().collect();
    let first = |index: usize, line: &str| {
        let key = line.split(" =").next().unwrap_or_default();
        line.is_empty()
            || !lines[..index].iter().any(|other| !other.is_empty() && other.starts_with(&format!("{key} =")))
    };
    let text: Vec<&str> =
        lines.iter().enumerate().filter(|(i, line)| first(*i, line)).map(|(_, line)| *line).collect();
    own.push(change("people/shared.toml", &format!("{}\n", text.join("\n"))));
    own
}

fn revokes(deeds: &[Deed]) -> bool {
    let removed = deeds.iter().any(|deed| matches!(deed, Deed::Remove));
    !removed && deeds.iter().any(|deed| matches!(deed, Deed::Revoke(_)))
}

/// A house with a document that all branches change.
fn shared_house() -> House {
    let mut house = House::new();
    let badge = "name = \"S\"\n\n[badges.x]\nlabel = \"l\"\n";
    assert!(house.change("alice", &[change("people/shared.toml", badge)]).is_empty());
    house
}

/// The trees of all branches, made from one state; branches that change nothing have its tree.
fn branch_trees(house: &mut House, branches: &[Vec<Deed>]) -> (ObjectId, Vec<ObjectId>) {
    let base = house.read(house.main).tree;
    let mut trees = Vec::new();
    for (index, deeds) in branches.iter().enumerate() {
        let meta = house.meta("alice");
        let draft = document_block(&house.store, house.main, None, &changes(index, deeds), meta);
        trees.push(draft.map_or(base, |draft| {
            house.store.store(draft.objects());
            draft.tree()
        }));
    }
    (base, trees)
}

/// What came of merging one after another; a branch that conflicts is passed over.
struct MergedAll {
    new: NewObjects,
    tree: ObjectId,
    taken: Vec<usize>,
}

fn merge_all(store: &MemoryObjects, base: &ObjectId, trees: &[ObjectId], order: &[usize]) -> MergedAll {
    let mut all = MergedAll { new: NewObjects::default(), tree: *base, taken: Vec::new() };
    for index in order {
        let layered = Layered { new: &all.new, base: store };
        let merged = merge(&layered, base, &all.tree, &trees[*index]).unwrap();
        if merged.conflicts.is_empty() {
            all.tree = merged.tree;
            all.new.extend(merged.objects);
            all.taken.push(*index);
        }
    }
    all
}

fn badge_is_revoked(objects: &dyn ledger::Objects, tree: ObjectId) -> bool {
    let shared = State::at_tree(objects, tree).document(&path("people/shared.toml")).unwrap();
    shared.is_some_and(|document| document.get(&["badges", "x", "revoked"]).is_some())
}

fn any_branches() -> impl Strategy<Value = Vec<Vec<Deed>>> {
    prop::collection::vec(prop::collection::vec(deed(), 1..3), 2..5)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(32) })]

    #[test]
    fn orders_without_a_conflict_make_equal_trees(branches in any_branches()) {
        let mut house = shared_house();
        let (base, trees) = branch_trees(&mut house, &branches);
        let results = permutations(branches.len()).into_iter().map(|order| merge_all(&house.store, &base, &trees, &order));
        let clean: Vec<ObjectId> = results.filter(|all| all.taken.len() == branches.len()).map(|all| all.tree).collect();
        prop_assert!(clean.iter().all(|tree| *tree == clean[0]));
    }

    #[test]
    fn what_one_branch_revokes_is_revoked_whatever_comes_before_and_after(branches in any_branches()) {
        let mut house = shared_house();
        let (base, trees) = branch_trees(&mut house, &branches);
        for order in permutations(branches.len()) {
            let all = merge_all(&house.store, &base, &trees, &order);
            if all.taken.iter().any(|index| revokes(&branches[*index])) {
                prop_assert!(badge_is_revoked(&house.layered(&all.new), all.tree), "order {:?}", order);
            }
        }
    }

    #[test]
    fn a_revocation_alone_never_conflicts(branches in any_branches(), at in 0..3u8) {
        let mut house = shared_house();
        let branches = [branches, vec![vec![Deed::Revoke(at)]]].concat();
        let (base, trees) = branch_trees(&mut house, &branches);
        for order in permutations(branches.len()) {
            let all = merge_all(&house.store, &base, &trees, &order);
            prop_assert!(all.taken.contains(&(branches.len() - 1)), "order {:?}", order);
        }
    }

    #[test]
    fn merging_twice_or_with_itself_changes_nothing(branches in any_branches()) {
        let mut house = shared_house();
        let (base, trees) = branch_trees(&mut house, &branches);
        for tree in &trees {
            let merged = merge(&house.store, &base, tree, tree).unwrap();
            prop_assert_eq!((merged.tree, merged.conflicts.len()), (*tree, 0));
            let unchanged = merge(&house.store, &base, tree, &base).unwrap();
            prop_assert_eq!((unchanged.tree, unchanged.conflicts.len()), (*tree, 0));
            let taken = merge(&house.store, &base, &base, tree).unwrap();
            prop_assert_eq!((taken.tree, taken.conflicts.len()), (*tree, 0));
        }
        let once = merge_all(&house.store, &base, &trees, &[0, 1]);
        if once.taken.len() == 2 {
            let twice = merge(&house.layered(&once.new), &base, &once.tree, &trees[1]).unwrap();
            prop_assert_eq!((twice.tree, twice.conflicts.len()), (once.tree, 0));
        }
    }

    #[test]
    fn heads_listed_in_any_order_make_one_merge_block(
        branches in prop::collection::vec(prop::collection::vec(deed(), 1..3), 3)
    ) {
        let mut house = shared_house();
        let heads = write_heads(&mut house, &branches);
        let meta = house.meta("front");
        let drafts: Vec<_> = permutations(heads.len()).iter().map(|order| {
            let listed: Vec<BlockId> = order.iter().map(|index| heads[*index]).collect();
            ledger::merge_block(&house.store, house.main, &listed, meta.clone()).unwrap().draft
        }).collect();
        prop_assert!(drafts.iter().all(|draft| *draft == drafts[0]));
        if let Some(draft) = drafts.into_iter().next().flatten() {
            let block = draft.sign(&key("front")).unwrap();
            house.store.store(&block.objects);
            house.main = block.id;
        }
        prop_assert!(house.verify().is_ok());
    }

    #[test]
    fn a_revoked_key_stays_revoked_in_every_order_of_merge_blocks(order in Just(permutations(4)).prop_shuffle(), erik in 0..3u8) {
        for order in order.iter().take(6) {
            let mut house = shared_house();
            let heads = heads_around_a_revocation(&mut house, erik);
            for index in order {
                house.merge(&[heads[*index]]);
            }
            let state = State::at(&house.store, house.main).unwrap();
            prop_assert!(state.key(&id("carol")).unwrap().unwrap().revoked.is_some());
            prop_assert!(state.signer(&id("carol"), None).is_err());
            prop_assert!(badge_is_revoked(&house.store, state.tree()));
            prop_assert!(house.verify().is_ok());
        }
    }
}

fn write_heads(house: &mut House, branches: &[Vec<Deed>]) -> Vec<BlockId> {
    let writers = ["alice", "bob", "carol"];
    let mut heads = Vec::new();
    for (index, deeds) in branches.iter().enumerate() {
        if let Ok(draft) = house.draft(writers[index], &changes(index, deeds)) {
            let block = draft.sign(&key(writers[index])).unwrap();
            heads.push(house.keep(writers[index], block));
        }
    }
    heads
}

/// Four heads: alice revokes carol's key and bob a badge, carol and a node write meanwhile.
fn heads_around_a_revocation(house: &mut House, erik: u8) -> Vec<BlockId> {
    let carol =
        house.write("carol", &[change("people/erik.toml", &format!("name = \"E\"\nplan = {erik}\n"))]);
    let badge = "name = \"S\"\n\n[badges.x]\nlabel = \"l\"\n\n[badges.x.revoked]\nat = 1\n";
    let bob = house.write("bob", &[change("people/shared.toml", badge)]);
    let alice = house.write("alice", &[revoked_key("person:carol", "alice", 5)]);
    let node = house.events("back", 2);
    vec![carol, bob, alice, node]
}
