//! Branches: forks that need nobody's leave, lines that change branches, and joins after months.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a failed test")]

mod common;

use common::*;
use ledger::{BlockFault, BlockKind, Choice, Choices, DraftError, JoinError, State, check_block};

const LAB_POLICY: &str = r#"
[roles]
owner = ["carol"]
[[rules]]
paths = ["**"]
roles = ["owner"]
"#;

fn person(plan: &str) -> String {
    format!("name = \"P\"\nplan = \"{plan}\"\nstate = \"active\"\n")
}

#[test]
fn a_member_without_rights_forks_and_rules_the_fork_but_not_main() {
    let mut house = House::new();
    let main = house.main;
    let fork = house.fork("carol", "lab", "back", Some(LAB_POLICY));
    let block = house.read(fork);
    assert_eq!((block.kind, block.branch.as_str(), block.height), (BlockKind::Fork, "lab", Some(1)));
    assert!(house.change("carol", &[change("doorbot/doors/lab.toml", "open = true\n")]).is_empty());
    assert_eq!(house.read(house.main).branch.as_str(), "lab");
    assert!(house.verify().unwrap().is_final);
    house.main = main;
    let own = house.own.remove(&id("carol"));
    let draft = house.draft("carol", &[change("doorbot/doors/lab.toml", "open = true\n")]);
    assert!(matches!(draft, Err(DraftError::Refused(fault)) if fault.to_string().contains("carol may not")));
    let left_out = house.merge(&[own.unwrap()]);
    assert!(left_out[0].1.contains("builds on a block that main does not contain"), "{left_out:?}");
}

#[test]
fn a_fork_writes_its_own_document_and_policy_and_nothing_else() {
    let mut house = House::new();
    let validators = format!("[validators]\n{} = 1\n", id("back"));
    let document = change("branches/lab.toml", &validators);
    let mut faults = Vec::new();
    for (branch, changes) in [
        ("lab", vec![document.clone(), change("people/erik.toml", &person("a"))]),
        ("lab", vec![change("policy.toml", LAB_POLICY)]),
        ("main", vec![change("branches/main.toml", &validators)]),
        ("lab", vec![change("branches/lab.toml", "[validators]\n")]),
        ("lab", vec![document.clone(), change("policy.toml", "rules = []\n[roles]\n")]),
    ] {
        let meta = house.meta("carol");
        faults.push(
            ledger::fork(&house.store, house.main, name(branch), &changes, meta).unwrap_err().to_string(),
        );
    }
    for (fault, part) in faults.iter().zip([
        "a fork writes the policy and the document of its own branch",
        "branches/lab.toml is missing",
        "another branch than main",
        "nobody could add to lab",
        "nobody could change policy.toml",
    ]) {
        assert!(fault.contains(part), "{fault:?} does not say {part:?}");
    }
}

#[test]
fn a_stranger_and_a_revoked_key_cannot_fork() {
    let mut house = House::new();
    house.change("alice", &[revoked_key("person:carol", "alice", 5)]);
    for author in ["carol", "zoe"] {
        let meta = house.meta(author);
        let changes = [change("branches/lab.toml", &format!("[validators]\n{} = 1\n", id("back")))];
        assert!(ledger::fork(&house.store, house.main, name("lab"), &changes, meta).is_err(), "{author}");
    }
}

#[test]
fn a_block_of_one_branch_does_not_pass_for_one_of_another() {
    let mut house = House::new();
    house.fork("carol", "lab", "back", Some(LAB_POLICY));
    let written = house.write("carol", &[change("people/erik.toml", &person("a"))]);
    house.merge(&[written]);
    let (written, merge) = (house.read(written), house.read(house.main));
    for (block, author) in [(written, "carol"), (merge, "back")] {
        for to in ["", "Ledger-Branch: other\n"] {
            let forged = house.forged(&Forged::like(&block, author).with_message("Ledger-Branch: lab\n", to));
            assert!(matches!(check_block(&house.store, &forged), Err(BlockFault::Branch { .. })), "{to:?}");
        }
    }
}

