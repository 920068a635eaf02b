//! The same commands while ledgerd runs: they go through its socket. No dapp runs here, so no root is needed.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

#[path = "common/running.rs"]
mod running;

use common::{TestHome, noise};
use running::{Agent, build};
use serde_json::json;
use std::process::{Child, Command, Stdio};

#[test]
fn commands_go_through_ledgerd_while_it_runs() {
    let home = TestHome::new();
    let agent = Agent::start(&home);
    home.good(&["people", "add", "bob", "--plan", "pro"]);
    assert_eq!(home.json(&["people", "show", "bob"])["plan"], "pro");
    home.good(&["keys", "add", "bob", "--generate"]);
    let denied = home.bad(&["--as", "bob", "people", "set", "alice", "plan=none"]);
    assert!(denied.contains("hint: ") && denied.contains("people/alice.toml"), "{denied}");
    let devices = home.json(&["board", "list"]);
    assert!(
        devices["devices"].as_array().unwrap().iter().any(|device| device["name"] == "strike"),
        "{devices}"
    );
    let said = home.good(&["tap", "reader", "0004134419"]);
    assert!(said.contains("held to reader; but no application listens to it"), "{said}");
    home.good(&["contact", "door", "open"]);
    assert_eq!(home.json(&["board", "show", "door"])["on"], json!(true));
    let unknown = home.bad(&["tap", "nowhere", "1"]);
    assert!(unknown.contains("nowhere"), "{unknown}");
    home.good(&["flush"]);
    assert!(home.bad(&["dapp", "remove", "nothing"]).contains("no such dapp"));
    drop(agent);
    assert_eq!(home.json(&["status"])["running"], false);
    assert_eq!(home.json(&["people", "show", "bob"])["plan"], "pro");
    home.good(&["verify"]);
    assert!(home.bad(&["tap", "reader", "1"]).contains("no ledgerd runs"));
}

#[test]
fn a_page_whose_address_is_taken_is_said_with_a_hint() {
    let home = TestHome::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut command = Command::new(build::ledgerd());
    command.arg("--home").arg(home.path()).args(["--listen", &taken.local_addr().unwrap().to_string()]);
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = common::text(&output.stderr);
    assert!(!output.status.success() && said.contains("cannot listen at 127.0.0.1"), "{said}");
    assert!(said.contains("hint: --listen another address, or is another ledgerd running?"), "{said}");
}

#[test]
fn ledgerd_and_ledgerctl_that_start_together_wait_for_each_other() {
    let home = TestHome::new();
    let names: Vec<String> = (0..8).map(|n| format!("person-{n}")).collect();
    let start = |name: &String| home.command(&["people", "add", name]).stdout(Stdio::null()).spawn().unwrap();
    let mut commands: Vec<Child> = names[..4].iter().map(start).collect();
    let _agent = Agent::start(&home);
    commands.extend(names[4..].iter().map(start));
    for mut command in commands {
        assert!(command.wait().unwrap().success());
    }
    assert_eq!(home.json(&["people", "list"])["people"].as_array().unwrap().len(), 9);
    home.good(&["verify"]);
}

#[test]
fn two_who_change_one_document_at_once_lose_nothing() {
    let home = TestHome::new();
    let start = |n: u32| {
        let mut add = home.command(&["badge", "add", "alice", &n.to_string()]);
        add.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let commands: Vec<Child> = (1..=6).map(start).collect();
    let mut added = 0;
    for command in commands {
        let output = command.wait_with_output().unwrap();
        let said = common::text(&output.stderr);
        assert!(output.status.success() || said.contains("changed meanwhile"), "{said}");
        added += usize::from(output.status.success());
    }
    assert!(added > 0);
    assert_eq!(home.json(&["badge", "list", "alice"])["badges"].as_array().unwrap().len(), added);
}

#[test]
fn large_files_go_through_ledgerd_in_pieces() {
    let home = TestHome::new();
    let agent = Agent::start(&home);
    let bytes = noise(20_000_000);
    let file = home.file("large", &bytes);
    home.good(&["blob", "put", &file, "files/large", "--cutter", "rabin:16384:65536:262144"]);
    home.good(&["blob", "get", "files/large", "out"]);
    assert!(std::fs::read(home.folder().join("out")).unwrap() == bytes);
    assert!(home.good(&["blob", "verify"]).starts_with("good: "));
    assert_eq!(home.json(&["blob", "gc"])["removed"], 0);
    drop(agent);
    home.good(&["blob", "get", "files/large", "again"]);
    assert!(std::fs::read(home.folder().join("again")).unwrap() == bytes);
}
