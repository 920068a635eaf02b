//! A switch, its cables, and that nothing of them stays.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use netns::Lan;
use std::{
    net::{Ipv4Addr, UdpSocket},
    panic::{AssertUnwindSafe, catch_unwind},
    process::{Command, Stdio},
    time::Duration,
};

/// Whether a datagram from one box reaches another.
fn reaches(lan: &Lan, from: usize, to: usize) -> bool {
    let ear = lan.within(to, || UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap()).unwrap();
    ear.set_read_timeout(Some(Duration::from_millis(700))).unwrap();
    let port = ear.local_addr().unwrap().port();
    let mouth = lan.within(from, || UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap()).unwrap();
    let sent = mouth.send_to(b"hello", (lan.address(to), port));
    sent.is_ok() && ear.recv(&mut [0; 16]).is_ok()
}

fn namespaces() -> String {
    let output = Command::new("ip").args(["netns", "list"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn boxes_reach_each_other_until_they_are_cut() {
    let lan = Lan::new(4).unwrap();
    assert!(reaches(&lan, 0, 1) && reaches(&lan, 3, 2));
    lan.cut(1).unwrap();
    assert!(!reaches(&lan, 0, 1) && !reaches(&lan, 1, 0) && reaches(&lan, 0, 2));
    lan.split(&[&[0, 1], &[2, 3]]).unwrap();
    assert!(reaches(&lan, 0, 1) && reaches(&lan, 2, 3) && !reaches(&lan, 1, 2));
    lan.heal().unwrap();
    assert!(reaches(&lan, 1, 2));
    lan.unplug(2).unwrap();
    assert!(!reaches(&lan, 1, 2));
    lan.plug(2).unwrap();
    assert!(reaches(&lan, 1, 2));
}

#[test]
fn two_switches_know_nothing_of_each_other() {
    let (one, other) = (Lan::new(2).unwrap(), Lan::new(2).unwrap());
    assert!(reaches(&one, 0, 1) && reaches(&other, 0, 1));
    one.cut(1).unwrap();
    assert!(!reaches(&one, 0, 1) && reaches(&other, 0, 1));
}

#[test]
fn a_panic_leaves_no_namespace_and_no_process() {
    let (mut name, mut child) = (String::new(), None);
    let panic = catch_unwind(AssertUnwindSafe(|| {
        let lan = Lan::new(1).unwrap();
        name = lan.namespace(0);
        child = Some(lan.command(0, "sleep").arg("1000").stdout(Stdio::null()).spawn().unwrap());
        while !namespaces().contains(&name) || !runs_within(&name) {
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("as a test does");
    }));
    assert!(panic.is_err());
    assert!(!namespaces().contains(&name));
    assert!(!child.unwrap().wait().unwrap().success(), "it was killed");
}

fn runs_within(namespace: &str) -> bool {
    let output = Command::new("ip").args(["netns", "pids", namespace]).output().unwrap();
    !output.stdout.is_empty()
}

#[test]
fn what_a_box_sends_elsewhere_is_counted() {
    let lan = Lan::new(2).unwrap();
    let mouth = lan.within(0, || UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap()).unwrap();
    assert!(mouth.send_to(b"anybody?", "192.0.2.1:53").is_err(), "there is no way out");
    lan.route(0, 1).unwrap();
    let before = lan.dropped(1).unwrap();
    mouth.send_to(b"anybody?", "192.0.2.1:53").unwrap();
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(lan.dropped(1).unwrap(), before + 1);
}

#[test]
fn a_tool_that_says_no_is_an_error_with_its_words() {
    let lan = Lan::new(1).unwrap();
    let error = lan.cut(7).and(lan.unplug(7)).unwrap_err().to_string();
    assert!(error.contains("port7"), "{error}");
}