#[test]
fn the_rest_of_the_members_go_on_when_the_validators_are_lost_and_bring_back_what_came_late() {
    let mut house = House::new();
    house.events("front", 2);
    let (front, before) = (house.own[&id("front")], house.main);
    let waiting = house.write("carol", &[change("people/erik.toml", &person("waiting"))]);
    house.merge(&[front]);
    let main = house.main;
    // The box at the front door, the one validator, burns. Carol's block never came in.
    house.fork("bob", "rescue", "back", None);
    assert!(house.merge(&[waiting]).is_empty(), "work that waited on main goes into the fork");
    house.change("alice", &[revoked_key("node:front", "alice", 7)]);
    for day in 0..40 {
        let back = house.events("back", 3);
        let plan = change("people/dora.toml", &person(&format!("day{day}")));
        let bob = house.write("bob", &[plan]);
        assert!(house.merge(&[back, bob]).is_empty());
    }
    let rescue = house.main;
    house.verify().unwrap();
    // Months later the burnt box's card turns up: it went on alone for a while.
    (house.main, house.validator) = (main, "front");
    for _ in 0..30 {
        let front = house.events("front", 2);
        house.merge(&[front]);
    }
    let late = house.main;
    (house.main, house.validator) = (rescue, "back");
    let join = house.join("bob", late, &Choices::new()).unwrap();
    assert!(house.merge(&[join]).is_empty());
    let state = State::at(&house.store, house.main).unwrap();
    assert_eq!(ledger::last_event(&house.store, &state, &name("front")).unwrap(), 62);
    assert_eq!(ledger::last_event(&house.store, &state, &name("back")).unwrap(), 120);
    assert!(house.text("people/dora.toml").unwrap().contains("day39"));
    assert!(house.document(&format!("keys/{}.toml", id("front"))).unwrap().get(&["revoked"]).is_some());
    let report = house.verify().unwrap();
    assert_eq!(report.events, 2 + 120 + 60);
    assert_ne!(before, main);
}

#[test]
fn branches_that_went_on_for_months_join_with_choices_where_both_changed_one_thing() {
    let mut house = House::new();
    house.change(
        "alice",
        &[change("people/both.toml", &person("old")), change("people/mine.toml", &person("old"))],
    );
    let base = house.main;
    house.fork("alice", "lab", "back", None);
    for n in 0..60 {
        let document = change(&format!("people/lab{n}.toml"), &person("lab"));
        assert!(house.change("bob", &[document]).is_empty());
    }
    house.change(
        "bob",
        &[change("people/both.toml", &person("lab")), change("people/mine.toml", &person("lab"))],
    );
    let lab = house.main;
    (house.main, house.validator) = (base, "front");
    for n in 0..60 {
        let document = change(&format!("people/main{n}.toml"), &person("main"));
        assert!(house.change("alice", &[document]).is_empty());
    }
    house.change("alice", &[change("people/both.toml", &person("main"))]);
    let Err(JoinError::Conflicts(conflicts)) = house.join("bob", lab, &Choices::new()) else {
        panic!("no conflict");
    };
    assert_eq!(conflicts.len(), 1);
    assert_eq!(
        (conflicts[0].path.as_str(), &conflicts[0].keys),
        ("people/both.toml", &vec!["plan".to_string()])
    );
    assert_eq!(ledger::conflicts(&house.store, house.main, lab).unwrap(), conflicts);
    let before = house.main;
    for (choice, wanted) in [(Choice::Ours, "main"), (Choice::Theirs, "lab")] {
        house.main = before;
        let bob = house.own[&id("bob")];
        let choices = Choices::from([(path("people/both.toml"), choice)]);
        let join = house.join("bob", lab, &choices).unwrap();
        assert!(house.merge(&[join]).is_empty());
        assert_eq!(house.text("people/both.toml").unwrap(), person(wanted));
        assert_eq!(house.text("people/mine.toml").unwrap(), person("lab"));
        assert!(house.text("people/lab59.toml").is_some() && house.text("people/main59.toml").is_some());
        assert!(house.text("branches/lab.toml").is_some(), "the fork's document comes along");
        house.verify().unwrap();
        house.own.insert(id("bob"), bob);
    }
}

