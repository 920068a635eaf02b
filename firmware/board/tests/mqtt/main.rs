//! Remote relays over Debian's mosquitto: each maker's, a broker that dies, a box that dies, a wrong password.
//!
//! The relays are fakes that obey, and speak as the real ones do. A missing mosquitto fails; `cargo xtask test`
//! installs it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails by panicking")]

mod bench;

use bench::{Broker, Relay, until};
use board::{Board, BoardSpec};
use model::Name;
use std::{process::Command, sync::Arc, time::Duration};

/// Says to this program that it is the box that will be killed.
const BOX_OF: &str = "LEDGER_TEST_BOX_OF_BROKER";

fn lathe() -> Name {
    "lathe".parse().unwrap()
}

fn open(port: u16, format: &str, more: &str) -> Arc<dyn Board> {
    let text = format!(
        "title = \"T\"\ndriver = \"linux\"\n[devices.lathe]\nkind = \"relay\"\nsafe = \"off\"\n\
         mqtt = {{ broker = \"127.0.0.1:{port}\", format = \"{format}\", topic = \"mill/lathe\"{more} }}\n"
    );
    let spec = BoardSpec::parse("t", &text, &|_| unreachable!("it inherits nothing")).unwrap();
    board::open(spec, Arc::new(|_| {})).unwrap()
}

fn level(board: &Arc<dyn Board>) -> Option<bool> {
    board.get(&lathe()).ok()
}

#[test]
fn each_maker_s_relay_obeys_and_confirms() {
    let broker = Broker::start();
    for format in ["shelly1", "shelly2", "tasmota"] {
        let relay = Relay::start(broker.port, format);
        relay.set(true);
        let board = open(broker.port, format, "");
        until("the safe level is the first word", || !relay.is_on() && level(&board) == Some(false));
        board.set(&lathe(), true).unwrap();
        until("it is on, and says so", || relay.is_on() && level(&board) == Some(true));
        drop(board);
        until("a board that is closed leaves it safe", || !relay.is_on());
    }
}

#[test]
fn a_broker_that_dies_and_comes_back_means_safe() {
    let mut broker = Broker::start();
    let relay = Relay::start(broker.port, "tasmota");
    let board = open(broker.port, "tasmota", "");
    until("it is there", || level(&board) == Some(false));
    board.set(&lathe(), true).unwrap();
    until("it is on", || level(&board) == Some(true));
    broker.stop();
    until("nothing is known", || level(&board).is_none());
    assert!(relay.is_on(), "nobody can tell it");
    assert!(board.get(&lathe()).unwrap_err().is_transient());
    broker.run();
    until("safe is the first word again", || !relay.is_on() && level(&board) == Some(false));
    board.set(&lathe(), true).unwrap();
    until("and it obeys", || relay.is_on());
}

#[test]
fn the_broker_makes_it_safe_when_the_box_is_killed() {
    let broker = Broker::start();
    let relay = Relay::start(broker.port, "shelly1");
    let this = std::env::current_exe().unwrap();
    let mut killed = Command::new(this)
        .args(["--exact", "a_box_that_waits_to_be_killed"])
        .env(BOX_OF, broker.port.to_string())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    until("the box has turned it on", || relay.is_on());
    killed.kill().unwrap();
    killed.wait().unwrap();
    until("the will was said", || !relay.is_on());
}

#[test]
fn a_box_that_waits_to_be_killed() {
    let Ok(port) = std::env::var(BOX_OF) else { return };
    let board = open(port.parse().unwrap(), "shelly1", "");
    until("it is there", || level(&board) == Some(false));
    board.set(&lathe(), true).unwrap();
    std::thread::sleep(Duration::from_secs(60));
}

#[test]
fn a_broker_with_passwords_wants_the_right_one() {
    let broker = Broker::with_password("box", "right");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, "wrong\n").unwrap();
    let _relay = Relay::login(broker.port, "tasmota", Some(("box", "right")));
    let login = format!(", user = \"box\", password_file = \"{}\"", file.display());
    let board = open(broker.port, "tasmota", &login);
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(level(&board), None);
    std::fs::write(&file, "right\n").unwrap();
    until("the file is read anew at each attempt", || level(&board) == Some(false));
}
