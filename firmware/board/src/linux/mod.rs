//! The board of a real machine: lines, readers and remote relays of Linux.
//!
//! The pin map is held against the machine before anything moves (`wiring`); then every output is requested at its
//! safe level in one step, and only then inputs are heard. Each input has a thread of its own that waits in
//! `wake` and outlives its device. Dropping the board makes the outputs safe and ends the threads. Everything
//! but the last inch is tested with fakes that obey: lines behind `port`, serial ports on pty pairs, a chip on a
//! bus that is none.

mod board;
#[cfg(test)]
mod board_tests;
mod contact;
#[cfg(test)]
mod fake;
mod gpio;
mod inputs;
mod keyboard;
mod mfrc522;
mod minder;
mod mqtt;
mod output;
mod pn532;
mod port;
mod reset;
mod serial;
#[cfg(test)]
mod test_pty;
mod time;
mod wake;
mod watchdog;
mod wiegand;
mod wiring;
#[cfg(test)]
mod wiring_tests;

pub use watchdog::LinuxWatchdog;
pub use wiring::WiringError;

use crate::{Board, BoardError, BoardSpec, Sink};
use std::sync::Arc;

/// Opens the board of this machine.
pub fn open(spec: BoardSpec, sink: Sink) -> Result<Arc<dyn Board>, BoardError> {
    Ok(Arc::new(board::LinuxBoard::open(spec, sink, Arc::new(gpio::Cdev), time::PACE)?))
}
