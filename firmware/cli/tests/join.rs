//! A second box joins by a ticket, as real programs on this machine: no root is needed.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

#[path = "common/joining.rs"]
mod joining;
#[path = "common/running.rs"]
mod running;

use common::TestHome;
use joining::{join, pending, said, ticket, until};
use running::Agent;

#[test]
fn a_box_joins_by_a_ticket_once_a_person_has_approved_it() {
    let first = TestHome::new();
    let _first_runs = Agent::start(&first);
    let ticket = ticket(&first);
    let second = TestHome::empty();
    let joining = join(&second, &ticket, "back-door");
    until("the box asks", || pending(&first).len() == 1);
    assert_eq!(pending(&first)[0]["place"], "the back");
    let stranger = TestHome::empty();
    let refused = join(&stranger, &ticket, "thief").wait_with_output().unwrap();
    assert!(
        !refused.status.success() && said(&refused).contains("another box has used it"),
        "{}",
        said(&refused)
    );
    first.good(&["nodes", "approve", "back-door"]);
    let joined = joining.wait_with_output().unwrap();
    assert!(joined.status.success(), "{}", said(&joined));
    assert!(pending(&first).is_empty());
    second.good(&["verify"]);

    let _second_runs = Agent::start(&second);
    first.good(&["people", "add", "bob"]);
    until("the second box hears of bob", || {
        second.command(&["people", "show", "bob"]).output().unwrap().status.success()
    });
    first.good(&["nodes", "remove", "back-door", "--reason", "stolen"]);
    first.good(&["people", "add", "carol"]);
    let nodes = first.json(&["nodes", "list"]);
    let back = nodes["nodes"].as_array().unwrap().iter().find(|node| node["node"] == "back-door").unwrap();
    assert_eq!(back["state"], "removed");
}

#[test]
fn a_box_that_is_rejected_hears_so_and_a_bad_ticket_is_told_from_a_bad_box() {
    let first = TestHome::new();
    let _first_runs = Agent::start(&first);
    let second = TestHome::empty();
    let joining = join(&second, &ticket(&first), "back-door");
    until("the box asks", || pending(&first).len() == 1);
    first.good(&["nodes", "reject", "back-door"]);
    let rejected = joining.wait_with_output().unwrap();
    assert!(
        !rejected.status.success() && said(&rejected).contains("rejected this box"),
        "{}",
        said(&rejected)
    );
    let slip = second.command(&["join", "LEDGER1ABC", "--name", "x"]).output().unwrap();
    assert_eq!(slip.status.code(), Some(2));
    assert!(said(&slip).contains("damaged or cut short"), "{}", said(&slip));
}
