//! Opening the inputs: what each device needs, and a thread for it.

use super::board::{failed, failed_at};
use super::contact::{Contact, Seen};
use super::keyboard::Keyboard;
use super::mfrc522::Mfrc522Reader;
use super::minder::{self, Attended, Hardware};
use super::mqtt::RemoteRelay;
use super::pn532::Pn532Reader;
use super::port::{Gpio, Place};
use super::reset::Reset;
use super::serial::SerialReader;
use super::time::Pace;
use super::wake::Stop;
use super::wiegand::WiegandReader;
use super::wiring::Places;
use crate::{
    BoardError, Device, Input, InputKind, Reading, Sink,
    spec::{Line, Part, Source},
};
use model::{Millis, Name};
use std::{
    io,
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
};

/// A thread of the board needs little: the decoders are dozens of bytes, the network's client some kilobytes.
const STACK_BYTES: usize = 256 * 1024;

/// What opening an input needs.
pub struct Opening<'a> {
    /// The board's name.
    pub board: &'a str,
    /// Where inputs go.
    pub sink: Sink,
    /// The lines.
    pub gpio: Arc<dyn Gpio>,
    /// Where the lines are.
    pub places: &'a Places,
    /// The end of the board.
    pub stop: Stop,
    /// How often what is not there is tried again.
    pub pace: Pace,
}

/// What is to be seen of an input from outside its thread.
pub enum Opened {
    /// A contact's or a button's level.
    Contact(Arc<Seen>),
    /// Whether a reader is there.
    Reader(Arc<Attended>),
}

impl Opening<'_> {
    /// Opens a device and starts its thread. Answers with what is to be seen of it; outputs are none of its business.
    pub fn open(
        &self,
        device: &Device,
        threads: &mut Vec<JoinHandle<()>>,
    ) -> Result<Option<Opened>, BoardError> {
        match &device.part {
            Part::Reader(reader) => {
                let hardware = self.reader(&reader.source).map_err(failed(&device.name, "open"))?;
                let Some(hardware) = hardware else { return Ok(None) };
                let attended = Arc::new(Attended::default());
                threads.push(self.start_reader(&device.name, hardware, attended.clone())?);
                Ok(Some(Opened::Reader(attended)))
            }
            Part::Contact(contact) | Part::Button(contact) => {
                let Some(place) = self.place(contact.line.as_ref()) else { return Ok(None) };
                let opened = Contact::open(self.gpio.clone(), place.clone(), contact.clone());
                let contact = opened.map_err(failed_at(&device.name, "open", &place))?;
                let seen = contact.seen();
                threads.push(self.start_contact(&device.name, contact)?);
                Ok(Some(Opened::Contact(seen)))
            }
            Part::Relay(_) | Part::Lamp(_) | Part::Buzzer(_) => Ok(None),
        }
    }

    /// Keeps a remote relay's way open; `alive` is dropped when that ends.
    pub fn start_remote(
        &self,
        name: &Name,
        relay: RemoteRelay,
        alive: mpsc::Sender<()>,
    ) -> Result<(), BoardError> {
        let (stop, pace) = (self.stop.clone(), self.pace);
        let mind = move || {
            relay.mind(&stop, pace);
            drop(alive);
        };
        // Nobody joins it: the network may hold it for seconds.
        self.spawn(name, mind).map(drop)
    }

    fn reader(&self, source: &Source) -> io::Result<Option<Box<dyn Hardware>>> {
        Ok(Some(match source {
            Source::Simulated => return Ok(None),
            Source::Serial { port, baud, format } => {
                Box::new(SerialReader { port: port.clone(), baud: *baud, format: *format })
            }
            Source::Keyboard { device, digits } => {
                Box::new(Keyboard { device: device.clone(), digits: *digits })
            }
            Source::Wiegand { data0, data1 } => {
                let (Some(data0), Some(data1)) = (self.place(Some(data0)), self.place(Some(data1))) else {
                    return Ok(None);
                };
                Box::new(WiegandReader::open(self.gpio.clone(), [data0, data1])?)
            }
            Source::Mfrc522 { spi, reset } => {
                Box::new(Mfrc522Reader { spi: spi.clone(), reset: self.reset(reset.as_ref()) })
            }
            Source::Pn532 { bus, reset } => {
                Box::new(Pn532Reader { bus: bus.clone(), reset: self.reset(reset.as_ref()) })
            }
        }))
    }

    fn reset(&self, line: Option<&Line>) -> Reset {
        Reset::new(self.gpio.clone(), self.place(line))
    }

    fn place(&self, line: Option<&Line>) -> Option<Place> {
        self.places.of(line?)
    }

    fn start_reader(
        &self,
        name: &Name,
        mut hardware: Box<dyn Hardware>,
        attended: Arc<Attended>,
    ) -> Result<JoinHandle<()>, BoardError> {
        let (sink, device, stop, pace) = (self.sink.clone(), name.clone(), self.stop.clone(), self.pace);
        self.spawn(name, move || {
            let mut hear = |reading, at: Millis| {
                let what = match reading {
                    Reading::Card(number) => InputKind::Badge(number),
                    Reading::Bad(reason) => InputKind::BadReading(reason),
                };
                sink(Input { device: device.clone(), at, what });
            };
            minder::mind(&device, &mut *hardware, &attended, &stop, pace, &mut hear);
        })
    }

    fn start_contact(&self, name: &Name, contact: Contact) -> Result<JoinHandle<()>, BoardError> {
        let (sink, device, stop, pace) = (self.sink.clone(), name.clone(), self.stop.clone(), self.pace);
        self.spawn(name, move || {
            let mut hear = |on, at| sink(Input { device: device.clone(), at, what: InputKind::Edge(on) });
            contact.mind(&stop, pace, &mut hear);
        })
    }

    fn spawn(&self, name: &Name, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, BoardError> {
        let builder = thread::Builder::new().name(name.to_string()).stack_size(STACK_BYTES);
        builder.spawn(run).map_err(|source| BoardError::Threads { board: self.board.to_string(), source })
    }
}
