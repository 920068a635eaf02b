//! The manifest, the example, the board and what docs/formats/lockout.md shows fit together.

#![allow(clippy::unwrap_used, reason = "helpers of tests may")]

use dapp::Manifest;
use lockout::{
    grant::Grant, inspection::Inspection, issue::Issue, machine_document::MachineDocument,
    reservation::Reservation,
};
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
fn the_manifest_grants_what_a_machine_needs_and_no_more() {
    let manifest = Manifest::parse(read("dapp.toml").as_bytes()).unwrap();
    let machine = MachineDocument::parse(&json(&read("example/bandsaw.toml"))).unwrap();
    assert!(machine.devices.all().all(|device| manifest.may_use(device)));
    let laser = MachineDocument::parse(&json(&read("example/laser.toml"))).unwrap();
    assert!(laser.devices.all().all(|device| manifest.may_use(device)));
    for (path, reads, writes) in [
        ("people/alice.toml", true, false),
        ("lockout/machines/saw.toml", true, false),
        ("lockout/issues/saw/1.toml", true, true),
        ("lockout/inspections/saw.toml", true, true),
        ("lockout/grants/saw/bob.toml", true, false),
        ("reservations/saw/1.toml", true, false),
        ("keys/x.toml", false, false),
    ] {
        let path = path.parse().unwrap();
        assert_eq!((manifest.may_read(&path), manifest.may_write(&path)), (reads, writes), "{path}");
    }
    assert!(!manifest.network);
}

#[test]
fn no_device_of_a_machine_is_a_doors() {
    // A dapp that starts makes its devices safe: the lamps of a door on the same box must not be among them.
    let door = Manifest::parse(read("../doorbot/dapp.toml").as_bytes()).unwrap();
    let machine = Manifest::parse(read("dapp.toml").as_bytes()).unwrap();
    let both: Vec<_> = machine.devices.iter().filter(|device| door.may_use(device)).collect();
    assert!(both.is_empty(), "{both:?}");
}

#[test]
fn the_simulated_board_has_what_a_plain_document_asks_for() {
    let machine = MachineDocument::parse(r#"{"node": "box"}"#).unwrap();
    let board = read("../../board/sim-machine/board.toml");
    for device in machine.devices.all() {
        assert!(board.contains(&format!("[devices.{device}]")), "{device}");
    }
}

#[test]
fn the_documents_of_the_page_are_taken_and_show_the_defaults() {
    let page = read("../../docs/formats/lockout.md");
    let shown = MachineDocument::parse(&json(&block(&page, 0))).unwrap();
    let plain = MachineDocument::parse(r#"{"node": "wood-shop"}"#).unwrap();
    assert_eq!((&shown.times, &shown.devices), (&plain.times, &plain.devices));
    assert_eq!(
        (shown.grace_days, shown.clock_untrusted, shown.stale, shown.supervisor_level_min, shown.issue_locks),
        (plain.grace_days, plain.clock_untrusted, plain.stale, plain.supervisor_level_min, plain.issue_locks)
    );
    assert!(Issue::parse(&json(&block(&page, 1))).unwrap().lock().is_none());
    Inspection::parse(&json(&block(&page, 2))).unwrap();
    Grant::parse(&json(&block(&page, 3))).unwrap();
    Reservation::parse(&json(&block(&page, 4))).unwrap();
}
