//! The lockout in its container under a real ledgerd, on the simulated board with a machine: what ends badly. How it goes
//! well is docs/walkthroughs/lockout.md. Needs root.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

#[path = "common/running.rs"]
mod running;

use common::TestHome;
use running::{Agent, build};
use serde_json::Value;
use std::{fs, process::Command, time::Duration};

const SAW: &str =
    "node = \"front-door\"\n[times]\nsafety_ms = 200\nsettle_ms = 100\ncoast_ms = 300\nrepeat_ms = 0\n";

/// Alice, her badge, her training, and a saw.
fn workshop() -> TestHome {
    let home = TestHome::new();
    home.good(&["dapp", "publish", build::programs().dapps.join("lockout").to_str().unwrap()]);
    assert!(home.feed(&["badge", "add", "alice"], "1001\n").status.success());
    home.good(&["certificate", "grant", "alice", "saw"]);
    home.good(&["propose", &format!("lockout/machines/saw.toml={}", home.file("saw.toml", SAW))]);
    home
}

fn until(what: &str, mut is: impl FnMut() -> bool) {
    for _ in 0..600 {
        if is() {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("in vain for {what}");
}

fn events(home: &TestHome, kind: &str) -> Vec<Value> {
    let lines = home.good(&["--json", "log", "--kind", kind]);
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn is_on(home: &TestHome) -> bool {
    home.json(&["board", "show", "machine"])["on"] == true
}

/// A session with the machine running.
fn saw(home: &TestHome) {
    let began = events(home, "session-began").len();
    home.good(&["tap", "machine-reader", "1001"]);
    until("the session", || events(home, "session-began").len() > began);
    home.good(&["contact", "start", "pressed"]);
    home.good(&["contact", "start", "released"]);
    until("the machine to have its current", || is_on(home));
    std::thread::sleep(Duration::from_millis(1500));
    home.good(&["contact", "sense", "on"]);
}

/// The lockout's processes, as this machine sees them: below ledgerd.
fn lockouts(pid: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("children")).ok());
    let children: Vec<u32> = lists
        .flat_map(|list| list.split_whitespace().map(|pid| pid.parse().unwrap()).collect::<Vec<_>>())
        .collect();
    let is_it = |pid: &u32| {
        fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "lockout")
    };
    let below = children.iter().flat_map(|child| lockouts(*child)).collect::<Vec<_>>();
    children.into_iter().filter(is_it).chain(below).collect()
}

#[test]
fn a_lockout_that_is_killed_leaves_the_machine_off_and_comes_back() {
    let home = workshop();
    let agent = Agent::start_on(&home, "sim-machine");
    until("the lockout", || events(&home, "started").len() == 1);
    saw(&home);
    let killed = lockouts(agent.id());
    assert!(!killed.is_empty(), "the lockout runs in a container below ledgerd");
    for pid in killed {
        assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
    }
    until("the machine to be off", || !is_on(&home));
    until("the lockout to come back", || events(&home, "started").len() == 2);
    until("the machine to be found running by itself", || !events(&home, "safety").is_empty());
    home.good(&["tap", "machine-reader", "1001"]);
    until("the refusal", || events(&home, "access").iter().any(|event| event["data"]["result"] == "denied"));
    assert!(!is_on(&home), "armed while the machine still turns");
    until("the end of the session", || events(&home, "session-ended").len() == 1);
    assert_eq!(events(&home, "session-ended")[0]["data"]["reason"], "lost");
    home.good(&["contact", "sense", "off"]);
    std::thread::sleep(Duration::from_secs(3));
    saw(&home);
}

#[test]
fn a_session_that_the_end_of_ledgerd_ends_is_in_the_ledger() {
    let home = workshop();
    let agent = Agent::start_on(&home, "sim-machine");
    until("the lockout", || events(&home, "started").len() == 1);
    saw(&home);
    std::thread::sleep(Duration::from_millis(1200));
    drop(agent);
    let ended = events(&home, "session-ended");
    let data = &ended[0]["data"];
    assert_eq!((ended.len(), &data["person"]), (1, &Value::from("alice")), "{ended:?}");
    let seconds = |field: &str| data[field].as_u64().unwrap();
    assert!(
        seconds("active_s") >= 1 && seconds("enabled_s") == seconds("active_s") + seconds("idle_s"),
        "{data}"
    );
    home.good(&["verify"]);
}
