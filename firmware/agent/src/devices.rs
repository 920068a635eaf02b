//! Between the board and those who use it: badge digests, timers, and the way back to safety.
//!
//! A badge's number ends here: [`Devices`] sends on its digests under the organisation's badge key and nothing
//! else. An output that was turned on for a while is turned off by a timer of this process, whatever became
//! of the dapp that asked. Every order to an output counts; an older timer or retry sees that and does nothing.
//! A board that does not obey is asked again every second until it does or somebody orders otherwise.

use crate::{live::Live, wire};
use board::{Board, BoardError, BoardSpec, Device, Input, InputKind, Kind};
use dapp::wire::{DeviceInfo, DeviceKind, InputLine};
use model::{BadgeKey, CardNumber, Millis, Name, Width};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError, mpsc},
    time::Duration,
};
use tokio::{runtime::Handle, sync::broadcast};

/// How many inputs a slow listener may be behind.
const BEHIND_MAX: usize = 256;
/// How long until a board that failed is asked again.
const AGAIN: Duration = Duration::from_secs(1);
/// How long a dying program waits for the board.
const LAST_WILL: Duration = Duration::from_millis(500);

/// The board and its listeners.
pub struct Devices {
    board: Arc<dyn Board>,
    name: String,
    inputs: broadcast::Sender<InputLine>,
    live: Live,
    /// How many orders each output had.
    orders: Mutex<HashMap<Name, u64>>,
    badge_key: Arc<OnceLock<BadgeKey>>,
    runtime: Handle,
}

/// What an output shall be.
#[derive(Debug, Clone, Copy)]
enum Order {
    Level(bool),
    Safe,
}

impl Devices {
    /// Opens the board: its outputs are safe when this returns. Needs nothing of the home, so that a damaged
    /// one cannot keep a door open; badges are heard once [`Devices::hear_badges`] was called. Timers run
    /// on `runtime`.
    pub fn open(spec: BoardSpec, live: Live, runtime: Handle) -> Result<Arc<Self>, BoardError> {
        let (inputs, _) = broadcast::channel(BEHIND_MAX);
        let badge_key = Arc::new(OnceLock::new());
        let hearing = Hearing {
            widths: spec.devices.iter().map(|d| (d.name.clone(), d.widths().to_vec())).collect(),
            kinds: spec.devices.iter().map(|d| (d.name.clone(), d.kind())).collect(),
            badge_key: badge_key.clone(),
            inputs: inputs.clone(),
            live: live.clone(),
        };
        let name = spec.name.clone();
        let board = board::open(spec, Arc::new(move |input| hearing.hear(input)))?;
        Ok(Arc::new(Self { board, name, inputs, live, orders: Mutex::default(), badge_key, runtime }))
    }

    /// From now on badges are passed on, hashed under this key; only the first one counts.
    pub fn hear_badges(&self, key: BadgeKey) {
        self.badge_key.get_or_init(|| key);
    }

    /// Everything that readers, contacts and buttons report from now on.
    pub fn inputs(&self) -> broadcast::Receiver<InputLine> {
        self.inputs.subscribe()
    }

    /// The devices among `granted`, as a dapp sees them.
    pub fn granted(&self, granted: impl Fn(&Name) -> bool) -> Vec<DeviceInfo> {
        let info = |device: &Device| DeviceInfo {
            name: device.name.clone(),
            kind: device_kind(device.kind()),
            on: self.board.get(&device.name).unwrap_or(false),
        };
        self.board.devices().iter().filter(|device| granted(&device.name)).map(info).collect()
    }

    /// The board and all its devices, for the page and ledgerctl.
    pub fn status(&self) -> wire::Devices {
        let devices = self.board.devices().iter().map(|device| wire::DeviceStatus {
            name: device.name.clone(),
            kind: device.kind().to_string(),
            on: self.board.get(&device.name).ok(),
        });
        wire::Devices { devices: devices.collect(), board: self.board_status() }
    }

    /// The devices that answer: outputs and contacts that have a level, readers that are there.
    pub fn answering(&self) -> Vec<Name> {
        let answers = |device: &&Device| match device.kind() {
            Kind::Reader => self.board.attends(&device.name),
            _ => self.board.get(&device.name).is_ok(),
        };
        self.board.devices().iter().filter(answers).map(|device| device.name.clone()).collect()
    }

    /// Which board it is.
    pub fn board_status(&self) -> wire::BoardStatus {
        wire::BoardStatus { name: self.name.clone(), simulated: self.board.as_sim().is_some() }
    }

