//! What is said when something is wrong: what, where, what to do; and nothing is lost.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{TestHome, text};
use std::{fs, process::Command};

/// The three parts are there, and the error is said once.
fn assert_helpful(said: &str, parts: &[&str]) {
    assert!(said.starts_with("error: ") && said.contains("\nhint: "), "{said}");
    assert_eq!(said.matches("error: ").count(), 1, "{said}");
    for part in parts {
        assert!(said.contains(part), "{said:?} lacks {part:?}");
    }
}

#[test]
fn a_list_with_a_missing_column_changes_nothing() {
    let home = TestHome::new();
    let list = home.file("acl.csv", "username,key,value,allowed,lastAccessed\nBob,0,0,allowed,x\n");
    let said = home.bad(&["import", "makeitlabs-acl", &list, "--resource", "frontdoor"]);
    assert_helpful(&said, &["acl.csv", "line 1", "hashedCard", "nothing was imported"]);
    assert_eq!(home.json(&["people", "list"])["people"].as_array().unwrap().len(), 1);
}

#[test]
fn a_list_that_gives_one_badge_to_two_is_refused_or_its_lines_left_out() {
    let home = TestHome::new();
    let tag = "a941044f6af52e22e6a73d60dbf2e20bc549ef13348e822c3f9cec30";
    let other = "01bb474ebd65971a692675165fe5f5389f34c186bae91eb15adeaf38";
    let line = |name: &str, tag: &str| format!("{name},0,0,allowed,{tag},2011-06-21T05:12:25\n");
    let head = "username,key,value,allowed,hashedCard,lastAccessed\n";
    let list = head.to_string() + &line("Bob", tag) + &line("Eve", tag) + &line("Carol", other);
    let list = home.file("acl.csv", list);
    let args = ["import", "makeitlabs-acl", list.as_str(), "--resource", "frontdoor"];
    assert_helpful(&home.bad(&args), &["line 3", "Bob", "Eve"]);
    home.good(&[&args[..], &["--skip-bad"]].concat());
    let badges = home.json(&["badge", "list"]);
    assert_eq!(badges["badges"].as_array().unwrap().len(), 1);
    assert_eq!(badges["badges"][0]["person"], "carol");
}

#[test]
fn a_badge_that_somebody_has_is_refused_at_every_width() {
    let home = TestHome::new();
    home.good(&["people", "add", "bob"]);
    home.good(&["badge", "add", "alice", "5168314"]);
    let said = home.bad(&["badge", "add", "bob", "0x04184EDCBA"]);
    assert_helpful(&said, &["is alice's already", "badge list alice"]);
    assert!(!said.contains("5168314") && !said.contains("4184EDCBA"), "the number is shown");
}

#[test]
fn an_unknown_person_is_named_and_a_near_one_offered() {
    let home = TestHome::new();
    assert_helpful(&home.bad(&["people", "show", "alcie"]), &["no such person: alcie", "did you mean alice"]);
    assert_helpful(&home.bad(&["badge", "add", "zoe", "1"]), &["no such person: zoe", "people add"]);
    assert_helpful(&home.bad(&["--as", "zoe", "people", "add", "bob"]), &["zoe's key", "DIR/keys"]);
}

#[test]
fn a_damaged_pack_is_found_and_said() {
    let home = TestHome::new();
    home.good(&["people", "add", "bob"]);
    let packs = fs::read_dir(home.git().join("objects/pack")).unwrap().map(|entry| entry.unwrap().path());
    for pack in packs.filter(|path| path.extension().is_some_and(|end| end == "pack")) {
        let mut bytes = fs::read(&pack).unwrap();
        for at in [bytes.len() / 3, bytes.len() / 2, bytes.len() * 2 / 3] {
            bytes[at] ^= 0xff;
        }
        fs::remove_file(&pack).unwrap();
        fs::write(&pack, bytes).unwrap();
    }
    let said = home.bad(&["verify"]);
    assert_helpful(&said, &["ledger.git", "another box"]);
}

