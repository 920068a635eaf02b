//! The thread of a reader: it outlives its reader.
//!
//! A reader that is unplugged, or was never there, is said once and tried again, ever more rarely, until it
//! answers. What the hardware is does not matter here.

use super::time::{Backoff, Pace, now};
use super::wake::Stop;
use crate::{BadReading, Reading};
use model::{Millis, Name};
use std::{
    io,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Where readings go.
pub type Hear<'a> = &'a mut dyn FnMut(Reading, Millis);

/// A reader's hardware.
pub trait Hardware: Send {
    /// Opens the device and hands on what it reads. Returns when the board is closed, or fails when the device is
    /// not there or not any more; it is called again then.
    fn attend(&mut self, stop: &Stop, hear: Hear<'_>) -> io::Result<()>;
}

/// After so long without a failure a reader is there: none takes as long to find out that it is not.
const THERE_AFTER: Duration = Duration::from_secs(3);

/// Since when a reader has been attended to without a failure.
#[derive(Debug, Default)]
pub struct Attended(Mutex<Option<Instant>>);

impl Attended {
    /// Whether it is there.
    pub fn is_there(&self) -> bool {
        self.lock().is_some_and(|since| since.elapsed() >= THERE_AFTER)
    }

    fn set(&self, since: Option<Instant>) {
        *self.lock() = since;
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Minds a reader until the board is closed.
pub fn mind(
    name: &Name,
    hardware: &mut dyn Hardware,
    attended: &Attended,
    stop: &Stop,
    pace: Pace,
    hear: Hear<'_>,
) {
    let (mut backoff, mut told) = (Backoff::new(pace), false);
    loop {
        let (began, mut heard) = (Instant::now(), false);
        attended.set(Some(began));
        let ended = hardware.attend(stop, &mut |reading, at| {
            heard = true;
            hear(reading, at);
        });
        attended.set(None);
        let Err(error) = ended else { return };
        if stop.is_stopped() {
            return;
        }
        if heard || backoff.worked(began.elapsed()) {
            (backoff, told) = (Backoff::new(pace), false);
        }
        if !std::mem::replace(&mut told, true) {
            tracing::warn!(reader = %name, %error, "a reader is not there; it is tried again by itself");
            hear(Reading::Bad(BadReading::Unplugged), now());
        }
        if stop.sleep(backoff.wait()) {
            return;
        }
    }
}
