//! What the servers share: one value, made when ledgerd starts.

use crate::{
    blobs::Blobs, clock::LedgerClock, devices::Devices, home::Home, judges::Judges, keeper::Keeper,
    live::Live, wire,
};
use model::{KeyId, Millis, Name};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::watch;

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
    /// Turns true when ledgerd goes down.
    pub stopping: watch::Receiver<bool>,
    /// When ledgerd started.
    pub started: Millis,
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
    pub fn status(&self) -> wire::Status {
        let (view, report) = (self.keeper.view(), self.keeper.report());
        wire::Status {
            version: env!("CARGO_PKG_VERSION").into(),
            org: view.org.to_string(),
            org_name: view.org_text("name"),
            timezone: view.org_text("timezone"),
            node: self.home.node().clone(),
            head: view.head,
            height: view.height,
            head_at: view.head_at,
            events: report.events,
            clock: self.clock.status(),
            board: self.devices.board_status(),
            dapps: self.dapps.list(),
            disk_trouble: report.trouble,
            started: self.started,
        }
    }
}
