//! An output behind a line.
//!
//! It is requested at its safe level in one step, so that there is no moment at which it is anything else. A chip
//! that was unplugged and comes back is requested anew, at the level that is wanted then.

use super::port::{Gpio, OutputLine, Place};
use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

/// An output.
pub struct Output {
    gpio: Arc<dyn Gpio>,
    place: Place,
    active_low: bool,
    state: Mutex<State>,
}

struct State {
    line: Option<Box<dyn OutputLine>>,
    /// As last set; a level that could not be set is not known.
    on: Option<bool>,
}

impl Output {
    /// Requests the line at a level.
    pub fn open(gpio: Arc<dyn Gpio>, place: Place, active_low: bool, on: bool) -> io::Result<Self> {
        let line = gpio.output(&place, active_low, on)?;
        let state = Mutex::new(State { line: Some(line), on: Some(on) });
        Ok(Self { gpio, place, active_low, state })
    }

    /// Where it is.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Sets its level.
    pub fn set(&self, on: bool) -> io::Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.on = None;
        let done = match &state.line {
            Some(line) => line.set(on),
            None => Err(io::ErrorKind::NotConnected.into()),
        };
        if let Err(error) = done {
            if state.line.is_some() && !is_gone(&error) {
                return Err(error);
            }
            // The old request is of a chip that is not there any more.
            state.line = None;
            state.line = Some(self.gpio.output(&self.place, self.active_low, on)?);
        }
        state.on = Some(on);
        Ok(())
    }

    /// Its level as last set.
    pub fn get(&self) -> io::Result<bool> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.on.ok_or_else(|| io::Error::other("its level is not known since it last failed"))
    }
}

/// Whether the hardware is not there any more, as opposed to not obeying.
pub fn is_gone(error: &io::Error) -> bool {
    use rustix::io::Errno;
    [Errno::NODEV, Errno::NXIO].iter().any(|gone| error.raw_os_error() == Some(gone.raw_os_error()))
}
