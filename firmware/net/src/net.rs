//! The network of one box: opened once, with a handle that many may hold.

use crate::{
    Event, JOIN, Limits, MAIN, Options, RequestError, accept, code, dial, key,
    knock::{self, KnockError},
    lan,
    link::{Link, direct_address},
    request,
    shared::Shared,
};
use bytes::Bytes;
use iroh::{
    Endpoint, RelayMode, RelayUrl,
    endpoint::{BindError, BindOpts, IdleTimeout, InvalidSocketAddr, QuicTransportConfig, VarInt, presets},
};
use model::PublicKey;
use std::{collections::BTreeSet, net::SocketAddr, sync::Arc, time::Duration};
use tokio::sync::mpsc;

/// A peer that says nothing for so long is gone. A multiple of the heartbeat, less than a person's patience.
const IDLE_MAX: VarInt = VarInt::from_u32(9_000);
const HEARTBEAT: Duration = Duration::from_secs(3);
/// What one stream may have under way: 256 MB/s at a LAN's millisecond, 5 MB/s across a continent.
const STREAM_WINDOW: VarInt = VarInt::from_u32(256 << 10);
/// What we hold for a peer that has not acknowledged it. Four times as much was no faster on loopback, and a
/// frame beside bulk took three times as long.
const SEND_WINDOW: u64 = 256 << 10;
/// What a key that is not admitted yet may have under way.
const STRANGER_WINDOW: VarInt = VarInt::from_u32(32 << 10);

/// Why the network cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A relay's address is none.
    #[error("{0:?} is not the address of a relay (https://...)")]
    Relay(String),
    /// An address to listen on that cannot be.
    #[error("cannot listen on {address}")]
    Address {
        /// As configured.
        address: SocketAddr,
        /// Why.
        #[source]
        source: InvalidSocketAddr,
    },
    /// The sockets cannot be had: the port is taken, or there is no such address here.
    #[error("cannot open the network's sockets")]
    Bind(#[source] BindError),
}

/// Why a frame was not sent.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SendError {
    /// The peer is not connected now.
    #[error("the peer is not connected")]
    NotConnected,
    /// Longer than peers take.
    #[error("a frame of {bytes} bytes; {max} is the most")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// What is allowed.
        max: usize,
    },
    /// The peer does not read what it is sent. The connection is closed; `Down` follows.
    #[error("the peer does not read its frames; it was disconnected")]
    Slow,
}

/// What is known of an admitted peer.
#[derive(Clone, Debug)]
pub struct PeerStatus {
    /// Who.
    pub peer: PublicKey,
    /// Where it is reached now, if without a relay.
    pub address: Option<SocketAddr>,
    /// The time that a byte takes there and back, smoothed.
    pub round_trip: Option<Duration>,
    /// Bytes in UDP datagrams on this connection, all overhead included.
    pub sent_bytes: u64,
    /// As above.
    pub received_bytes: u64,
}

/// A handle to the network. Clones are the same network; it closes with the last of them, or by `shut`.
#[derive(Clone)]
pub struct Net(Arc<Running>);

struct Running(Arc<Shared>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.stop();
    }
}

impl Net {
    /// Opens the network. Nobody is admitted yet. Call it within a tokio runtime.
    pub async fn open(options: Options) -> Result<(Self, mpsc::Receiver<Event>), OpenError> {
        let relays = parse_relays(&options.relays)?;
        let endpoint = bind(&options, &relays).await?;
        let (events, receiver) = mpsc::channel(options.limits.events_waiting_max);
        let shared = Arc::new(Shared::new(endpoint, options.limits, relays, events));
        shared.spawn(accept::run(shared.clone()));
        shared.spawn(dial::run(shared.clone()));
        if options.lan {
            shared.spawn(lan::run(shared.clone()));
        }
        Ok((Self(Arc::new(Running(shared))), receiver))
    }

    /// The key that this box is dialled by.
    pub fn key(&self) -> &PublicKey {
        &self.shared().me
    }

