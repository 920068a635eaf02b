//! A small organisation from its first block on, without ledgerd: ledgerctl writes, git itself judges.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{TestHome, run};
use serde_json::json;
use std::process::Command;

fn git(home: &TestHome, args: &[&str]) -> String {
    run(Command::new("git").arg("-C").arg(home.folder().join("clone")).args(args))
}

#[test]
fn git_accepts_what_ledgerctl_writes() {
    let home = TestHome::new();
    home.good(&["people", "add", "bob", "--name", "Bob Example", "--plan", "pro"]);
    home.good(&["badge", "add", "bob", "0004134419", "--label", "blue fob"]);
    home.good(&["certificate", "grant", "bob", "frontdoor"]);
    assert!(home.good(&["verify"]).starts_with("good: "));
    let signers = home.folder().join("signers");
    home.good(&["keys", "allowed-signers", signers.to_str().unwrap()]);
    run(Command::new("git").args(["clone", "-q"]).arg(home.git()).arg(home.folder().join("clone")));
    git(&home, &["fsck", "--strict"]);
    let file = format!("gpg.ssh.allowedSignersFile={}", signers.display());
    let log = git(&home, &["-c", &file, "log", "--format=%G? %s"]);
    assert!(log.lines().count() >= 7, "{log}");
    assert!(log.lines().all(|line| line.starts_with("G ")), "{log}");
    let bob = git(&home, &["show", "HEAD:people/bob.toml"]);
    assert!(bob.contains("plan = \"pro\"") && bob.contains("blue fob"), "{bob}");
    let everything = git(&home, &["log", "-p"]);
    assert!(!everything.contains("4134419"), "a badge's number is in the ledger");
}

#[test]
fn init_says_what_to_keep_and_what_comes_next() {
    let folder = tempfile::tempdir().unwrap();
    let mut init = Command::new(env!("CARGO_BIN_EXE_ledgerctl"));
    init.arg("--home").arg(folder.path().join("box")).args(["init", "--org", "Example Makers"]);
    let said = run(init.args(["--founder", "alice", "--founder-name", "Alice \"Al\" Example"]));
    for (file, loss) in [
        ("keys/alice", "nobody can change the policy"),
        ("keys/node", "this box can add nothing"),
        ("secrets/badge.key", "every badge must be entered anew"),
    ] {
        assert!(said.lines().any(|line| line.contains(file) && line.contains(loss)), "{said}");
        assert!(folder.path().join("box").join(file).is_file(), "{file}");
    }
    assert!(said.contains("keep it secret"), "{said}");
    let steps = ["next:", "people add", "badge add", "certificate grant", "dapp publish", "ledgerd --home"];
    let places = steps.map(|step| said.find(step).unwrap_or_else(|| panic!("{step:?} is not in {said}")));
    assert!(places.is_sorted(), "{said}");
    let mut show = Command::new(env!("CARGO_BIN_EXE_ledgerctl"));
    let shown = run(show.arg("--home").arg(folder.path().join("box")).args(["people", "show", "alice"]));
    assert!(shown.starts_with("alice  Alice \"Al\" Example\n"), "{shown}");
}

#[test]
fn a_certificate_below_zero_is_shown_with_its_reason() {
    let home = TestHome::new();
    home.good(&["certificate", "grant", "alice", "laser", "--level", "-1"]);
    home.good(&["propose", "--set", "people/alice.toml:certificates.laser.reason=Past due"]);
    for command in [&["certificate", "list"][..], &["people", "show", "alice"]] {
        let said = home.good(command);
        assert!(said.contains("no access") && said.contains("Past due") && !said.contains("valid"), "{said}");
    }
    assert_eq!(home.json(&["certificate", "list"])["certificates"][0]["reason"], "Past due");
    home.good(&["certificate", "grant", "alice", "laser"]);
    assert!(!home.good(&["certificate", "list"]).contains("Past due"));
}