#[test]
fn a_second_join_brings_what_is_new_since_the_first() {
    let mut house = House::new();
    let base = house.main;
    house.fork("alice", "lab", "back", None);
    house.change("bob", &[change("people/x.toml", &person("lab1"))]);
    let first = house.main;
    house.change("bob", &[change("people/y.toml", &person("lab2"))]);
    let second = house.main;
    (house.main, house.validator) = (base, "front");
    let join = house.join("bob", first, &Choices::new()).unwrap();
    assert!(house.merge(&[join]).is_empty());
    house.change("alice", &[change("people/x.toml", &person("main"))]);
    assert_eq!(ledger::merge_bases(&house.store, house.main, second).unwrap(), [first]);
    let join = house.join("bob", second, &Choices::new()).unwrap();
    assert!(house.merge(&[join]).is_empty(), "x is main's since the first join, y is new");
    assert_eq!(house.text("people/x.toml").unwrap(), person("main"));
    assert_eq!(house.text("people/y.toml").unwrap(), person("lab2"));
    assert!(house.join("bob", first, &Choices::new()).is_err(), "there is nothing to bring");
    house.verify().unwrap();
}

#[test]
fn joins_in_both_directions_have_two_bases_and_hide_no_choice() {
    let mut house = House::new();
    house.change("alice", &[change("people/x.toml", &person("old"))]);
    let base = house.main;
    house.fork("alice", "lab", "back", None);
    house.change("bob", &[change("people/x.toml", &person("lab"))]);
    let lab = house.main;
    (house.main, house.validator) = (base, "front");
    house.change("alice", &[change("people/x.toml", &person("main"))]);
    let main = house.main;
    let choose = |choice| Choices::from([(path("people/x.toml"), choice)]);
    let join = house.join("alice", lab, &choose(Choice::Ours)).unwrap();
    assert!(house.merge(&[join]).is_empty());
    let main_joined = house.main;
    (house.main, house.validator) = (lab, "back");
    let join = house.join("bob", main, &choose(Choice::Ours)).unwrap();
    assert!(house.merge(&[join]).is_empty());
    let lab_joined = house.main;
    assert_eq!(ledger::merge_bases(&house.store, main_joined, lab_joined).unwrap().len(), 2);
    let conflicts = ledger::conflicts(&house.store, main_joined, lab_joined).unwrap();
    assert_eq!(conflicts.len(), 1, "each side chose its own: that is a conflict again");
}

#[test]
fn what_a_fork_revoked_is_revoked_after_the_join_whatever_is_chosen() {
    let badge = |text: &str| format!("name = \"S\"\n\n[badges.x]\nlabel = \"l\"\n{text}");
    for choice in [Choice::Ours, Choice::Theirs] {
        for revoked_on_lab in [true, false] {
            let mut house = House::new();
            house.change("alice", &[change("people/s.toml", &badge(""))]);
            let base = house.main;
            let revoked = badge("\n[badges.x.revoked]\nat = 5\n");
            let other = "name = \"Other\"\n";
            let (on_lab, on_main) = if revoked_on_lab { (&*revoked, other) } else { (other, &*revoked) };
            house.fork("alice", "lab", "back", None);
            house.change("bob", &[change("people/s.toml", on_lab)]);
            let lab = house.main;
            (house.main, house.validator) = (base, "front");
            house.change("alice", &[change("people/s.toml", on_main)]);
            let choices = Choices::from([(path("people/s.toml"), choice)]);
            let join = house.join("bob", lab, &choices).unwrap();
            assert!(house.merge(&[join]).is_empty());
            let mark = house.document("people/s.toml").unwrap();
            assert!(mark.get(&["badges", "x", "revoked"]).is_some(), "{choice:?} {revoked_on_lab}");
        }
    }
}