    /// Where this box can be reached now, as far as it knows: for a ticket, or for another box's configuration.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.shared().endpoint.addr().ip_addrs().copied().collect()
    }

    /// The set of keys that may connect, all of it, each time. Who is not in it any more is closed now.
    pub fn admit(&self, admitted: &BTreeSet<PublicKey>) {
        let shared = self.shared();
        let (mut state, now) = (shared.state(), shared.now());
        for peer in state.book.admit(admitted, now) {
            if let Some(link) = state.links.get(&peer) {
                link.connection.close(code::NOT_ADMITTED, b"");
            }
        }
        drop(state);
        shared.dial.notify_one();
    }

    /// Addresses of an admitted peer, from the ledger, a ticket or the last `Up`: it is dialled soon, and again
    /// for as long as it is admitted. False if it is not.
    pub fn dial(&self, peer: &PublicKey, addresses: &[SocketAddr]) -> bool {
        let shared = self.shared();
        let now = shared.now();
        let admitted = shared.state().book.told(peer, addresses, now);
        shared.dial.notify_one();
        admitted
    }

    /// Sends a frame. It never waits: a peer that lets frames pile up is closed.
    pub fn send(&self, peer: &PublicKey, frame: impl Into<Bytes>) -> Result<(), SendError> {
        let (frame, limits) = (frame.into(), self.limits());
        if frame.len() > limits.frame_bytes_max {
            return Err(SendError::TooLong { bytes: frame.len(), max: limits.frame_bytes_max });
        }
        let state = self.shared().state();
        let link = state.links.get(peer).ok_or(SendError::NotConnected)?;
        let queue = link.frames.as_ref().ok_or(SendError::NotConnected)?;
        if queue.push(frame, limits.frame_bytes_waiting_max) {
            return Ok(());
        }
        link.connection.close(code::SLOW, b"frames wait");
        Err(SendError::Slow)
    }

    /// Asks a peer and waits for its answer of at most `max` bytes. Dropping the future takes the request back.
    pub async fn request(
        &self,
        peer: &PublicKey,
        request: impl Into<Bytes>,
        max: usize,
    ) -> Result<Bytes, RequestError> {
        request::ask(self.shared(), peer, request.into(), max).await
    }

    /// Knocks at the join door of a box that need not know us. Without addresses it is looked for on the LAN.
    pub async fn knock(
        &self,
        door: &PublicKey,
        addresses: &[SocketAddr],
        knock: impl Into<Bytes>,
    ) -> Result<Bytes, KnockError> {
        knock::knock(self.shared(), door, addresses, knock.into()).await
    }

    /// Closes the connection with a peer. It may come back after a while: to keep it out, admit it no longer.
    pub fn close(&self, peer: &PublicKey) {
        if let Some(link) = self.shared().state().links.get(peer) {
            link.connection.close(code::BYE, b"");
        }
    }

    /// The peers that are connected now.
    pub fn peers(&self) -> Vec<PeerStatus> {
        let state = self.shared().state();
        let up = state.links.iter().filter(|(_, link)| link.frames.is_some());
        up.map(|(peer, link)| status(peer, link)).collect()
    }

    /// Says goodbye to all and closes the sockets; the ports are free a moment after the last handle is gone.
    pub async fn shut(self) {
        self.shared().endpoint.close().await;
        self.shared().stopped().await;
    }

    fn shared(&self) -> &Shared {
        &self.0.0
    }

    fn limits(&self) -> &Limits {
        &self.shared().limits
    }
}

fn status(peer: &PublicKey, link: &Link) -> PeerStatus {
    let stats = link.connection.stats();
    let paths = link.connection.paths();
    PeerStatus {
        peer: peer.clone(),
        address: direct_address(&link.connection),
        round_trip: paths.iter().find(|path| path.is_selected()).map(|path| path.rtt()),
        sent_bytes: stats.udp_tx.bytes,
        received_bytes: stats.udp_rx.bytes,
    }
}

fn parse_relays(relays: &[String]) -> Result<Vec<RelayUrl>, OpenError> {
    relays.iter().map(|url| url.parse().map_err(|_| OpenError::Relay(url.clone()))).collect()
}

async fn bind(options: &Options, relays: &[RelayUrl]) -> Result<Endpoint, OpenError> {
    let mut builder = Endpoint::builder(presets::Minimal)
        .secret_key(key::secret(&options.key))
        .alpns(vec![MAIN.to_vec(), JOIN.to_vec()])
        .transport_config(transport())
        .clear_ip_transports();
    if !relays.is_empty() {
        builder = builder.relay_mode(RelayMode::custom(relays.iter().cloned()));
    }
    for (address, required) in options.bind.sockets() {
        let socket = BindOpts::default().set_is_required(required);
        builder = builder
            .bind_addr_with_opts(address, socket)
            .map_err(|source| OpenError::Address { address, source })?;
    }
    builder.bind().await.map_err(OpenError::Bind)
}

/// Windows for a stranger; an admitted peer's are widened once it is known.
fn transport() -> QuicTransportConfig {
    QuicTransportConfig::builder()
        .max_idle_timeout(Some(IdleTimeout::from(IDLE_MAX)))
        .keep_alive_interval(HEARTBEAT)
        .default_path_keep_alive_interval(HEARTBEAT)
        .max_concurrent_uni_streams(VarInt::from_u32(1))
        .max_concurrent_bidi_streams(VarInt::from_u32(1))
        .stream_receive_window(STREAM_WINDOW)
        .receive_window(STRANGER_WINDOW)
        .send_window(SEND_WINDOW)
        .datagram_receive_buffer_size(None)
        .build()
}