#[test]
fn a_number_comes_by_stdin_and_finds_its_badge() {
    let home = TestHome::new();
    assert!(home.feed(&["badge", "add", "alice"], "0x04184EDCBA\n").status.success());
    let badge = &home.json(&["badge", "list", "alice"])["badges"][0];
    assert_eq!((&badge["state"], &badge["kind"]), (&json!("active"), &json!("card-number")));
    let lost = home.feed(&["badge", "lost", "alice", "--number"], "407821498\n");
    assert!(lost.status.success(), "{lost:?}");
    assert_eq!(home.json(&["badge", "list"])["badges"][0]["state"], "lost");
    home.good(&["badge", "found", "alice"]);
    home.good(&["badge", "revoke", "alice", "--reason", "left in a taxi"]);
    let badge = &home.json(&["badge", "list"])["badges"][0];
    assert_eq!(badge["revoked"]["reason"], "left in a taxi");
    assert!(
        home.bad(&["badge", "found", "alice", &badge["digest"].as_str().unwrap()[..8]]).contains("for ever")
    );
    assert_eq!(home.feed(&["badge", "add", "alice"], "").status.code(), Some(2), "no number is no badge");
}

#[test]
fn a_certificate_that_ended_can_be_granted_again_and_a_revoked_one_cannot() {
    let home = TestHome::new();
    let state = || home.json(&["certificate", "list"])["certificates"][0]["state"].clone();
    home.good(&["certificate", "grant", "alice", "laser", "--until", "30 days"]);
    assert_eq!(state(), "valid");
    home.good(&["certificate", "end", "alice", "laser"]);
    assert_eq!(state(), "ended");
    home.good(&["certificate", "grant", "alice", "laser"]);
    assert_eq!(state(), "valid");
    home.good(&["certificate", "revoke", "alice", "laser", "--reason", "lit a fire"]);
    assert_eq!(state(), "revoked");
    assert!(home.bad(&["certificate", "grant", "alice", "laser"]).contains("for ever"));
}

#[test]
fn a_proposal_is_shown_first_and_is_one_block() {
    let home = TestHome::new();
    let door = home.file("front.toml", "# a comment\nlatch_ms = 4000\nreader = 'reader'\n");
    let place = format!("doorbot/doors/front.toml={door}");
    let args = ["propose", place.as_str(), "--set", "people/alice.toml:plan=pro"];
    let before = home.json(&["status"])["height"].clone();
    let shown = home.good(&[&args[..], &["--dry-run"]].concat());
    assert!(shown.contains("+ latch_ms = 4000") && shown.contains("+ plan = \"pro\""), "{shown}");
    assert_eq!(home.json(&["status"])["height"], before, "a dry run changes nothing");
    home.good(&[&args[..], &["-m", "A door"]].concat());
    let after = home.json(&["status"])["height"].as_u64().unwrap();
    assert_eq!(after, before.as_u64().unwrap() + 1);
    assert!(home.good(&args).contains("nothing to change"));
    home.good(&["propose", "--unset", "people/alice.toml:plan", "--delete", "doorbot/doors/front.toml"]);
    assert!(home.bad(&["propose", "--delete", "doorbot/doors/front.toml"]).contains("is not in the ledger"));
}

#[test]
fn another_person_signs_with_their_own_key_within_their_role() {
    let home = TestHome::new();
    home.good(&["people", "add", "bob"]);
    home.good(&["keys", "add", "bob", "--generate"]);
    let denied = home.bad(&["--as", "bob", "people", "add", "carol"]);
    assert!(denied.contains("owner or membership") || denied.contains("role"), "{denied}");
    home.good(&["propose", "--set", "policy.toml:roles.membership=[\"bob\"]"]);
    home.good(&["--as", "bob", "people", "add", "carol"]);
    let who = home.json(&["policy", "who-may", "people/carol.toml"]);
    assert_eq!(
        who["who"],
        json!([{"person": "alice", "role": "owner"}, {"person": "bob", "role": "membership"}])
    );
    let key = home.json(&["keys", "list"])["keys"].as_array().unwrap().clone();
    let bobs = key.iter().find(|key| key["owner"] == "person:bob").unwrap()["key"].as_str().unwrap();
    home.good(&["keys", "revoke", &bobs[..8], "--reason", "laptop stolen"]);
    let refused = home.bad(&["--as", "bob", "people", "add", "dora"]);
    assert!(refused.contains("revoked"), "{refused}");
    home.good(&["verify"]);
}

#[test]
fn the_log_says_where_an_event_is() {
    let home = TestHome::new();
    assert_eq!(home.good(&["log"]), "no events yet\n");
    let blocks = home.json(&["log", "--blocks"]);
    assert_eq!(blocks["blocks"][0]["kind"], "genesis");
    assert_eq!(home.good(&["log", "--blocks", "--since", "1 hour"]).lines().count(), 2);
}
