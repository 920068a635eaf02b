//! Keys that are replaced: a person's and a box's, at once and while others have to agree, through a power cut.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

#[path = "common/joining.rs"]
mod joining;
#[path = "common/running.rs"]
mod running;

use common::TestHome;
use joining::{joined, until};
use running::Agent;
use serde_json::Value;

/// The keys of an owner that are in a state.
fn keys(home: &TestHome, owner: &str, state: &str) -> Vec<String> {
    let list = home.json(&["keys", "list"]);
    let of = |key: &&Value| key["owner"] == owner && key["state"] == state;
    let keys = list["keys"].as_array().unwrap().iter().filter(of);
    keys.map(|key| key["key"].as_str().unwrap().to_string()).collect()
}

#[test]
fn keys_are_replaced_while_no_ledgerd_runs() {
    let home = TestHome::new();
    for count in 1..=2 {
        let said = home.good(&["keys", "rotate"]);
        assert!(said.contains("takes the place of"), "{said}");
        home.good(&["people", "add", &format!("person-{count}")]);
        let said = home.good(&["nodes", "rotate", "--label", "box"]);
        assert!(said.contains("front-door signs with the key"), "{said}");
        home.good(&["flush"]);
        for owner in ["person:alice", "node:front-door"] {
            assert_eq!(
                (keys(&home, owner, "active").len(), keys(&home, owner, "replaced").len()),
                (1, count)
            );
        }
    }
    assert!(home.good(&["verify"]).starts_with("good"));
}

#[test]
fn a_box_whose_key_is_replaced_goes_on_with_the_new_one_while_ledgerd_runs() {
    let home = TestHome::new();
    let _runs = Agent::start(&home);
    let before = keys(&home, "node:front-door", "active");
    home.good(&["nodes", "rotate"]);
    assert_eq!(keys(&home, "node:front-door", "replaced"), before);
    let said = home.good(&["people", "add", "bob"]);
    assert!(said.contains("main is"), "the new key makes blocks of main: {said}");
    home.good(&["keys", "rotate"]);
    home.good(&["people", "add", "carol"]);
    assert!(home.good(&["verify"]).starts_with("good"));
}

#[test]
fn a_key_that_waits_for_the_other_box_survives_a_power_cut_and_takes_its_place_then() {
    let first = TestHome::new();
    let first_runs = Agent::start(&first);
    let second = joined(&first, "workshop", "1");
    let said = first.good(&["nodes", "rotate"]);
    assert!(said.contains("once main has it"), "{said}");
    let next = first.path().join("secrets/next-node");
    let (old, waits) =
        (std::fs::read(first.path().join("keys/node")).unwrap(), std::fs::read(&next).unwrap());
    first_runs.kill();
    let _first_runs = Agent::start(&first);
    assert_eq!(std::fs::read(first.path().join("keys/node")).unwrap(), old, "the old one signs until then");
    let _second_runs = Agent::start(&second);
    until("the new key is in place", || std::fs::read(first.path().join("keys/node")).unwrap() == waits);
    until("the box is back", || !next.exists() && first.json(&["status"])["running"] == true);
    let said = first.good(&["people", "add", "bob"]);
    until("both have agreed with the new key", || {
        second.command(&["people", "show", "bob"]).output().unwrap().status.success()
    });
    assert!(said.contains("bob"), "{said}");
    assert!(second.good(&["verify"]).starts_with("good"));
}
