//! The manifest, the examples and what docs/formats/doorbot.md shows are documents that the doorbot takes.

#![allow(clippy::unwrap_used, reason = "helpers of tests may")]

use dapp::{Manifest, kit::person::Person};
use doorbot::{door_document::DoorDocument, schedule::Schedule};
use model::Document;

fn read(path: &str) -> String {
    std::fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn json(toml: &str) -> String {
    serde_json::to_string(&Document::parse(toml.as_bytes()).unwrap().to_json()).unwrap()
}

/// The n-th block of TOML of a page.
fn block(page: &str, n: usize) -> String {
    page.split("```toml\n").nth(n + 1).unwrap().split("```").next().unwrap().to_string()
}

#[test]
fn the_manifest_grants_what_a_door_needs_and_no_more() {
    let manifest = Manifest::parse(read("dapp.toml").as_bytes()).unwrap();
    let door = DoorDocument::parse(&json(&read("example/front.toml"))).unwrap();
    assert!(door.devices.all().all(|device| manifest.may_use(device)));
    for path in ["people/alice.toml", "doorbot/doors/front.toml", "doorbot/schedules/nights.toml"] {
        assert!(manifest.may_read(&path.parse().unwrap()) && !manifest.may_write(&path.parse().unwrap()));
    }
    assert!(!manifest.may_read(&"keys/x.toml".parse().unwrap()) && !manifest.network);
}

#[test]
fn the_examples_are_taken() {
    Schedule::parse(&json(&read("example/nights.toml"))).unwrap();
}

#[test]
fn the_documents_of_the_page_are_taken_and_show_the_defaults() {
    let page = read("../../docs/formats/doorbot.md");
    let shown = DoorDocument::parse(&json(&block(&page, 0))).unwrap();
    let plain = DoorDocument::parse(r#"{"node": "front-door"}"#).unwrap();
    assert_eq!(
        (&shown.times, &shown.devices, shown.grace_days),
        (&plain.times, &plain.devices, plain.grace_days)
    );
    assert_eq!((shown.clock_untrusted, shown.stale), (plain.clock_untrusted, plain.stale));
    Schedule::parse(&json(&block(&page, 1))).unwrap();
    let person = block(&page, 2).replace("<digest>", &"ab".repeat(32));
    Person::parse(&"alice".parse().unwrap(), &json(&person)).unwrap();
}

#[test]
fn the_manifest_of_the_page_is_taken() {
    let page = read("../../docs/formats/dapp-manifest.md");
    Manifest::parse(block(&page, 0).as_bytes()).unwrap();
}
