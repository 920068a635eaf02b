//! Changes of an organisation whose other validator is away: kept, shown, and none takes another back.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{TestHome, run};
use model::SigningKey;
use std::process::Command;

/// An organisation of two boxes that vote, of which this is one.
fn half() -> TestHome {
    let home = TestHome::new();
    let other = SigningKey::from_seed(&[9; 32]).public();
    let nodes = home.json(&["keys", "list"]);
    let own = nodes["keys"].as_array().unwrap().iter().find(|key| key["owner"] == "node:front-door").unwrap();
    let (own, id) = (own["key"].as_str().unwrap(), other.id());
    let key =
        format!("public = \"{other}\"\nowner = \"node:workshop\"\nlabel = \"box\"\nadded = 1795000000000\n");
    let node = format!("key = \"{id}\"\nboard = \"sim\"\nplace = \"the workshop\"\n");
    let votes = format!("[validators]\n{own} = 1\n{id} = 1\n");
    let files = [
        format!("keys/{id}.toml={}", home.file("key", key)),
        format!("nodes/workshop.toml={}", home.file("node", node)),
        format!("branches/main.toml={}", home.file("votes", votes)),
    ];
    home.good(&["propose", &files[0], &files[1], &files[2]]);
    home
}

#[test]
fn a_change_waits_for_the_other_box_and_a_later_one_keeps_what_it_says() {
    let home = half();
    let said = home.good(&["people", "set", "alice", "plan=pro"]);
    assert!(said.contains("waits for the other boxes"), "{said}");
    home.good(&["badge", "add", "alice", "1234567", "--label", "fob"]);
    let proposals = home.json(&["proposals"]);
    let waiting = &proposals["proposals"][0];
    assert_eq!((&waiting["writer"], &waiting["state"]), (&"alice".into(), &"waiting".into()), "{proposals}");
    let path = format!("{}:people/alice.toml", waiting["head"].as_str().unwrap());
    let alice = run(Command::new("git").arg("--git-dir").arg(home.git()).args(["show", &path]));
    assert!(alice.contains("plan = \"pro\"") && alice.contains("label = \"fob\""), "{alice}");
    assert_eq!(home.json(&["people", "list"])["people"][0]["plan"], "", "it is not final");
    assert!(home.good(&["verify"]).starts_with("good"));
}

#[test]
fn the_later_word_of_the_same_person_counts() {
    let home = half();
    home.good(&["people", "set", "alice", "plan=pro"]);
    home.good(&["people", "set", "alice", "plan=hobbyist"]);
    let head = home.json(&["proposals"])["proposals"][0]["head"].as_str().unwrap().to_string();
    let path = format!("{head}:people/alice.toml");
    let alice = run(Command::new("git").arg("--git-dir").arg(home.git()).args(["show", &path]));
    assert!(alice.contains("plan = \"hobbyist\""), "{alice}");
}

#[test]
fn the_status_without_ledgerd_says_who_votes_what_waits_and_that_nobody_is_connected() {
    let home = half();
    home.good(&["people", "set", "alice", "plan=pro"]);
    let status = home.good(&["status"]);
    for line in [
        "workshop  not connected: ledgerd does not run",
        "front-door (1)",
        "workshop (1)",
        "1 wait, 0 left out",
    ] {
        assert!(status.contains(line), "{line:?} is missing in\n{status}");
    }
}
