//! Releases while ledgerd runs: everything goes through its socket. No slot is here, so nothing is installed.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

#[path = "common/bundles.rs"]
mod bundles;
#[path = "common/running.rs"]
mod running;

use bundles::{bundle, publish, root};
use common::TestHome;
use running::Agent;
use serde_json::json;

#[test]
fn a_release_is_published_approved_and_collected_around_while_ledgerd_runs() {
    let home = TestHome::new();
    home.good(&["people", "add", "bob"]);
    home.good(&["keys", "add", "bob", "--generate"]);
    home.good(&["policy", "releases", "stable", "alice", "bob", "--threshold", "2"]);
    let agent = Agent::start(&home);
    publish(&home, &bundle(&home, "one.tar", "sim", &root(100, 0)), "1.0.0", &["--as", "alice"]);
    let said = publish(&home, &bundle(&home, "two.tar", "sim", &root(100, 1)), "1.1.0", &["--as", "alice"]);
    assert!(said.contains("    from 1.0.0: "), "{said}");
    let said = home.good(&["image", "approve", "sim", "stable", "1.1.0", "--as", "bob"]);
    assert!(said.starts_with("approved: signed by person:alice, person:bob (2 of 2)"), "{said}");
    let releases = home.json(&["image", "list", "sim"])["releases"].clone();
    assert_eq!((&releases[0]["approved"], &releases[1]["approved"]), (&json!(false), &json!(true)));
    let stick = home.folder().join("stick").to_str().unwrap().to_owned();
    home.good(&["image", "export", "sim", "stable", "1.1.0", &stick, "--deltas"]);
    let said = home.good(&["image", "import", &stick]);
    assert!(said.starts_with("sim stable 1.1.0: "), "{said}");
    let status = home.good(&["image", "status"]);
    assert!(status.contains("front-door") && status.contains("not known"), "{status}");
    let value = home.json(&["image", "status"]);
    assert_eq!((&value["can"], &value["node"]), (&json!(false), &json!("front-door")), "{value}");
    assert!(!value["reason"].as_str().unwrap().is_empty());
    assert!(home.bad(&["image", "now", "1.1.0"]).starts_with("error: "));
    assert!(home.bad(&["image", "back"]).starts_with("error: "));
    drop(agent);
    assert_eq!(home.json(&["blob", "gc"])["removed"], 0, "parts and deltas are needed");
    home.good(&["verify"]);
}
