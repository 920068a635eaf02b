//! `ledger-ntp` against servers of ours on this machine. The clock is only shown, never set: it is everybody's.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    net::UdpSocket,
    process::{Command, Output},
    thread,
    time::{Duration, SystemTime},
};

/// Seconds from 1900, where NTP begins, to 1970.
const TO_1970: u64 = 2_208_988_800;

/// A server whose clock is so many seconds ahead; answers with its address.
fn server(ahead: i64, stratum: u8) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    thread::spawn(move || {
        let mut question = [0; 48];
        while let Ok((_, from)) = socket.recv_from(&mut question) {
            socket.send_to(&answer(&question, ahead, stratum), from).unwrap();
        }
    });
    address
}

/// RFC 5905, 7.3: flags, stratum, then from byte 24 the question's time, when it came, when the answer goes.
fn answer(question: &[u8; 48], ahead: i64, stratum: u8) -> [u8; 48] {
    #[expect(clippy::disallowed_methods, reason = "the server has this machine's time, and some")]
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let seconds = (now.as_secs() + TO_1970).saturating_add_signed(ahead);
    let fraction = (u64::from(now.subsec_nanos()) << 32) / 1_000_000_000;
    let time = ((seconds << 32) | fraction).to_be_bytes();
    let mut answer = [0; 48];
    (answer[0], answer[1]) = (0b00_100_100, stratum);
    answer[24..32].copy_from_slice(&question[40..48]);
    answer[32..40].copy_from_slice(&time);
    answer[40..48].copy_from_slice(&time);
    answer
}

fn ledger_ntp(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ledger-ntp")).arg("--show").args(args).output().unwrap()
}

fn said(args: &[&str]) -> (bool, String) {
    let output = ledger_ntp(args);
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap().trim().to_owned())
}

#[test]
fn a_server_that_agrees_changes_nothing() {
    assert_eq!(said(&[&server(0, 2)]), (true, String::new()));
}

#[test]
fn a_server_that_is_ahead_is_followed() {
    let (good, text) = said(&[&server(3600, 2)]);
    assert!(good && text.starts_with("the clock would be set forward by 3600."), "{text}");
}

#[test]
fn one_server_of_three_that_is_wrong_does_not_count() {
    assert_eq!(said(&[&server(90_000, 2), &server(0, 3), &server(0, 1)]), (true, String::new()));
}

#[test]
fn a_time_far_behind_what_was_written_down_is_not_believed() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    let (good, text) = said(&["--written", path, &server(-3600, 2)]);
    assert!(!good && text.contains("behind what this box has written down"), "{text}");
    let (good, text) = said(&["--written", path, &server(-30, 2)]);
    assert!(good && text.contains("back by 30"), "{text}");
    let old = file.as_file().metadata().unwrap().modified().unwrap() - Duration::from_secs(7200);
    file.as_file().set_modified(old).unwrap();
    assert!(said(&["--written", path, &server(-3600, 2)]).0);
}

#[test]
fn a_server_that_has_no_time_or_does_not_answer_is_named() {
    let unsynchronised = server(0, 16);
    let (good, text) = said(&[&unsynchronised]);
    assert!(!good && text.contains(&unsynchronised), "{text}");
    let nobody = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let (good, text) = said(&[&nobody, "no.such.host.invalid"]);
    assert!(!good && text.contains("no.such.host.invalid"), "{text}");
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (good, text) = said(&[&silent.local_addr().unwrap().to_string()]);
    assert!(!good && text.contains("silent for 3 s"), "{text}");
}
