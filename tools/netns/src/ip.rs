//! Calls of `ip`, and what has to be cleared away.

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use std::{io, process::Command};

/// Why there is no network for the test.
#[derive(Debug, thiserror::Error)]
pub enum NetnsError {
    /// `ip` cannot be started.
    #[error("cannot run ip; it is in the package iproute2")]
    Missing(#[source] io::Error),
    /// `ip` says no. Most often: not root.
    #[error("ip {command}: {message}")]
    Failed {
        /// Its arguments.
        command: String,
        /// What it says.
        message: String,
    },
    /// The kernel does not say what it drops.
    #[error("/proc/net/snmp has no count of packets for elsewhere")]
    NoCounter,
    /// A namespace cannot be entered.
    #[error("cannot enter {path}")]
    Enter {
        /// Its handle.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Runs `ip` with these arguments.
pub fn ip(arguments: &[&str]) -> Result<(), NetnsError> {
    output(arguments).map(drop)
}

/// The same in a namespace.
pub fn ip_in(namespace: &str, arguments: &[&str]) -> Result<(), NetnsError> {
    ip(&[&["-n", namespace], arguments].concat())
}

fn output(arguments: &[&str]) -> Result<String, NetnsError> {
    let output = Command::new("ip").args(arguments).output().map_err(NetnsError::Missing)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let message = String::from_utf8_lossy(&output.stderr).trim().to_string();
    Err(NetnsError::Failed { command: arguments.join(" "), message })
}

/// Removes a namespace and kills what still runs in it.
pub fn remove(namespace: &str) {
    let pids = output(&["netns", "pids", namespace]).unwrap_or_default();
    for pid in pids.lines().filter_map(pid) {
        let _gone = kill_process(pid, Signal::KILL);
    }
    let _none = ip(&["netns", "delete", namespace]);
}

/// Removes the namespaces of processes that are no more.
pub fn clear_left_behind(prefix: &str) -> Result<(), NetnsError> {
    for line in output(&["netns", "list"])?.lines() {
        let name = line.split_whitespace().next().unwrap_or_default();
        let number = name.strip_prefix(prefix).and_then(|rest| rest.split('-').nth(1));
        if number.and_then(pid).is_some_and(|maker| test_kill_process(maker).is_err()) {
            remove(name);
        }
    }
    Ok(())
}

/// `InAddrErrors` of the two lines `Ip:` in `/proc/net/snmp`: names, then numbers.
pub fn packets_for_elsewhere(counters: &str) -> Option<u64> {
    let mut lines = counters.lines().filter(|line| line.starts_with("Ip:"));
    let (names, numbers) = (lines.next()?.split(' '), lines.next()?.split(' '));
    names.zip(numbers).find(|(name, _)| *name == "InAddrErrors")?.1.parse().ok()
}

fn pid(text: &str) -> Option<Pid> {
    Pid::from_raw(text.trim().parse().ok()?)
}
