//! A contact or a button behind a line: edges with the times at which their levels began.
//!
//! The kernel debounces if it can, and then stamps an edge at the end of the settling time; else
//! [`Debounce`] does. A line whose chip was unplugged has no level, and is requested again until it is there: a level
//! that has changed meanwhile is an edge then.

use super::port::{Gpio, InputLine, InputWish, Place};
use super::time::{Backoff, Pace, before, now, wall};
use super::wake::{Stop, Woken};
use crate::{Debounce, spec::ContactSpec};
use model::Millis;
use rustix::io::Errno;
use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// The level of a contact as last seen; none while its chip is not there.
#[derive(Debug, Default)]
pub struct Seen(Mutex<Option<bool>>);

impl Seen {
    /// The level.
    pub fn get(&self) -> Option<bool> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, level: Option<bool>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = level;
    }
}

/// A contact.
pub struct Contact {
    gpio: Arc<dyn Gpio>,
    place: Place,
    spec: ContactSpec,
    line: Option<Box<dyn InputLine>>,
    /// What the kernel's stamp is too late by.
    late_ms: u64,
    debounce: Debounce,
    seen: Arc<Seen>,
}

impl Contact {
    /// Requests the line and looks at it.
    pub fn open(gpio: Arc<dyn Gpio>, place: Place, spec: ContactSpec) -> io::Result<Self> {
        let (line, by_kernel) = request(&*gpio, &place, &spec)?;
        let level = line.level()?;
        let (late_ms, settle_ms) = if by_kernel { (spec.debounce_ms, 0) } else { (0, spec.debounce_ms) };
        let debounce = Debounce::new(level, settle_ms);
        let seen = Arc::new(Seen(Mutex::new(Some(level))));
        Ok(Self { gpio, place, spec, line: Some(line), late_ms, debounce, seen })
    }

    /// Where its level is to be read.
    pub fn seen(&self) -> Arc<Seen> {
        self.seen.clone()
    }

    /// Hands every edge on until the board is closed.
    pub fn mind(mut self, stop: &Stop, pace: Pace, hear: &mut dyn FnMut(bool, Millis)) {
        let mut backoff = Backoff::new(pace);
        loop {
            let began = Instant::now();
            let Err(error) = self.attend(stop, hear) else { return };
            if backoff.worked(began.elapsed()) || self.seen.get().is_some() {
                tracing::warn!(chip = %self.place.chip, offset = self.place.offset, %error, "lost a contact");
            }
            self.seen.put(None);
            if stop.sleep(backoff.wait()) {
                return;
            }
        }
    }

    fn attend(&mut self, stop: &Stop, hear: &mut dyn FnMut(bool, Millis)) -> io::Result<()> {
        let line = match self.line.take() {
            // Looked at when it was opened: what has changed since is waiting as an edge.
            Some(line) => line,
            None => self.request_again(hear)?,
        };
        loop {
            let wait = self.debounce.deadline().map(|at| Duration::from_millis(at.since(now())));
            match stop.wait(&[line.fd()], wait)? {
                Woken::Stopped => return Ok(()),
                Woken::TimedOut => {
                    let settled = self.debounce.tick(now());
                    self.tell(settled, hear);
                }
                Woken::Ready => {
                    while let Some(edge) = line.next()? {
                        self.see(edge.on, before(wall(edge.at_ns), self.late_ms), hear);
                    }
                }
            }
        }
    }

    /// What the level is by now was seen by nobody.
    fn request_again(&mut self, hear: &mut dyn FnMut(bool, Millis)) -> io::Result<Box<dyn InputLine>> {
        let (line, _) = request(&*self.gpio, &self.place, &self.spec)?;
        let level = line.level()?;
        self.seen.put(Some(self.debounce.level()));
        self.see(level, now(), hear);
        Ok(line)
    }

    fn see(&mut self, level: bool, at: Millis, hear: &mut dyn FnMut(bool, Millis)) {
        let settled = self.debounce.see(level, at);
        self.tell(settled, hear);
    }

    fn tell(&self, settled: Option<(bool, Millis)>, hear: &mut dyn FnMut(bool, Millis)) {
        if let Some((on, at)) = settled {
            self.seen.put(Some(on));
            hear(on, at);
        }
    }
}

/// The line, and whether the kernel debounces it.
fn request(gpio: &dyn Gpio, place: &Place, spec: &ContactSpec) -> io::Result<(Box<dyn InputLine>, bool)> {
    let ContactSpec { active_low, debounce_ms, bias, .. } = *spec;
    let wish = InputWish { active_low, bias, debounce_ms, only_on: false };
    match gpio.input(place, wish) {
        Ok(line) => Ok((line, debounce_ms > 0)),
        Err(error) if debounce_ms > 0 && is_beyond_the_kernel(&error) => {
            Ok((gpio.input(place, InputWish { debounce_ms: 0, ..wish })?, false))
        }
        Err(error) => Err(error),
    }
}

/// Whether a kernel or a chip says that it cannot do this, rather than not now. 524 is the kernel's own ENOTSUPP,
/// which some drivers let out.
fn is_beyond_the_kernel(error: &io::Error) -> bool {
    const ENOTSUPP: i32 = 524;
    let cannot = [Errno::INVAL, Errno::OPNOTSUPP, Errno::NOSYS].map(|errno| errno.raw_os_error());
    error.raw_os_error().is_some_and(|number| number == ENOTSUPP || cannot.contains(&number))
}

#[cfg(test)]
#[path = "contact_tests.rs"]
mod tests;
