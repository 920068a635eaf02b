//! What the tasks of one endpoint share: the address book, the links, the gate, the way to the agent.
//!
//! The locks are held for a look or a change and never across an await. Tasks live in one set, so that
//! closing the network ends them all.

use crate::{
    Event, Limits,
    book::Book,
    code,
    gate::Gate,
    key,
    link::{Link, Side},
};
use iroh::{
    Endpoint, EndpointAddr, RelayUrl, TransportAddr,
    endpoint::{Connection, VarInt},
};
use model::PublicKey;
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::{
    sync::{Notify, mpsc},
    task::JoinSet,
};

/// Two connections that were made within this time of each other were made by both sides at once.
const AT_ONCE: Duration = Duration::from_secs(5);

pub struct Shared {
    pub endpoint: Endpoint,
    pub me: PublicKey,
    pub limits: Limits,
    pub events: mpsc::Sender<Event>,
    /// Told when the book may have somebody to dial.
    pub dial: Notify,
    /// Told when the LAN has news.
    pub news: Notify,
    relays: Vec<RelayUrl>,
    started: Instant,
    state: Mutex<State>,
    tasks: Mutex<JoinSet<()>>,
}

/// What changes.
pub struct State {
    pub book: Book,
    pub gate: Gate,
    pub links: BTreeMap<PublicKey, Link>,
    turns: BTreeMap<PublicKey, Arc<tokio::sync::Mutex<()>>>,
    serial: u64,
}

/// A connection's place among the links.
pub struct Seat {
    pub serial: u64,
    /// Held while the link lasts: the next one with this peer begins when this one has said that it is down.
    pub turn: Arc<tokio::sync::Mutex<()>>,
}

impl Shared {
    pub fn new(
        endpoint: Endpoint,
        limits: Limits,
        relays: Vec<RelayUrl>,
        events: mpsc::Sender<Event>,
    ) -> Self {
        let me = key::public(endpoint.id());
        let state = State {
            book: Book::new(me.clone(), !relays.is_empty(), limits.links_wanted),
            gate: Gate::new(limits.knocks_per_minute),
            links: BTreeMap::new(),
            turns: BTreeMap::new(),
            serial: 0,
        };
        Self {
            endpoint,
            me,
            limits,
            events,
            dial: Notify::new(),
            news: Notify::new(),
            relays,
            started: Instant::now(),
            state: Mutex::new(state),
            tasks: Mutex::new(JoinSet::new()),
        }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Time since the network was opened.
    pub fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Runs a task until it ends or the network is closed.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    /// Ends every task at its next await.
    pub fn stop(&self) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
    }

    /// Ends every task, and waits until each has let go of what it held.
    pub async fn stopped(&self) {
        let mut tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        tasks.shutdown().await;
    }

    /// Where to dial a peer: its addresses, and our relays, which an organisation shares.
    pub fn to_dial(&self, peer: &PublicKey, addresses: &[SocketAddr]) -> Option<EndpointAddr> {
        let direct = addresses.iter().map(|address| TransportAddr::Ip(*address));
        let relays = self.relays.iter().cloned().map(TransportAddr::Relay);
        Some(EndpointAddr::from_parts(key::endpoint(peer)?, direct.chain(relays)))
    }

    pub fn relayed(&self) -> bool {
        !self.relays.is_empty()
    }

    /// Takes a place among the links for a connection, closing the one that it replaces.
    pub fn claim(&self, peer: &PublicKey, connection: &Connection, side: Side) -> Result<Seat, VarInt> {
        let mut state = self.state();
        if !state.book.admits(peer) {
            return Err(code::NOT_ADMITTED);
        }
        let old = state.links.get(peer);
        if old.is_some_and(|old| old.since.elapsed() < AT_ONCE && self.prefers(peer, old.side, side)) {
            return Err(code::DUPLICATE);
        }
        if old.is_none() && state.links.len() >= self.limits.links_max {
            return Err(code::BUSY);
        }
        state.serial += 1;
        let serial = state.serial;
        let link = Link::new(serial, connection.clone(), side);
        if let Some(old) = state.links.insert(peer.clone(), link) {
            old.connection.close(code::DUPLICATE, b"replaced");
        }
        let turn = state.turns.entry(peer.clone()).or_default().clone();
        Ok(Seat { serial, turn })
    }

    /// Of two connections that crossed, both boxes keep the one that the smaller key dialled.
    fn prefers(&self, peer: &PublicKey, old: Side, new: Side) -> bool {
        let ours = if self.me < *peer { Side::Dialled } else { Side::Accepted };
        old != new && old == ours
    }

    /// Gives the place back, unless another connection has it already.
    pub fn leave(&self, peer: &PublicKey, serial: u64) {
        let mut state = self.state();
        let now = self.now();
        if state.links.get(peer).is_some_and(|link| link.serial == serial) {
            state.links.remove(peer);
            state.book.down(peer, now);
        }
        if !state.book.admits(peer) && !state.links.contains_key(peer) {
            state.turns.remove(peer);
        }
        drop(state);
        self.dial.notify_one();
    }
}
