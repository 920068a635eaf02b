//! Readers, relays, lamps, buzzers, contacts, buttons, clock and watchdog as traits, with obedient fakes.
//!
//! A [`Board`] is everything that is screwed to the wall, by logical name: the agent and the dapps say
//! `strike`, never a pin. Which pin that is, which level is safe and how long a contact bounces stands in the
//! board's file ([`spec`], `docs/formats/board.md`). The simulated board is [`SimBoard`]; `linux` has the one of
//! real pins, readers and relays, and [`remote`] what it says to relays on the network. [`reader`] turns what a card reader sends into card numbers and [`Debounce`]
//! turns bouncing contacts into edges: both are pure, take bytes and times, and never panic.
//!
//! Card numbers are secrets: they leave this room in [`InputKind::Badge`] only, and no error or log holds one.

mod board;
mod clock;
mod debounce;
#[cfg(target_os = "linux")]
mod linux;
pub mod reader;
pub mod remote;
mod sim;
pub mod spec;
mod watchdog;

pub use board::{Board, BoardError, Input, InputKind, Sink};
pub use clock::{Clock, ClockDoubt, SimClock, SystemClock, doubt};
pub use debounce::Debounce;
#[cfg(target_os = "linux")]
pub use linux::{LinuxWatchdog, WiringError};
pub use reader::{BadReading, Reading};
pub use sim::{Failure, LevelChange, SimBoard};
pub use spec::{BoardSpec, Device, Kind, SpecError, builtin, find, load};
pub use watchdog::{SimWatchdog, Watchdog, WatchdogError};

use std::sync::Arc;

/// Opens the board of a description: every output is driven to its safe level before this returns, and
/// everything that its readers, contacts and buttons report goes to `sink` from then on.
pub fn open(spec: BoardSpec, sink: Sink) -> Result<Arc<dyn Board>, BoardError> {
    match spec.driver {
        spec::Driver::Sim => Ok(Arc::new(SimBoard::new(spec, Arc::new(SystemClock::new()), sink))),
        #[cfg(target_os = "linux")]
        spec::Driver::Linux => linux::open(spec, sink),
        #[cfg(not(target_os = "linux"))]
        spec::Driver::Linux => Err(BoardError::NoDriver { board: spec.name }),
    }
}