#[test]
fn the_policy_of_main_decides_what_a_join_may_bring() {
    let mut house = House::new();
    let base = house.main;
    house.fork("carol", "lab", "back", Some(LAB_POLICY));
    house.change("carol", &[change("doorbot/doors/lab.toml", "open = true\n")]);
    let lab = house.main;
    (house.main, house.validator) = (base, "front");
    let refused = house.join("carol", lab, &Choices::new()).unwrap_err().to_string();
    assert!(refused.contains("may not write it"), "{refused}");
    let join = house.join("alice", lab, &Choices::new()).unwrap();
    assert!(house.merge(&[join]).is_empty());
    assert!(house.text("doorbot/doors/lab.toml").is_some());
    assert!(house.text("policy.toml").unwrap().contains("membership"), "the fork's policy is its own");
    let meta = house.meta("back");
    let node = ledger::join(&house.store, base, None, lab, &Choices::new(), meta).unwrap_err();
    assert!(node.to_string().contains("may not") || node.to_string().contains("cannot join"), "{node}");
}

#[test]
fn a_join_brings_the_logs_as_they_are_and_a_forged_one_is_refused() {
    let mut house = House::new();
    let base = house.main;
    house.fork("alice", "lab", "back", None);
    for _ in 0..3 {
        let back = house.events("back", 2);
        house.merge(&[back]);
    }
    let lab = house.main;
    (house.main, house.validator) = (base, "front");
    let join = house.join("alice", lab, &Choices::new()).unwrap();
    let good = house.read(join);
    let file = "log/back/1970-01/01/000002.jsonl";
    let bytes = State::at(&house.store, lab).unwrap().read(&path(file)).unwrap().unwrap();
    let other = String::from_utf8(bytes).unwrap().replace("dora", "erik");
    for (at, content) in [
        (file, Some(other.as_bytes())),
        (file, None),
        ("log/front/1970-01/01/000001.jsonl", Some(other.as_bytes())),
    ] {
        let tree = tree_with(&mut house, good.tree, at, content);
        let forged = house.forged(&Forged { tree, ..Forged::like(&good, "alice") });
        assert!(matches!(check_block(&house.store, &forged), Err(BlockFault::JoinedLog { .. })), "{at}");
    }
    assert!(house.merge(&[join]).is_empty());
    // The node comes back to main after the join and goes on counting.
    let back = house.events("back", 1);
    assert_eq!(house.read(back).events, Some(7..=7));
    assert!(house.merge(&[back]).is_empty());
    assert_eq!(house.verify().unwrap().events, 7);
}

#[test]
fn a_box_that_changes_branches_goes_on_with_its_line_and_its_log() {
    let mut house = House::new();
    let first = house.events("back", 2);
    house.merge(&[first]);
    let main = house.main;
    house.fork("alice", "lab", "front", None);
    let on_lab = house.events("back", 2);
    house.merge(&[on_lab]);
    assert_eq!((house.read(on_lab).sequence, house.read(on_lab).events.clone()), (Some(2), Some(3..=4)));
    house.main = main;
    let again = house.events("back", 2);
    assert_eq!((house.read(again).sequence, house.read(again).events.clone()), (Some(3), Some(5..=6)));
    assert!(house.merge(&[again]).is_empty());
    assert_eq!(house.verify().unwrap().events, 6, "the block on the fork is part of the line");
}

#[test]
fn a_writer_who_takes_up_a_fork_writes_for_the_fork_and_hears_what_waits() {
    let mut house = House::new();
    let waiting = house.write("bob", &[change("people/erik.toml", &person("waiting"))]);
    house.fork("bob", "lab", "back", None);
    let next = [change("people/fred.toml", &person("lab"))];
    let draft = house.draft("bob", &next).unwrap();
    assert_eq!(draft.abandoned(), Some("they wait on the branch main"));
    assert_eq!(draft.message().branch.as_str(), "lab");
    assert!(house.merge(&[waiting]).is_empty(), "once the fork has it nothing is given up");
    assert_eq!(house.draft("bob", &next).unwrap().abandoned(), None);
}
