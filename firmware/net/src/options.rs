//! What the agent chooses when it opens the network, and the limits that a peer is held to.

use model::SigningKey;
use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

/// How to open the network.
#[derive(Clone, Debug)]
pub struct Options {
    /// The node's key: its address, and the proof of it.
    pub key: SigningKey,
    /// Where to listen.
    pub bind: Bind,
    /// Whether to say on the LAN by mDNS that this box is here, and to hear who else is.
    pub lan: bool,
    /// Relays (`https://...`) for boxes that cannot reach each other. None is the rule: no outside service.
    pub relays: Vec<String>,
    /// What peers and strangers are held to.
    pub limits: Limits,
}

impl Options {
    /// Every interface, a port that is free, found by mDNS, no relay.
    pub fn new(key: SigningKey) -> Self {
        Self {
            key,
            bind: Bind::Everywhere { port: 0 },
            lan: true,
            relays: Vec::new(),
            limits: Limits::default(),
        }
    }

    /// This machine alone, and nothing said on the LAN: for tests and benches.
    pub fn on_loopback(key: SigningKey) -> Self {
        let bind = Bind::Only(vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))]);
        Self { bind, lan: false, ..Self::new(key) }
    }
}

/// UDP sockets to listen on. Port 0 is any that is free.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bind {
    /// Every interface, IPv4 and, where there is one, IPv6.
    Everywhere {
        /// The same for both.
        port: u16,
    },
    /// These addresses alone, at most one of each family.
    Only(Vec<SocketAddr>),
}

impl Bind {
    /// Each address, and whether the network cannot be opened without it.
    pub(crate) fn sockets(&self) -> Vec<(SocketAddr, bool)> {
        match self {
            Self::Everywhere { port } => vec![
                (SocketAddr::from((Ipv4Addr::UNSPECIFIED, *port)), true),
                (SocketAddr::from((Ipv6Addr::UNSPECIFIED, *port)), false),
            ],
            Self::Only(addresses) => addresses.iter().map(|address| (*address, true)).collect(),
        }
    }
}

/// What peers and strangers are held to, so that none of them can fill this box's memory or time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest frame, either way.
    pub frame_bytes_max: usize,
    /// Frames that may wait for one peer; who lets more pile up is closed.
    pub frame_bytes_waiting_max: usize,
    /// The longest request.
    pub request_bytes_max: usize,
    /// Requests of one peer at once; QUIC holds the others back at the peer.
    pub requests_at_once_max: u32,
    /// A request or answer that moves no byte for so long is given up.
    pub stall: Duration,
    /// The longest knock of a stranger.
    pub knock_bytes_max: usize,
    /// The longest answer to one.
    pub knock_answer_bytes_max: usize,
    /// Knocks that are heard in a minute, all strangers together; one address gets a quarter of them.
    pub knocks_per_minute: u32,
    /// Handshakes under way at once.
    pub handshakes_at_once_max: usize,
    /// Links that this box makes by itself; in a larger organisation gossip goes the rest of the way.
    pub links_wanted: usize,
    /// Links that it keeps, those that others made included.
    pub links_max: usize,
    /// Events that may wait for the agent. When they do, peers are read no further.
    pub events_waiting_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            frame_bytes_max: 256 << 10,
            frame_bytes_waiting_max: 1 << 20,
            request_bytes_max: 64 << 10,
            requests_at_once_max: 8,
            stall: Duration::from_secs(30),
            knock_bytes_max: 4 << 10,
            knock_answer_bytes_max: 16 << 10,
            knocks_per_minute: 40,
            handshakes_at_once_max: 16,
            links_wanted: 24,
            links_max: 64,
            events_waiting_max: 256,
        }
    }
}
