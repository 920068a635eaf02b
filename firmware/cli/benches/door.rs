//! From the tap to the relay, on the real agent with the doorbot in its container, and what both hold in memory.
//!
//! `cargo xtask bench door` (needs root). A tap goes into the admin socket as a reader's driver would put it in;
//! the time ends when the live stream says that the strike is on, so both ends of the socket are in the figure.
//! Everything between is the product's own way: digest, stream to the container, decision, request, relay.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark prints, and stops where it fails")]

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command},
    time::{Duration, Instant},
};

const TAPS: usize = 500;
const NUMBER: &str = "0004134419";
const DOOR: &str =
    "node = \"front-door\"\nresource = \"frontdoor\"\n[times]\nlatch_ms = 100\nrepeat_ms = 0\n";

fn main() {
    let home = tempfile::tempdir().unwrap();
    furnish(home.path());
    let mut agent = ledgerd(home.path());
    let socket = home.path().join("run/admin.sock");
    let mut live = wait_for(|| listen(&socket));
    wait_for(|| request(&socket, "GET", "/v1/log?kind=started", "").contains("doorbot").then_some(()));
    let mut times: Vec<Duration> = (0..TAPS).map(|_| tap(&socket, &mut live)).collect();
    times.sort();
    println!(
        "tap to relay: {TAPS} taps, p50 {:?}, p99 {:?}, max {:?}",
        times[TAPS / 2],
        times[TAPS * 99 / 100],
        times[TAPS - 1]
    );
    println!(
        "resident: ledgerd {} KiB, doorbot {} KiB",
        resident("ledgerd", agent.id()),
        doorbot_resident(agent.id())
    );
    assert!(Command::new("kill").args(["-TERM", &agent.id().to_string()]).status().unwrap().success());
    assert!(agent.wait().unwrap().success());
}

fn furnish(home: &Path) {
    let ctl = |args: &[&str]| {
        let done = Command::new(env!("CARGO_BIN_EXE_ledgerctl"))
            .arg("--home")
            .arg(home)
            .args(args)
            .output()
            .unwrap();
        assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
    };
    let door = home.with_extension("door.toml");
    fs::write(&door, DOOR).unwrap();
    let dapps = PathBuf::from(std::env::var_os("LEDGER_DAPPS").expect("run it by cargo xtask bench door"));
    ctl(&["init", "--org", "Bench", "--founder", "alice", "--node", "front-door"]);
    ctl(&["badge", "add", "alice", NUMBER]);
    ctl(&["certificate", "grant", "alice", "frontdoor"]);
    ctl(&["dapp", "publish", dapps.join("doorbot").to_str().unwrap()]);
    ctl(&["propose", &format!("doorbot/doors/front.toml={}", door.display())]);
    fs::remove_file(door).unwrap();
}

fn ledgerd(home: &Path) -> Child {
    let program = Path::new(env!("CARGO_BIN_EXE_ledgerctl")).with_file_name("ledgerd");
    let mut agent = Command::new(program);
    agent.arg("--home").arg(home).args(["--board", "sim", "--listen", "none"]).env("RUST_LOG", "warn");
    agent.spawn().unwrap()
}

/// One tap, and the relay back off again.
fn tap(socket: &Path, live: &mut impl BufRead) -> Duration {
    let start = Instant::now();
    request(socket, "POST", "/v1/tap", &format!("{{\"reader\":\"reader\",\"number\":\"{NUMBER}\"}}"));
    strike(live, true);
    let taken = start.elapsed();
    strike(live, false);
    // The door takes the next badge when it has seen the relay fall.
    std::thread::sleep(Duration::from_millis(20));
    taken
}

fn strike(live: &mut impl BufRead, on: bool) {
    let wanted = format!("\"on\":{on}");
    let mut line = String::new();
    while !(line.contains("\"name\":\"strike\"") && line.contains(&wanted)) {
        line.clear();
        assert!(live.read_line(&mut line).unwrap() > 0, "the live stream ended");
    }
}

fn listen(socket: &Path) -> Option<BufReader<UnixStream>> {
    let mut stream = UnixStream::connect(socket).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write!(stream, "GET /v1/live HTTP/1.1\r\nHost: box\r\n\r\n").ok()?;
    Some(BufReader::new(stream))
}

fn request(socket: &Path, method: &str, path: &str, body: &str) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: box\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
    answer
}

fn wait_for<T>(mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..600 {
        if let Some(seen) = look() {
            return seen;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("waited a minute");
}

/// KiB of a process that are resident, from /proc.
fn resident(what: &str, pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap_or_else(|| panic!("{what}: no VmRSS"));
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// The doorbot is a grandchild: ledgerd, its helper, the container's first process.
fn doorbot_resident(agent: u32) -> u64 {
    let children = |pid: u32| -> Vec<u32> {
        let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
        let lists = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("children")).ok());
        lists
            .flat_map(|list| list.split_whitespace().map(|pid| pid.parse().unwrap()).collect::<Vec<_>>())
            .collect()
    };
    let all = children(agent).into_iter().flat_map(|helper| {
        let mut below = children(helper);
        below.push(helper);
        below
    });
    let name = |pid: &u32| fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    let doorbot =
        all.into_iter().find(|pid| name(pid).trim() == "doorbot").expect("because the doorbot runs");
    resident("doorbot", doorbot)
}