    /// Sets an output; with `for_ms` it goes off by itself after so long. One whose board fails is made safe: it
    /// may have moved all the same, and no timer would move it back.
    pub fn set(self: &Arc<Self>, device: &Name, on: bool, for_ms: Option<u64>) -> Result<(), BoardError> {
        let order = self.order(device, Order::Level(on), None).inspect_err(|error| {
            if error.is_transient() {
                self.make_safe(|name| name == device);
            }
        })?;
        if let (true, Some(ms), Some(order)) = (on, for_ms, order) {
            self.later(device.clone(), order, Duration::from_millis(ms), Order::Level(false));
        }
        Ok(())
    }

    /// Brings every output among `granted` to its safe level, and keeps trying where the board fails.
    pub fn make_safe(self: &Arc<Self>, granted: impl Fn(&Name) -> bool) {
        let devices = self.board.devices().iter();
        for device in devices.filter(|device| device.kind().is_output() && granted(&device.name)) {
            if let Err(error) = self.order(&device.name, Order::Safe, None) {
                tracing::error!(device = %device.name, error = %chain(&error), "cannot make the device safe; trying again");
                let order = self.count(&device.name);
                self.later(device.name.clone(), order, AGAIN, Order::Safe);
            }
        }
    }

    /// Brings every output to its safe level from a program that is about to die, whatever lock the dying thread
    /// holds: on another thread, which is waited for a moment and no longer.
    pub fn last_will(&self) {
        let (board, (done, wait)) = (self.board.clone(), mpsc::channel());
        let make_safe = move || done.send(board.make_all_safe().len()).is_ok();
        if std::thread::Builder::new().spawn(make_safe).is_ok() {
            let failed = wait.recv_timeout(LAST_WILL);
            if failed != Ok(0) {
                tracing::error!(?failed, "not all outputs were made safe");
            }
        }
    }

    /// A badge at a reader of the simulated board.
    pub fn tap(&self, reader: Option<Name>, number: CardNumber, at: Millis) -> Result<(), SimError> {
        let only = || {
            let mut readers = self.board.devices().iter().filter(|device| device.kind() == Kind::Reader);
            readers.next().map(|device| device.name.clone()).filter(|_| readers.next().is_none())
        };
        let device = reader.or_else(only).ok_or(SimError::WhichReader)?;
        self.inject(Input { device, at, what: InputKind::Badge(number) })
    }

    /// A contact or button of the simulated board.
    pub fn edge(&self, device: Name, on: bool, at: Millis) -> Result<(), SimError> {
        self.inject(Input { device, at, what: InputKind::Edge(on) })
    }

    fn inject(&self, input: Input) -> Result<(), SimError> {
        let sim = self.board.as_sim().ok_or_else(|| SimError::NotSimulated { board: self.name.clone() })?;
        sim.inject(input).map_err(SimError::Board)
    }

    /// Carries out an order at once and tells those who watch. Returns its count; none if `only_after`
    /// names an order that is not the newest any more.
    fn order(&self, device: &Name, order: Order, only_after: Option<u64>) -> Result<Option<u64>, BoardError> {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        if only_after.is_some_and(|count| orders.get(device) != Some(&count)) {
            return Ok(None);
        }
        match order {
            Order::Level(on) => self.board.set(device, on)?,
            Order::Safe => self.board.make_safe(device)?,
        }
        let count = orders.entry(device.clone()).or_default();
        *count += 1;
        let count = *count;
        drop(orders);
        self.tell(device);
        Ok(Some(count))
    }

    /// Counts an order that failed, so that older timers do not overtake its repetition.
    fn count(&self, device: &Name) -> u64 {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        let count = orders.entry(device.clone()).or_default();
        *count += 1;
        *count
    }

    /// Carries out `then` after a while, unless another order came meanwhile.
    fn later(self: &Arc<Self>, device: Name, order: u64, wait: Duration, then: Order) {
        let devices = Arc::downgrade(self);
        self.runtime.spawn(async move {
            let mut wait = wait;
            loop {
                tokio::time::sleep(wait).await;
                let Some(devices) = devices.upgrade() else { return };
                match devices.order(&device, then, Some(order)) {
                    Ok(_) => return,
                    Err(error) => tracing::error!(%device, error = %chain(&error), "trying again"),
                }
                wait = AGAIN;
            }
        });
    }

    fn tell(&self, device: &Name) {
        if let Ok(found) = self.board.device(device) {
            let kind = found.kind().to_string();
            let on = self.board.get(device).ok();
            self.live.say(wire::Live::Device(wire::DeviceStatus { name: device.clone(), kind, on }));
        }
    }
}

/// What cannot be made up on this board.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// It is real.
    #[error("the board {board} is real: only people can hold badges to it")]
    NotSimulated {
        /// The board.
        board: String,
    },
    /// More than one reader, or none.
    #[error("the board does not have exactly one reader: say which")]
    WhichReader,
    /// No such device, or one that cannot do this.
    #[error(transparent)]
    Board(BoardError),
}

