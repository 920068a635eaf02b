//! What the servers share: one value, made when ledgerd starts.

use crate::{
    blobs::Blobs, clock::LedgerClock, devices::Devices, home::Home, join::Door, judges::Judges,
    keeper::Keeper, live::Live, peers::Peers, updates::Updates, view::View, visitors::Visitors, wire,
};
use model::{KeyId, Millis, Name};
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};
use tokio::sync::{Notify, watch};

/// The ledger, the board, the clock, and who runs.
pub struct Services {
    /// The home directory.
    pub home: Home,
    /// The id of the node's own key.
    pub key: KeyId,
    /// The ledger.
    pub keeper: Keeper,
    /// Large files.
    pub blobs: Arc<Blobs>,
    /// Those who judge merges.
    pub judges: Arc<Judges>,
    /// The board.
    pub devices: Arc<Devices>,
    /// The time.
    pub clock: Arc<LedgerClock>,
    /// Who watches.
    pub live: Live,
    /// How the dapps are.
    pub dapps: DappStates,
    /// Told when ledgerd is to begin anew: its branch or its key is another.
    pub anew: Arc<Notify>,
    /// Turns true when ledgerd goes down.
    pub stopping: watch::Receiver<bool>,
    /// When ledgerd started.
    pub started: Millis,
    /// The other boxes.
    pub abroad: Abroad,
    /// Who comes to the page, and to clone.
    pub visitors: Visitors,
    /// Where new boxes knock.
    pub door: Arc<Door>,
    /// Updates of the operating system.
    pub updates: Updates,
}

/// The network: open, not wanted, or not to be had.
#[derive(Default)]
pub struct Abroad {
    /// It, once it is open.
    pub peers: OnceLock<Arc<Peers>>,
    /// Why it cannot be opened.
    pub trouble: OnceLock<String>,
}

/// How each dapp is, as the supervisor last said.
#[derive(Default)]
pub struct DappStates(Mutex<BTreeMap<Name, wire::DappStatus>>);

impl DappStates {
    /// All, by name.
    pub fn list(&self) -> Vec<wire::DappStatus> {
        self.lock().values().cloned().collect()
    }

    /// A dapp is as it now is.
    pub fn put(&self, status: wire::DappStatus) {
        self.lock().insert(status.name.clone(), status);
    }

    /// A dapp is no more in the ledger.
    pub fn remove(&self, name: &Name) {
        self.lock().remove(name);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Name, wire::DappStatus>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Services {
    /// The box at a glance.
    pub async fn status(&self) -> wire::Status {
        let (view, report) = (self.keeper.view(), self.keeper.report());
        wire::Status {
            version: env!("CARGO_PKG_VERSION").into(),
            org: view.org.to_string(),
            org_name: view.org_text("name"),
            timezone: view.org_text("timezone"),
            node: self.home.node().clone(),
            branch: self.home.branch().clone(),
            head: view.head,
            height: view.height,
            head_at: view.head_at,
            events: report.events,
            clock: self.clock.status(),
            board: self.devices.board_status(),
            dapps: self.dapps.list(),
            disk_trouble: report.trouble,
            started: self.started,
            agreement: self.keeper.agreement().await.ok(),
            network: self.network(&view),
        }
    }

    /// How long this box has heard from no other one, in milliseconds; 0 if there is no other.
    pub fn stale_ms(&self) -> u64 {
        if self.others(&self.keeper.view()).next().is_none() {
            return 0;
        }
        self.clock.now().since(self.keeper.report().heard_at)
    }

    fn others(&self, view: &View) -> impl Iterator<Item = (KeyId, Name)> {
        let nodes = view.node_keys().into_iter().map(|(key, (_, name))| (key, name));
        nodes.filter(|(key, name)| *key != self.key && name != self.home.node())
    }

    fn network(&self, view: &View) -> wire::Network {
        let peers = self.abroad.peers.get();
        let connected: BTreeMap<KeyId, net::PeerStatus> = peers
            .map(|peers| peers.connected().into_iter().map(|peer| (peer.peer.id(), peer)).collect())
            .unwrap_or_default();
        let mut others: Vec<_> =
            self.others(view).map(|(key, node)| peer_status(key, node, connected.get(&key))).collect();
        // A node that has a new key and an old one is shown once, by the one with which it is connected.
        others.sort_by(|a, b| (&a.node, !a.connected).cmp(&(&b.node, !b.connected)));
        others.dedup_by(|a, b| a.node == b.node);
        wire::Network {
            on: peers.is_some(),
            trouble: self.abroad.trouble.get().cloned(),
            addresses: peers.map_or_else(Vec::new, |peers| texts(&peers.addresses())),
            stale_ms: self.stale_ms(),
            peers: others,
        }
    }
}

fn texts(addresses: &[SocketAddr]) -> Vec<String> {
    addresses.iter().map(ToString::to_string).collect()
}

fn peer_status(key: KeyId, node: Name, connected: Option<&net::PeerStatus>) -> wire::PeerStatus {
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    wire::PeerStatus {
        node,
        key,
        connected: connected.is_some(),
        address: connected.and_then(|peer| peer.address).map(|address| address.to_string()),
        round_trip_us: connected.and_then(|peer| peer.round_trip).map(micros),
        sent_bytes: connected.map_or(0, |peer| peer.sent_bytes),
        received_bytes: connected.map_or(0, |peer| peer.received_bytes),
    }
}
