//! The board as a trait: outputs set by logical name, inputs delivered to a sink.
//!
//! Levels are logical: `true` is on (relay drawn, lamp lit, contact's event present, button pressed). That a
//! lamp is wired active-low, or a contact opens when the door does, is the pin map's matter and ends in the
//! driver. It fails by naming the device and what was being done to it, never by panicking.

use crate::{BadReading, Device, Kind, SimBoard};
use model::{CardNumber, Millis, Name};
use std::{error::Error, sync::Arc};

/// Where inputs go. Called from the board's own threads, one input at a time for each device, in the order in
/// which they happened. It must not block: it hands the input on (a channel) and returns.
pub type Sink = Arc<dyn Fn(Input) + Send + Sync>;

/// Something that a reader, a contact or a button reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// The device, as the pin map calls it.
    pub device: Name,
    /// When it happened, by the wall clock.
    pub at: Millis,
    /// What happened.
    pub what: InputKind,
}

/// What was reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputKind {
    /// A card was held to a reader. The number is all that was read; [`Device::widths`] says what counts.
    Badge(CardNumber),
    /// A reader sent something that is not a card.
    BadReading(BadReading),
    /// A contact or a button changed, after debouncing, to on or off.
    Edge(bool),
}

/// A board: devices by logical name.
///
/// # Why it looks like this
///
/// The trait has to fit an obedient fake, GPIO lines behind the character device (uAPI v2), serial and USB
/// readers, and a relay that hangs on the network, without change:
///
/// - *Inputs are pushed, outputs are called.* A line request of gpiocdev yields edge events on a file
///   descriptor, a serial port yields bytes, evdev yields keys, Wiegand yields edges on two lines: each driver
///   owns one thread that waits, runs the pure decoder or [`Debounce`](crate::Debounce), and calls the
///   [`Sink`]. Nobody polls; an unplugged reader is reopened by its own thread and reports
///   [`BadReading::Unplugged`] meanwhile.
/// - *Logical levels.* `active_low`, `bias` and `debounce_ms` can be given to the kernel with the line request;
///   where a kernel cannot debounce, `Debounce` does. Neither is seen from here.
/// - *`set` is `&self` and synchronous.* Setting a line is one ioctl of some microseconds, and the tap that
///   opens a door must not wait for an executor. A driver whose device is slow (MQTT relay) queues the level and
///   answers at once; `get` then tells the level last confirmed, and fails while the way to it is lost.
/// - *Safe levels belong to the board.* `make_safe` needs no argument that a confused caller could get wrong,
///   and works after any error. Opening a board makes it safe first, dropping it makes it safe last. (What
///   happens when the process is killed is up to the wiring and the safe level of the idle line: the pin map
///   names the level that an unpowered driver gives.)
/// - *Times are wall-clock `Millis`* taken when the event happened. The kernel's edge events carry monotonic
///   nanoseconds, from which a driver subtracts "now" of the same clock.
pub trait Board: Send + Sync {
    /// Every device of the board, in order of their names.
    fn devices(&self) -> &[Device];

    /// Sets an output. Setting it to the level it has is no error and no change.
    fn set(&self, device: &Name, on: bool) -> Result<(), BoardError>;

    /// The level of an output as last set, or of a contact or button as last seen.
    fn get(&self, device: &Name) -> Result<bool, BoardError>;

    /// Whether a reader is there: its hardware was opened and has not failed for a while. Of other devices their level says it.
    fn attends(&self, device: &Name) -> bool {
        self.device(device).is_ok()
    }

    /// Sets an output to its safe level.
    fn make_safe(&self, device: &Name) -> Result<(), BoardError>;

    /// Makes every output safe, trying all of them even if some fail. Returns what failed.
    fn make_all_safe(&self) -> Vec<BoardError> {
        let outputs = self.devices().iter().filter(|device| device.kind().is_output());
        outputs.filter_map(|device| self.make_safe(&device.name).err()).collect()
    }

    /// The device of a name.
    fn device(&self, name: &Name) -> Result<&Device, BoardError> {
        let found = self.devices().iter().find(|device| device.name == *name);
        found.ok_or_else(|| BoardError::UnknownDevice { device: name.clone() })
    }

    /// The simulated board behind this, if that is what it is: for `ledgerctl tap` and the page.
    fn as_sim(&self) -> Option<&SimBoard> {
        None
    }
}

/// What a board could not do.
#[derive(Debug, thiserror::Error)]
pub enum BoardError {
    /// No device of that name.
    #[error("the board has no device {device}; `ledgerctl board` lists those it has")]
    UnknownDevice {
        /// The name asked for.
        device: Name,
    },
    /// A device that cannot be set.
    #[error("{device} is a {kind}: it cannot be set")]
    NotAnOutput {
        /// The device.
        device: Name,
        /// What it is.
        kind: Kind,
    },
    /// A device without a level.
    #[error("{device} is a {kind}: it has no level")]
    NoLevel {
        /// The device.
        device: Name,
        /// What it is.
        kind: Kind,
    },
    /// An input that this kind of device cannot report (simulated board).
    #[error("{device} is a {kind}: it cannot report that")]
    WrongInput {
        /// The device.
        device: Name,
        /// What it is.
        kind: Kind,
    },
    /// The device did not obey.
    #[error("could not {doing} {device}")]
    Device {
        /// The device.
        device: Name,
        /// What was tried, such as "turn on".
        doing: &'static str,
        /// Why not.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The pin map does not fit the machine.
    #[error("board {board}: the pin map of {device} does not fit this machine")]
    Wiring {
        /// The board's name.
        board: String,
        /// The device.
        device: Name,
        /// What does not fit: which line, which chip.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The machine has no thread or no descriptor left.
    #[error("board {board}: cannot wait for its inputs")]
    Threads {
        /// The board's name.
        board: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The board needs a driver that this build does not have.
    #[error("board {board} needs the Linux drivers, which this build does not have; use --board sim")]
    NoDriver {
        /// The board's name.
        board: String,
    },
}

impl BoardError {
    /// Whether the same call may succeed later: the hardware failed, the caller did nothing wrong.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Device { .. })
    }

    /// Whether the name is none of this board's.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::UnknownDevice { .. })
    }
}
