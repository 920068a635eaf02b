//! A key in use twice, as after a copied or restored SD card: the log of both is kept, the power of both is gone.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a failed test")]

mod common;

use common::*;
use ledger::{BlockFault, Reason, State, check_block, equivocation, finality::Validators};
use model::BlockId;

/// The node `back` and its copy: both went on from the same block.
struct Copied {
    house: House,
    shared: BlockId,
}

impl Copied {
    fn new() -> Self {
        let mut house = House::new();
        let both = format!("[validators]\n{} = 5\n{} = 1\n", id("front"), id("back"));
        house.change("alice", &[change("branches/main.toml", &both)]);
        let shared = house.events("back", 2);
        assert!(house.merge(&[shared]).is_empty());
        Self { house, shared }
    }

    /// Writes `count` events after `from`, on the block of main as it was when the card was copied or later.
    fn events(&mut self, from: BlockId, count: u64) -> BlockId {
        self.house.own.insert(id("back"), from);
        self.house.events("back", count)
    }

    /// The number of lines in all logs of main, by folder.
    fn logs(&self) -> Vec<(String, usize)> {
        let state = State::at(&self.house.store, self.house.main).unwrap();
        let mut logs: Vec<(String, usize)> = Vec::new();
        for path in state.list("log").unwrap() {
            let folder = path.parts().nth(1).unwrap().to_string();
            let lines = state.read(&path).unwrap().unwrap().iter().filter(|byte| **byte == b'\n').count();
            match logs.iter_mut().find(|(name, _)| *name == folder) {
                Some((_, count)) => *count += lines,
                None => logs.push((folder, lines)),
            }
        }
        logs
    }

    fn revoked_by(&self) -> Option<String> {
        let state = State::at(&self.house.store, self.house.main).unwrap();
        state.key(&id("back")).unwrap().unwrap().revoked.map(|revoked| revoked.by)
    }
}

#[test]
fn the_second_line_has_its_log_kept_in_a_place_of_its_own_and_the_key_loses_its_power() {
    let mut copied = Copied::new();
    let (shared, ground) = (copied.shared, copied.house.main);
    let original = copied.events(shared, 3);
    let copy = copied.events(shared, 4);
    let proof = equivocation(&copied.house.store, copy, original).unwrap().unwrap();
    assert_eq!((proof.key, [proof.a, proof.b].contains(&copy)), (id("back"), true));
    assert!(copied.house.merge(&[original]).is_empty());
    assert_eq!(copied.revoked_by(), None);
    let left_out = copied.house.merge(&[copy]);
    assert!(left_out[0].1.contains("key is in use twice"), "{left_out:?}");
    assert_eq!(copied.revoked_by().as_deref(), Some("ledger"));
    let place = format!("0.{}.back", &copy.to_string()[..8]);
    assert_eq!(copied.logs(), [(place, 4), ("back".into(), 5)]);
    let (house, main) = (&copied.house, name("main"));
    assert_eq!(Validators::at(&house.store, ground, &main).unwrap().total(), 6);
    assert_eq!(Validators::at(&house.store, house.main, &main).unwrap().total(), 5);
    check_block(&house.store, &house.read(house.main)).unwrap();
    assert_eq!(house.verify().unwrap().events, 9);
}

#[test]
fn documents_of_the_second_line_stay_out_and_neither_line_writes_any_more() {
    let mut copied = Copied::new();
    let original = copied.events(copied.shared, 1);
    copied.house.merge(&[original]);
    copied.house.own.insert(id("back"), copied.shared);
    let document = [change("people/x.toml", "name = \"X\"\n")];
    let ground = copied.house.read(original).parents[0];
    let main = std::mem::replace(&mut copied.house.main, ground);
    let copy = copied.house.write_for("back", "desk", &document).unwrap();
    copied.house.main = main;
    assert_eq!(copied.house.merge(&[copy]).len(), 1);
    assert!(copied.house.text("people/x.toml").is_none());
    assert_eq!(copied.revoked_by().as_deref(), Some("ledger"));
    for line in [original, copy] {
        copied.house.own.insert(id("back"), line);
        let refused = copied.house.write_for("back", "desk", &document).unwrap_err().to_string();
        assert!(refused.contains("was revoked by ledger"), "{refused}");
    }
    copied.house.verify().unwrap();
}

#[test]
fn both_boxes_go_on_logging_until_a_new_key_is_approved_which_goes_on_with_the_log() {
    let mut copied = Copied::new();
    let (mut original, mut copy) = (copied.events(copied.shared, 1), copied.events(copied.shared, 1));
    copied.house.merge(&[copy, original]);
    for _ in 0..3 {
        original = copied.events(original, 2);
        copied.house.merge(&[original]);
        copy = copied.events(copy, 3);
        copied.house.merge(&[copy]);
    }
    let logs = copied.logs();
    assert_eq!(logs.iter().map(|(_, count)| count).sum::<usize>(), 2 + 7 + 10, "{logs:?}");
    let house = &mut copied.house;
    let node = format!("key = \"{}\"\nboard = \"sim\"\nplace = \"door\"\n", id("back2"));
    let public = key("back2").public();
    let new_key =
        format!("public = \"{public}\"\nowner = \"node:back\"\nlabel = \"new card\"\nadded = 1000\n");
    let changes = [change(&format!("keys/{}.toml", id("back2")), &new_key), change("nodes/back.toml", &node)];
    assert!(house.change("alice", &changes).is_empty());
    let next = ledger::last_event(&house.store, &State::at(&house.store, house.main).unwrap(), &name("back"));
    let events = [event(next.unwrap() + 1)];
    let meta = house.meta("back2");
    let draft = ledger::event_block(&house.store, house.main, None, &name("back"), &events, meta).unwrap();
    let block = house.keep("back2", draft.sign(&key("back2")).unwrap());
    assert!(house.merge(&[block]).is_empty());
    assert_eq!(house.verify().unwrap().events, 20);
}

