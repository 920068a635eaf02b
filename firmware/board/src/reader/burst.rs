//! Bytes that belong together: they follow one another without a silence.
//!
//! A frame does not reach over a silence, and a burst is complained about once. That bounds what a broken wire
//! can put into a log.

use super::{BadReading, Reading};
use model::{CardNumber, Millis};

/// How long a line must be silent for a new burst to begin. A frame's bytes follow one another within
/// milliseconds (1 ms at 9600 baud); adapters on USB and a busy box add some tens.
const SILENCE_MS: u64 = 200;

/// How many bytes outside of frames are noise. A few come with every plug that is pulled.
const NOISE_BYTES: u32 = 64;

/// What is known of the burst that is going on.
#[derive(Debug, Clone, Default)]
pub(super) struct Burst {
    last: Option<Millis>,
    complained: bool,
    rubbish: u32,
}

impl Burst {
    /// A byte came. Whether it begins a new burst: what was unfinished before it never will be.
    pub(super) fn begins(&mut self, at: Millis) -> bool {
        let begins = self.last.is_none_or(|last| at.since(last) >= SILENCE_MS);
        if begins {
            (self.complained, self.rubbish) = (false, 0);
        }
        self.last = Some(at);
        begins
    }

    /// A card was read.
    pub(super) fn card(&mut self, number: u64) -> Option<Reading> {
        (self.complained, self.rubbish) = (false, 0);
        Some(Reading::Card(CardNumber::new(number)))
    }

    /// Something is wrong: worth saying unless something was said already.
    pub(super) fn bad(&mut self, reason: BadReading) -> Option<Reading> {
        let first = !std::mem::replace(&mut self.complained, true);
        first.then_some(Reading::Bad(reason))
    }

    /// A byte belongs to no frame.
    pub(super) fn rubbish(&mut self) -> Option<Reading> {
        self.rubbish = self.rubbish.saturating_add(1);
        if self.rubbish == NOISE_BYTES { self.bad(BadReading::Noise) } else { None }
    }
}
