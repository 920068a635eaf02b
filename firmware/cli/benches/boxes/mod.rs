//! Real boxes for benches: `ledgerd`s with homes of their own, on loopback or on a switch of network namespaces.
//!
//! The bench starts itself again in a network namespace of its own, so that ports are free, the loopback's
//! counters count nothing else, and nothing of the machine's own network is touched. Needs root, as containers do.

#![allow(dead_code, reason = "each bench uses its own part of this")]

pub mod figures;
pub mod home;
pub mod http;
pub mod organisation;

use std::{
    process::Command,
    time::{Duration, Instant},
};

/// Set in the process that has its own network.
const INSIDE: &str = "LEDGER_BENCH_INSIDE";

/// Runs the bench in a network of its own.
pub fn in_own_network(bench: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        run("ip", &["link", "set", "lo", "up"]);
        return bench();
    }
    let mut again = Command::new("unshare");
    again.args(["--net", "--"]).arg(std::env::current_exe().unwrap()).args(std::env::args_os().skip(1));
    let status = again.env(INSIDE, "1").status().expect("unshare (util-linux) is needed");
    assert!(status.success(), "the bench failed; it needs root");
}

/// Runs a program that must succeed.
pub fn run(program: &str, args: &[&str]) {
    let output =
        Command::new(program).args(args).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Looks again and again until there is something to see.
pub fn wait_for<T>(what: &str, pause: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(begun.elapsed() < PATIENCE, "{what}: waited for {PATIENCE:?}");
        std::thread::sleep(pause);
    }
}

const PATIENCE: Duration = Duration::from_secs(1200);

/// The numbers on the command line, or these.
pub fn numbers<const N: usize>(usual: [u64; N]) -> [u64; N] {
    let mut said = std::env::args().filter_map(|argument| argument.parse().ok());
    usual.map(|usual| said.next().unwrap_or(usual))
}
