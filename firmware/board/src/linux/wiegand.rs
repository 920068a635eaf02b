//! A Wiegand reader on two lines.
//!
//! Which bit came first is decided by the kernel's stamps, not by the order in which we happened to hear of them: the
//! two lines may be on different chips, and interrupts may overtake each other. So pulses are collected
//! until the lines are silent, put into order, and decoded.

use super::minder::{Hardware, Hear};
use super::port::{Gpio, InputLine, InputWish, Place};
use super::time::wall;
use super::wake::{Stop, Woken};
use crate::{
    reader::{Reading, Wiegand},
    spec::Bias,
};
use model::Millis;
use std::{io, sync::Arc, time::Duration};

/// How long nothing must come for the pulses to be complete; the decoder wants 30 ms between them.
const SILENCE: Duration = Duration::from_millis(40);
/// More than one number has: it is noise, and is not collected for ever.
const PULSES_MAX: usize = 256;
const NS_PER_MS: u64 = 1_000_000;

/// The reader. A line is high while nothing comes; whatever it is drawn up by is outside, or the bias.
pub struct WiegandReader {
    gpio: Arc<dyn Gpio>,
    places: [Place; 2],
    lines: Option<[Box<dyn InputLine>; 2]>,
}

impl WiegandReader {
    /// Requests both lines.
    pub fn open(gpio: Arc<dyn Gpio>, places: [Place; 2]) -> io::Result<Self> {
        let lines = Some(request(&*gpio, &places)?);
        Ok(Self { gpio, places, lines })
    }
}

/// A pulse is low: on means low here, and going on is all that counts.
fn request(gpio: &dyn Gpio, places: &[Place; 2]) -> io::Result<[Box<dyn InputLine>; 2]> {
    let wish = InputWish { active_low: true, bias: Bias::AsIs, debounce_ms: 0, only_on: true };
    Ok([gpio.input(&places[0], wish)?, gpio.input(&places[1], wish)?])
}

impl Hardware for WiegandReader {
    fn attend(&mut self, stop: &Stop, hear: Hear<'_>) -> io::Result<()> {
        let lines = match self.lines.take() {
            Some(lines) => lines,
            None => request(&*self.gpio, &self.places)?,
        };
        let mut pulses = Pulses::default();
        loop {
            let wait = pulses.are_waiting().then_some(SILENCE);
            match stop.wait(&[lines[0].fd(), lines[1].fd()], wait)? {
                Woken::Stopped => return Ok(()),
                Woken::TimedOut => pulses.finish(hear),
                Woken::Ready => {
                    for (line, bit) in lines.iter().zip([false, true]) {
                        while let Some(edge) = line.next()? {
                            pulses.waiting.push((edge.at_ns, bit));
                        }
                    }
                    if pulses.waiting.len() >= PULSES_MAX {
                        pulses.take_in(hear);
                    }
                }
            }
        }
    }
}

/// Pulses and when they came, and what was made of those before.
#[derive(Default)]
struct Pulses {
    waiting: Vec<(u64, bool)>,
    decoder: Wiegand,
    last_ns: u64,
}

impl Pulses {
    /// Decodes what is waiting; the number may go on.
    fn take_in(&mut self, hear: Hear<'_>) {
        let mut pulses = std::mem::take(&mut self.waiting);
        pulses.sort_unstable();
        for (at_ns, bit) in pulses {
            tell(self.decoder.push(bit, Millis(at_ns / NS_PER_MS)), self.last_ns, hear);
            self.last_ns = at_ns;
        }
    }

    /// The lines are silent.
    fn finish(&mut self, hear: Hear<'_>) {
        self.take_in(hear);
        let rest = self.decoder.deadline().and_then(|deadline| self.decoder.tick(deadline));
        tell(rest, self.last_ns, hear);
    }

    fn are_waiting(&self) -> bool {
        !self.waiting.is_empty() || self.decoder.deadline().is_some()
    }
}

fn tell(reading: Option<Reading>, at_ns: u64, hear: Hear<'_>) {
    if let Some(reading) = reading {
        hear(reading, wall(at_ns));
    }
}

#[cfg(test)]
#[path = "wiegand_tests.rs"]
mod tests;