/// What hears the board: everything that leaves it has no badge number any more.
struct Hearing {
    widths: HashMap<Name, Vec<Width>>,
    kinds: HashMap<Name, Kind>,
    badge_key: Arc<OnceLock<BadgeKey>>,
    inputs: broadcast::Sender<InputLine>,
    live: Live,
}

impl Hearing {
    fn hear(&self, input: Input) {
        let Input { device, at, what } = input;
        let line = match what {
            InputKind::Badge(number) => {
                // Nobody listens either before the ledger is open.
                let Some(key) = self.badge_key.get() else { return };
                self.live.say(wire::Live::Badge { device: device.clone(), at });
                let widths = self.widths.get(&device).map_or(&[][..], |widths| widths);
                InputLine::Badge { digests: number.digests(key, widths), device, at }
            }
            InputKind::BadReading(bad) => InputLine::BadReading { device, at, reason: bad.to_string() },
            InputKind::Edge(on) => {
                let kind = self.kinds.get(&device).map_or_else(String::new, Kind::to_string);
                let status = wire::DeviceStatus { name: device.clone(), kind, on: Some(on) };
                self.live.say(wire::Live::Device(status));
                InputLine::Edge { device, at, on }
            }
        };
        if self.inputs.send(line).is_err() {
            tracing::debug!("an input that no dapp listens to");
        }
    }
}

fn device_kind(kind: Kind) -> DeviceKind {
    match kind {
        Kind::Reader => DeviceKind::Reader,
        Kind::Relay => DeviceKind::Relay,
        Kind::Lamp => DeviceKind::Lamp,
        Kind::Buzzer => DeviceKind::Buzzer,
        Kind::Contact => DeviceKind::Contact,
        Kind::Button => DeviceKind::Button,
    }
}

/// An error with what it came from, on one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use board::{Failure, SimBoard};
    use std::collections::BTreeSet;

    fn sim(devices: &Devices) -> &SimBoard {
        devices.board.as_sim().unwrap()
    }

    fn devices() -> Arc<Devices> {
        Devices::open(board::builtin("sim").unwrap(), Live::default(), Handle::current()).unwrap()
    }

    /// The strike, drawn for good, and a board that fails from the n-th call on.
    fn drawn(failure: Failure) -> (Arc<Devices>, Name) {
        let (devices, strike) = (devices(), "strike".parse().unwrap());
        devices.set(&strike, true, None).unwrap();
        sim(&devices).fail(failure);
        (devices, strike)
    }

    fn is_on(devices: &Devices, name: &Name) -> bool {
        devices.granted(|device| device == name)[0].on
    }

    #[tokio::test]
    async fn each_kind_of_the_board_is_the_same_word_to_a_dapp() {
        let devices = devices();
        let mut kinds = BTreeSet::new();
        for device in devices.board.devices() {
            let (kind, told) = (device.kind(), device_kind(device.kind()));
            assert_eq!(serde_json::to_value(told).unwrap(), kind.to_string());
            assert_eq!(told.is_output(), kind.is_output(), "{kind}");
            kinds.insert(kind);
        }
        assert_eq!(kinds.len(), 6, "the simulated board has one of each: {kinds:?}");
    }

    #[tokio::test]
    async fn an_output_that_failed_to_turn_on_is_made_safe() {
        let (devices, strike) = drawn(Failure::At(1));
        assert!(devices.set(&strike, true, Some(4000)).is_err());
        assert!(!is_on(&devices, &strike), "it may be on, and no timer runs");
    }

    #[tokio::test]
    async fn a_board_that_fails_to_turn_on_and_to_make_safe_is_asked_until_it_obeys() {
        let (devices, strike) = drawn(Failure::From(1));
        assert!(devices.set(&strike, true, Some(4000)).is_err());
        tokio::time::sleep(AGAIN + AGAIN / 4).await;
        sim(&devices).fail(Failure::Never);
        assert!(is_on(&devices, &strike), "the board obeyed nothing so far");
        tokio::time::sleep(AGAIN).await;
        assert!(!is_on(&devices, &strike));
    }

    #[tokio::test]
    async fn a_program_that_dies_makes_outputs_safe_whatever_it_holds() {
        let (devices, strike) = drawn(Failure::Never);
        let held = devices.orders.lock().unwrap();
        devices.last_will();
        assert!(!is_on(&devices, &strike));
        drop(held);
    }

    #[tokio::test]
    async fn an_order_that_was_wrong_moves_nothing() {
        let (devices, strike) = drawn(Failure::Never);
        assert!(devices.set(&"nothing".parse().unwrap(), true, None).is_err());
        assert!(devices.set(&"reader".parse().unwrap(), true, None).is_err());
        assert!(is_on(&devices, &strike));
    }
}