#[test]
fn a_copied_key_of_a_person_loses_its_power_and_the_persons_other_device_keeps_its_own() {
    let mut house = House::new();
    let second = key_document("person:carol2");
    let text = String::from_utf8(second.content.unwrap()).unwrap().replace("person:carol2", "person:carol");
    house.change("alice", &[change(second.path.as_str(), &text)]);
    let laptop = house.write("carol", &[change("people/a.toml", "name = \"A\"\n")]);
    house.own.remove(&id("carol"));
    let copy = house.write("carol", &[change("people/b.toml", "name = \"B\"\n")]);
    let left_out = house.merge(&[laptop, copy]);
    assert_eq!(left_out.len(), 1);
    assert!(house.draft("carol", &[change("people/c.toml", "name = \"C\"\n")]).is_err());
    let meta = house.meta("carol2");
    let changes = [change("people/c.toml", "name = \"C\"\n")];
    let draft = ledger::document_block(&house.store, house.main, None, &changes, meta).unwrap();
    let block = house.keep("carol2", draft.sign(&key("carol2")).unwrap());
    assert!(house.merge(&[block]).is_empty(), "several devices, each with a key");
    house.verify().unwrap();
}

#[test]
fn the_key_of_the_last_validator_is_not_taken_away_by_a_merge() {
    let mut house = House::new();
    let first = house.events("front", 1);
    house.merge(&[first]);
    let original = house.events("front", 1);
    house.merge(&[original]);
    let before = house.main;
    house.own.insert(id("front"), first);
    house.main = house.read(original).parents[0];
    let copy = house.events("front", 2);
    house.main = before;
    let merged = house.try_merge(&[copy]);
    assert!(merged.draft.is_none());
    assert!(matches!(merged.left_out[..], [(_, Reason::SecondLine)]));
}

#[test]
fn two_heads_of_one_line_are_one_offer() {
    let mut copied = Copied::new();
    let one = copied.events(copied.shared, 1);
    let other = copied.events(one, 1);
    let left_out = copied.house.merge(&[one, other]);
    assert!(left_out.iter().all(|(head, _)| *head == one), "{left_out:?}");
    assert_eq!(copied.revoked_by(), None);
    assert_eq!(equivocation(&copied.house.store, one, other).unwrap(), None);
    copied.house.verify().unwrap();
}

#[test]
fn a_sole_validator_with_two_mains_is_shown_by_two_merges_of_one_height() {
    let mut house = House::new();
    let (main, carol) = (house.main, house.write("carol", &[change("people/a.toml", "name = \"A\"\n")]));
    house.merge(&[carol]);
    let one = std::mem::replace(&mut house.main, main);
    house.merge(&[carol]);
    let proof = equivocation(&house.store, one, house.main).unwrap().unwrap();
    assert_eq!(proof.key, id("front"));
}

#[test]
fn a_merge_that_takes_in_a_copy_without_taking_its_power_is_refused() {
    let mut copied = Copied::new();
    let (original, copy) = (copied.events(copied.shared, 1), copied.events(copied.shared, 1));
    copied.house.merge(&[original]);
    copied.house.merge(&[copy]);
    let merge = copied.house.read(copied.house.main);
    let at = format!("keys/{}.toml", id("back"));
    let unmarked = key_document("node:back").content.unwrap();
    let tree = tree_with(&mut copied.house, merge.tree, &at, Some(&unmarked));
    let forged = copied.house.forged(&Forged { tree, ..Forged::like(&merge, "front") });
    assert!(matches!(check_block(&copied.house.store, &forged), Err(BlockFault::NotTheMerge { .. })));
    copied.house.main = forged.id;
    assert!(copied.house.verify().is_err());
}

#[test]
fn in_every_order_of_merging_no_event_is_lost_and_the_key_is_out() {
    for order in permutations(4) {
        for together in [1, 2, 4] {
            let mut copied = Copied::new();
            let a1 = copied.events(copied.shared, 1);
            let a2 = copied.events(a1, 2);
            let b1 = copied.events(copied.shared, 4);
            let c1 = copied.events(copied.shared, 8);
            let heads: Vec<BlockId> = order.iter().map(|n| [a1, a2, b1, c1][*n]).collect();
            for heads in heads.chunks(together) {
                copied.house.merge(heads);
            }
            let total: usize = copied.logs().iter().map(|(_, count)| count).sum();
            assert_eq!(total, 2 + 1 + 2 + 4 + 8, "{order:?} {together}");
            assert_eq!(copied.revoked_by().as_deref(), Some("ledger"), "{order:?} {together}");
            copied.house.verify().unwrap_or_else(|error| panic!("{order:?} {together}: {error}"));
        }
    }
}