#[test]
fn an_image_with_a_wrong_digest_is_refused() {
    let home = TestHome::new();
    let image = home.folder().join("image");
    fs::create_dir_all(image.join("blobs/sha256")).unwrap();
    fs::write(image.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    fs::write(image.join("dapp.toml"), "name = 'hello'\nversion = '1'\n[serve]\nargs = ['/hello']\n")
        .unwrap();
    let digest = "ab".repeat(32);
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let index = serde_json::json!({
        "schemaVersion": 2,
        "manifests": [{"mediaType": kind, "digest": format!("sha256:{digest}"), "size": 2}],
    });
    fs::write(image.join("index.json"), index.to_string()).unwrap();
    fs::write(image.join("blobs/sha256").join(&digest), "{}").unwrap();
    let said = home.bad(&["dapp", "publish", image.to_str().unwrap()]);
    assert_helpful(&said, &["cannot be published", "damaged or was changed", "nothing was published"]);
    assert_eq!(home.json(&["dapp", "list"])["dapps"].as_array().unwrap().len(), 0);
}

#[test]
fn a_home_that_is_not_there_is_said_and_one_that_is_there_is_kept() {
    let home = TestHome::new();
    let nowhere = home.folder().join("nowhere");
    let mut command = Command::new(env!("CARGO_BIN_EXE_ledgerctl"));
    let output = command.env("LEDGER_HOME", &nowhere).args(["people", "list"]).output().unwrap();
    assert_helpful(&text(&output.stderr), &["no ledger in", "ledgerctl init"]);
    assert!(!nowhere.exists());
    let again = home.bad(&["init", "--org", "Other", "--founder", "eve"]);
    assert_helpful(&again, &["cannot make an organisation", "already"]);
    assert!(home.good(&["status"]).starts_with("Example Makers"));
}

#[test]
fn a_command_line_that_makes_no_sense_ends_with_two() {
    let home = TestHome::new();
    let status = |args: &[&str]| home.command(args).output().unwrap().status.code();
    assert_eq!(status(&["peple", "list"]), Some(2));
    assert_eq!(status(&["propose"]), Some(2));
    assert_eq!(status(&["people", "set", "alice", "plan"]), Some(2));
    assert_eq!(status(&["log", "--since", "soon"]), Some(2));
    assert_eq!(status(&["init", "--org", "X", "--founder", "x", "--timezone", "Mars/Olympus"]), Some(2));
    assert_eq!(status(&["blob", "cut", "--cutter", "knife:1:2:3", "x"]), Some(2));
    assert_eq!(status(&["--help"]), Some(0));
}

#[test]
fn an_error_is_json_too() {
    let home = TestHome::new();
    let said = home.bad(&["--json", "people", "show", "zoe"]);
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(common::keys(&said), ["error", "error.causes", "error.code", "error.hint", "error.message"]);
    assert_eq!(said["error"]["code"], "refused");
}

#[test]
fn a_command_line_that_makes_no_sense_is_json_too() {
    let home = TestHome::new();
    for (args, message) in [
        (&["--json", "peple", "list"][..], "unrecognized subcommand 'peple'"),
        (&["people", "add", "--json"], "required arguments were not provided: <NAME>"),
        (&["--json"], "requires a subcommand"),
        (&["blob", "cut", "--cutter", "knife:1:2:3", "x", "--json"], "is no cutter"),
    ] {
        let output = home.command(args).output().unwrap();
        assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(2), ""), "{args:?}");
        let said: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
        assert_eq!(said["error"]["code"], "usage");
        assert!(said["error"]["message"].as_str().unwrap().contains(message), "{said}");
        assert!(said["error"]["hint"].as_str().unwrap().contains("--help"), "{said}");
    }
    let near = text(&home.command(&["--json", "peple", "list"]).output().unwrap().stderr);
    assert!(near.contains("a similar subcommand exists: 'people'"), "{near}");
    let plain = home.command(&["people", "show", "--", "--json", "x"]).output().unwrap();
    assert!(text(&plain.stderr).starts_with("error: "), "--json after -- is no option");
    assert!(home.good(&["--json", "--version"]).starts_with("ledgerctl "));
}

#[test]
fn nobody_can_be_called_as_the_key_of_the_box_is() {
    let home = TestHome::new();
    let named = "no person can be called \"node\"";
    assert_helpful(&home.bad(&["people", "add", "node"]), &[named, "another name"]);
    assert_helpful(&home.bad(&["init", "--org", "X", "--founder", "node"]), &[named, "another name"]);
    assert_helpful(&home.bad(&["propose", "--set", "people/node.toml:name=Node"]), &[named, "another name"]);
    assert_helpful(&home.bad(&["propose", "--dry-run", "--set", "people/node.toml:name=Node"]), &[named]);
    home.good(&["propose", "--set", "people/nodes.toml:name=Node"]);
}

#[test]
fn sizes_that_do_not_do_are_refused_with_the_reason() {
    let home = TestHome::new();
    let output = home.command(&["blob", "cut", "--cutter", "fastcdc:1:2:3", "x"]).output().unwrap();
    let said = text(&output.stderr);
    let why = said.split_once("cannot be used: ").unwrap_or_else(|| panic!("{said} has no reason")).1;
    assert!(why.lines().next().unwrap().len() > 10, "{said}");
}

#[test]
fn a_file_that_is_not_toml_is_refused_with_its_line() {
    let home = TestHome::new();
    let file = home.file("bad.toml", "title = 'Front door'\nthis is no toml\n");
    let place = format!("doorbot/doors/front.toml={file}");
    for args in [&["policy", "check", file.as_str()][..], &["propose", place.as_str()]] {
        assert_helpful(&home.bad(args), &["bad.toml", "line 2", "hint: TOML is wanted"]);
    }
}

#[test]
fn a_policy_that_locks_everybody_out_is_refused() {
    let home = TestHome::new();
    let rules = "[roles]\nowner = []\n[[rules]]\npaths = ['policy.toml']\nroles = ['owner']\n";
    let file = home.file("policy.toml", rules);
    for command in ["check", "set"] {
        assert_helpful(&home.bad(&["policy", command, &file]), &["nobody could change the policy"]);
    }
}
