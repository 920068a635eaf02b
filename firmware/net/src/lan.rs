//! Who is on the LAN: multicast DNS, as `<key>._ledger._udp.local`.
//!
//! What is heard is anybody's claim and only a reason to dial. The announcement goes out on each interface
//! that has an IPv4 address (a LAN without a router has no default route to choose one by), and it is made
//! anew when an address comes or goes, and now and then, should the multicast sockets have died unheard.

use crate::{Event, key, shared::Shared};
use iroh::Watcher;
use model::PublicKey;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use swarm_discovery::{Discoverer, DropGuard, IpClass, Peer};
use tokio::{runtime::Handle, time::sleep};

const SERVICE: &str = "ledger";
/// How long it takes to hear of a new box, about; the LAN carries some packets in that time, in all.
const CADENCE: Duration = Duration::from_secs(2);
/// Answers in a second, all boxes together.
const ANSWERS: f32 = 2.0;
const AFRESH: Duration = Duration::from_secs(600);
/// Addresses come and go in handfuls.
const SETTLE: Duration = Duration::from_millis(300);
/// One packet holds them.
const ADDRESSES_MAX: usize = 8;

/// Announces and listens until the network is closed.
pub async fn run(shared: Arc<Shared>) {
    let mut addresses = shared.endpoint.watch_addr();
    loop {
        let here = announced(addresses.get().ip_addrs());
        let _until_changed = discover(&shared, &here);
        tokio::select! {
            changed = addresses.updated() => if changed.is_err() { return },
            () = sleep(AFRESH) => {}
        }
        sleep(SETTLE).await;
    }
}

/// The addresses that others on the LAN can use.
fn announced<'a>(all: impl Iterator<Item = &'a SocketAddr>) -> BTreeSet<SocketAddr> {
    let usable = |ip: &IpAddr| match ip {
        IpAddr::V4(ip) => !ip.is_loopback() && !ip.is_unspecified(),
        IpAddr::V6(ip) => !ip.is_loopback() && !ip.is_unspecified() && !ip.is_unicast_link_local(),
    };
    all.filter(|address| usable(&address.ip())).take(ADDRESSES_MAX).copied().collect()
}

/// Speaks and listens for as long as the guard is held; a box without a network, or without a right to the
/// mDNS port, does without.
fn discover(shared: &Arc<Shared>, here: &BTreeSet<SocketAddr>) -> Option<DropGuard> {
    let name = key::to_name(&shared.me).filter(|_| !here.is_empty())?;
    let interfaces = ipv4(here);
    let class = if interfaces.is_empty() { IpClass::V6Only } else { IpClass::Auto };
    let mut discoverer = Discoverer::new(SERVICE.to_string(), name)
        .with_cadence(CADENCE)
        .with_response_rate(ANSWERS)
        .with_ip_class(class)
        .with_multicast_interfaces_v4(interfaces);
    for (port, ips) in by_port(here) {
        discoverer = discoverer.with_addrs(port, ips);
    }
    let shared = shared.clone();
    let guard =
        discoverer.with_callback(move |name, peer| heard(&shared, name, peer)).spawn(&Handle::current());
    guard
        .inspect_err(|error| tracing::warn!(%error, "cannot announce this box on the LAN, nor hear others"))
        .ok()
}

fn ipv4(addresses: &BTreeSet<SocketAddr>) -> Vec<Ipv4Addr> {
    let ipv4 = |address: &SocketAddr| match address.ip() {
        IpAddr::V4(ip) => Some(ip),
        IpAddr::V6(_) => None,
    };
    addresses.iter().filter_map(ipv4).collect()
}

fn by_port(addresses: &BTreeSet<SocketAddr>) -> BTreeMap<u16, Vec<IpAddr>> {
    let mut ports: BTreeMap<u16, Vec<IpAddr>> = BTreeMap::new();
    for address in addresses {
        ports.entry(address.port()).or_default().push(address.ip());
    }
    ports
}

fn heard(shared: &Shared, name: &str, peer: &Peer) {
    let Some(key) = key::of_name(name).filter(|key| *key != shared.me) else { return };
    if peer.is_expiry() {
        return shared.state().book.silent(&key);
    }
    let addresses: Vec<_> = peer.addrs().iter().map(|(ip, port)| SocketAddr::new(*ip, *port)).collect();
    let addresses: Vec<_> = announced(addresses.iter()).into_iter().collect();
    let now = shared.now();
    let news = shared.state().book.heard(&key, addresses.clone(), now);
    shared.dial.notify_one();
    if news {
        tell(shared, key, addresses);
    }
}

/// Tells the agent, if it has time; the next announcement but one is no news and not told.
fn tell(shared: &Shared, key: PublicKey, addresses: Vec<SocketAddr>) {
    shared.news.notify_waiters();
    if shared.events.try_send(Event::Found { key, addresses }).is_err() {
        tracing::debug!("a box on the LAN was not reported, too much waits");
    }
}
