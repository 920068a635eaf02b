//! The `[net]` table of `node.toml`: where this box listens for others, and whom it tells that it is here.

use model::{Name, SigningKey};
use net::{Bind, Limits, Options};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
};

/// The UDP port on which a box listens unless it is told otherwise.
pub const PORT: u16 = 7741;

/// Where one answer of a peer ends: some sixty blocks.
const RESPONSE_BYTES: u32 = 256 << 10;

/// `[net]`; a table that is left out is this one's default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NetSettings {
    /// Whether there is a network at all. Without one the box neither hears nor tells.
    pub on: bool,
    /// The UDP port; 0 is any that is free.
    pub port: u16,
    /// Addresses to listen on, at most one of each family; empty is every interface.
    pub bind: Vec<IpAddr>,
    /// Whether boxes on the LAN find this one by mDNS, and it them.
    pub mdns: bool,
    /// Relays (`https://...`) for boxes that cannot reach each other.
    pub relays: Vec<String>,
    /// Where other nodes are reached, by name, for those that are not found otherwise.
    pub known: BTreeMap<Name, Vec<SocketAddr>>,
    /// How soon events are shared.
    pub share: ShareSettings,
    /// What peers may take.
    pub limits: PeerLimits,
}

/// `[net.share]`: how soon an event gets a block of its own while another box is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ShareSettings {
    /// After so long, in milliseconds; events of that time go along.
    pub after_ms: u64,
    /// So many blocks at once; then events wait for each other.
    pub burst: u64,
    /// So many more an hour.
    pub per_hour: u64,
}

impl Default for ShareSettings {
    fn default() -> Self {
        Self { after_ms: 1_000, burst: 120, per_hour: 60 }
    }
}

/// `[net.limits]`: what one peer may take of this box, and all of them together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PeerLimits {
    /// Bytes a second of answers to one peer.
    pub served_bytes_per_second: Option<u64>,
    /// Bytes a second of answers that are asked of peers.
    pub fetched_bytes_per_second: Option<u64>,
    /// Bytes of answers on their way, of all peers together.
    pub in_flight_bytes: Option<u64>,
    /// The most connections that are kept.
    pub links: Option<usize>,
}

impl Default for NetSettings {
    fn default() -> Self {
        Self {
            on: true,
            port: PORT,
            bind: Vec::new(),
            mdns: true,
            relays: Vec::new(),
            known: BTreeMap::new(),
            share: ShareSettings::default(),
            limits: PeerLimits::default(),
        }
    }
}

impl NetSettings {
    /// The options of the network for a node's key.
    pub fn options(&self, key: SigningKey) -> Options {
        let address = |address: &IpAddr| SocketAddr::new(*address, self.port);
        let bind = match &self.bind[..] {
            [] => Bind::Everywhere { port: self.port },
            list => Bind::Only(list.iter().map(address).collect()),
        };
        let mut limits = Limits::default();
        limits.links_max = self.limits.links.unwrap_or(limits.links_max);
        limits.links_wanted = limits.links_wanted.min(limits.links_max);
        Options { bind, lan: self.mdns, relays: self.relays.clone(), limits, ..Options::new(key) }
    }

    /// What the peer protocol holds peers to.
    pub fn sync_limits(&self) -> sync::Limits {
        // An answer is checked in one go: this is how long a badge may wait for it.
        let mut limits = sync::Limits { response_bytes: RESPONSE_BYTES, ..sync::Limits::default() };
        let rate = |asked: Option<u64>, usual: sync::Rate| match asked {
            // A burst of one answer at least, or none would ever be given.
            Some(per_second) => {
                sync::Rate { per_second, burst: per_second.max(u64::from(limits.response_bytes)) }
            }
            None => usual,
        };
        let served = rate(self.limits.served_bytes_per_second, limits.served_bytes);
        let fetched = rate(self.limits.fetched_bytes_per_second, limits.fetched_bytes);
        limits.in_flight_bytes = self.limits.in_flight_bytes.unwrap_or(limits.in_flight_bytes);
        sync::Limits { served_bytes: served, fetched_bytes: fetched, ..limits }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_as_usual_and_a_misspelt_key_is_refused() {
        assert_eq!(toml::from_str::<NetSettings>("").unwrap(), NetSettings::default());
        let quiet: NetSettings = toml::from_str("mdns = false\nport = 0\n").unwrap();
        assert!(quiet.on && !quiet.mdns && quiet.port == 0);
        assert!(toml::from_str::<NetSettings>("mdsn = false\n").is_err());
        assert!(toml::from_str::<NetSettings>("[limits]\nserved = 3\n").is_err());
    }

    #[test]
    fn a_slow_line_still_gives_one_answer_at_a_time() {
        let slow: NetSettings = toml::from_str("[limits]\nserved_bytes_per_second = 1000\n").unwrap();
        let limits = slow.sync_limits();
        assert_eq!(limits.served_bytes.per_second, 1000);
        assert!(limits.served_bytes.burst >= u64::from(limits.response_bytes));
    }
}
