//! What a release on trial is asked: whether this box does again what it did before.
//!
//! Only what was there before is asked for: a box that had no reader and no network needs none to be well.

use super::files::Before;
use crate::services::Services;
use std::net::{IpAddr, SocketAddr};
use update::{Check, GateRules, UpdaterRules};

/// The checks of a trial.
const CHECKS: [&str; 5] = ["agent", "dapps", "devices", "network", "ledger"];
/// How long all must be well together: longer than it takes ledgerd to fail at anything it does at its start.
const STEADY_MS: u64 = 30_000;
/// By when they must have been: a slow card, a network that comes late, a large dapp that is unpacked anew.
const LIMIT_MS: u64 = 600_000;
/// How long a slot that is not on trial must have run.
const SETTLE_MS: u64 = 30_000;
/// How often a release is put on trial that comes back unseen.
const TRIES: u8 = 3;

/// How the machine behaves on a box.
pub fn rules() -> UpdaterRules {
    let checks = CHECKS.map(str::to_owned).to_vec();
    let gate = GateRules { checks, steady_ms: STEADY_MS, limit_ms: LIMIT_MS };
    UpdaterRules { gate, settle_ms: SETTLE_MS, tries: TRIES }
}

/// What is there now.
pub fn look(services: &Services) -> Before {
    let dapps = services.dapps.list().into_iter().filter(|dapp| dapp.state == "running");
    Before {
        dapps: dapps.map(|dapp| dapp.name).collect(),
        devices: services.devices.answering(),
        network: has_network(services),
    }
}

/// What every check says.
pub fn checks(services: &Services, before: &Before, height_before: u64) -> Vec<Check> {
    let now = look(services);
    let gone = |what: &str, before: &[model::Name], now: &[model::Name]| {
        let gone: Vec<&str> =
            before.iter().filter(|name| !now.contains(name)).map(model::Name::as_str).collect();
        (!gone.is_empty()).then(|| format!("{} {what}", gone.join(", ")))
    };
    let height = services.keeper.view().height;
    let behind = || format!("at height {height}, and it was at {height_before} before");
    let check = |name: &str, wrong: Option<String>| Check { name: name.to_owned(), wrong };
    vec![
        check("agent", services.keeper.report().trouble),
        check("dapps", dapps(services, before, gone("not running", &before.dapps, &now.dapps))),
        check("devices", gone("not there", &before.devices, &now.devices)),
        check(
            "network",
            (before.network && !now.network).then(|| "no address, and there was one".to_owned()),
        ),
        check("ledger", (height < height_before).then(behind)),
    ]
}

/// Which dapps do not run, with the first one's own words.
fn dapps(services: &Services, before: &Before, gone: Option<String>) -> Option<String> {
    let gone = gone?;
    let all = services.dapps.list();
    let reason = all.into_iter().find(|dapp| dapp.state != "running" && before.dapps.contains(&dapp.name));
    Some(match reason.and_then(|dapp| dapp.reason) {
        Some(reason) => format!("{gone}: {reason}"),
        None => gone,
    })
}

/// Whether other machines could reach this one.
fn has_network(services: &Services) -> bool {
    let Some(peers) = services.abroad.peers.get() else { return false };
    peers.addresses().iter().any(is_of_a_network)
}

fn is_of_a_network(address: &SocketAddr) -> bool {
    match address.ip() {
        IpAddr::V4(ip) => !(ip.is_loopback() || ip.is_link_local() || ip.is_unspecified()),
        IpAddr::V6(ip) => !(ip.is_loopback() || ip.is_unspecified() || ip.is_unicast_link_local()),
    }
}
