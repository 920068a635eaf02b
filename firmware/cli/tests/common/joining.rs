//! A second box that joins by a ticket.

#![allow(dead_code, reason = "each test program uses its own part of this")]

use crate::common::{TestHome, text};
use serde_json::Value;
use std::{
    process::{Child, Output, Stdio},
    time::Duration,
};

/// `ledgerctl join` at work.
pub fn join(home: &TestHome, ticket: &str, name: &str) -> Child {
    let mut command = home.command(&["join", ticket, "--name", name, "--place", "the back"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Looks until it is so; the test runner's own patience is the only limit.
pub fn until(what: &str, mut look: impl FnMut() -> bool) {
    for _ in 0..600 {
        if look() {
            return;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    panic!("{what} did not come about");
}

/// The boxes that ask to belong.
pub fn pending(home: &TestHome) -> Vec<Value> {
    home.json(&["nodes", "pending"])["waiting"].as_array().unwrap().clone()
}

/// All that a program said.
pub fn said(output: &Output) -> String {
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

/// A new ticket.
pub fn ticket(home: &TestHome) -> String {
    home.json(&["invite"])["ticket"].as_str().unwrap().to_string()
}

/// Has a second box join, with a weight among those who vote.
pub fn joined(first: &TestHome, name: &str, weight: &str) -> TestHome {
    let second = TestHome::empty();
    let joining = join(&second, &ticket(first), name);
    until("the box asks", || pending(first).len() == 1);
    first.good(&["nodes", "approve", name, "--validator", weight]);
    let joined = joining.wait_with_output().unwrap();
    assert!(joined.status.success(), "{}", said(&joined));
    second
}
