//! The board itself: outputs by name, and the threads of the inputs.

use super::contact::Seen;
use super::inputs::{Opened, Opening};
use super::minder::Attended;
use super::mqtt::RemoteRelay;
use super::output::Output;
use super::port::{Gpio, Place};
use super::time::Pace;
use super::wake::Stop;
use super::wiring::Places;
use crate::{Board, BoardError, BoardSpec, Device, Sink};
use model::Name;
use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread::{self, JoinHandle},
    time::Duration,
};

/// How long a board that is closed waits for its good-byes to go over the network.
const GOOD_BYE: Duration = Duration::from_secs(1);

/// The board.
pub struct LinuxBoard {
    devices: Vec<Device>,
    outputs: BTreeMap<Name, Switch>,
    contacts: BTreeMap<Name, Arc<Seen>>,
    readers: BTreeMap<Name, Arc<Attended>>,
    stop: Stop,
    threads: Vec<JoinHandle<()>>,
    /// Disconnected when the thread of the last remote relay has ended.
    remotes: Mutex<mpsc::Receiver<()>>,
}

/// What is behind an output.
enum Switch {
    Line(Output),
    Remote(RemoteRelay),
}

impl LinuxBoard {
    /// Opens a board on those lines.
    pub fn open(spec: BoardSpec, sink: Sink, gpio: Arc<dyn Gpio>, pace: Pace) -> Result<Self, BoardError> {
        let places = Places::find(&*gpio, &spec.devices).map_err(|(device, source)| {
            let source = Box::new(source);
            BoardError::Wiring { board: spec.name.clone(), device, source }
        })?;
        let stop = Stop::new().map_err(|source| BoardError::Threads { board: spec.name.clone(), source })?;
        let (alive, remotes) = mpsc::channel();
        let mut board = Self {
            devices: spec.devices,
            outputs: BTreeMap::new(),
            contacts: BTreeMap::new(),
            readers: BTreeMap::new(),
            stop: stop.clone(),
            threads: Vec::new(),
            remotes: Mutex::new(remotes),
        };
        board.open_outputs(&gpio, &places)?;
        let opening = Opening { board: &spec.name, sink, gpio, places: &places, stop, pace };
        for device in &board.devices {
            match opening.open(device, &mut board.threads)? {
                Some(Opened::Contact(seen)) => drop(board.contacts.insert(device.name.clone(), seen)),
                Some(Opened::Reader(attended)) => drop(board.readers.insert(device.name.clone(), attended)),
                None => {}
            }
        }
        for (name, output) in &board.outputs {
            if let Switch::Remote(relay) = output {
                opening.start_remote(name, relay.clone(), alive.clone())?;
            }
        }
        Ok(board)
    }

    /// All outputs are at their safe levels when this returns.
    fn open_outputs(&mut self, gpio: &Arc<dyn Gpio>, places: &Places) -> Result<(), BoardError> {
        for device in &self.devices {
            let Some(spec) = device.output() else { continue };
            let switch = match (&spec.mqtt, spec.line.as_ref().and_then(|line| places.of(line))) {
                (Some(mqtt), _) => Switch::Remote(RemoteRelay::new(mqtt.clone(), spec.safe)),
                (None, Some(place)) => {
                    let opened = Output::open(gpio.clone(), place.clone(), spec.active_low, spec.safe);
                    Switch::Line(opened.map_err(failed_at(&device.name, "open", &place))?)
                }
                // The board's file promised a line.
                (None, None) => continue,
            };
            self.outputs.insert(device.name.clone(), switch);
        }
        Ok(())
    }

    fn order(&self, device: &Name, on: bool, doing: &'static str) -> Result<(), BoardError> {
        match self.outputs.get(device) {
            Some(Switch::Line(output)) => output.set(on).map_err(failed_at(device, doing, output.place())),
            Some(Switch::Remote(relay)) => {
                relay.set(on);
                Ok(())
            }
            None => {
                let kind = self.device(device)?.kind();
                Err(BoardError::NotAnOutput { device: device.clone(), kind })
            }
        }
    }
}

impl Board for LinuxBoard {
    fn devices(&self) -> &[Device] {
        &self.devices
    }

    fn set(&self, device: &Name, on: bool) -> Result<(), BoardError> {
        self.order(device, on, if on { "turn on" } else { "turn off" })
    }

    fn get(&self, device: &Name) -> Result<bool, BoardError> {
        let level = match (self.outputs.get(device), self.contacts.get(device)) {
            (Some(Switch::Line(output)), _) => output.get(),
            (Some(Switch::Remote(relay)), _) => relay.get(),
            (None, Some(seen)) => seen.get().ok_or_else(|| io::ErrorKind::NotConnected.into()),
            (None, None) => {
                let kind = self.device(device)?.kind();
                return Err(BoardError::NoLevel { device: device.clone(), kind });
            }
        };
        level.map_err(failed(device, "read"))
    }

    fn attends(&self, device: &Name) -> bool {
        self.readers.get(device).is_some_and(|attended| attended.is_there())
    }

    fn make_safe(&self, device: &Name) -> Result<(), BoardError> {
        let found = self.device(device)?;
        let not_an_output = || BoardError::NotAnOutput { device: device.clone(), kind: found.kind() };
        self.order(device, found.output().ok_or_else(not_an_output)?.safe, "make safe")
    }
}

impl Drop for LinuxBoard {
    /// Safe first; then the threads end, and with them the lines are given back.
    fn drop(&mut self) {
        for error in self.make_all_safe() {
            tracing::error!(%error, "not safe at the end");
        }
        for output in self.outputs.values() {
            if let Switch::Remote(relay) = output {
                relay.close();
            }
        }
        self.stop.stop();
        for thread in self.threads.drain(..).filter(|thread| thread.thread().id() != thread::current().id()) {
            // One that has panicked has said so.
            let _ended = thread.join();
        }
        let remotes = self.remotes.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _all_ended = remotes.recv_timeout(GOOD_BYE);
    }
}

/// What a device did not do.
pub fn failed(device: &Name, doing: &'static str) -> impl FnOnce(io::Error) -> BoardError {
    move |source| BoardError::Device { device: device.clone(), doing, source: Box::new(source) }
}

/// What a device behind a line did not do, with the line.
pub fn failed_at(device: &Name, doing: &'static str, place: &Place) -> impl FnOnce(io::Error) -> BoardError {
    move |source| {
        let Place { chip, offset } = place.clone();
        BoardError::Device {
            device: device.clone(),
            doing,
            source: Box::new(AtLine { chip, offset, source }),
        }
    }
}

/// What a line did not do.
#[derive(Debug, thiserror::Error)]
#[error("line {offset} of {chip}")]
struct AtLine {
    chip: String,
    offset: u32,
    source: io::Error,
}
