//! The clock as a trait, the machine's own and an obedient one, and whether to believe it.
//!
//! Only [`SystemClock`] reads the machine's time. A small board has no battery: it wakes in 1970 or where it
//! was switched off, until the network tells it better. [`doubt`] says so, and policy decides what to do.

use model::Millis;
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant, SystemTime},
};

/// 2026-01-01T00:00:00Z. No clock that shows less can be right: this software is younger.
const YOUNGER_THAN: Millis = Millis(1_767_225_600_000);

/// How far the ledger may be ahead of the clock before the clock is doubted: blocks carry whole seconds of
/// other boxes' clocks, so a little is normal.
const AHEAD_MS_MAX: u64 = 60_000;

/// Time of day, and time that only goes forward.
pub trait Clock: Send + Sync {
    /// The wall clock. It may jump either way.
    fn now(&self) -> Millis;

    /// Time since the clock was made. It never goes back; use it for everything that lasts.
    fn elapsed(&self) -> Duration;
}

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A clock whose `elapsed` begins here.
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    /// A clock set before 1970 reads as 1970.
    fn now(&self) -> Millis {
        #[expect(clippy::disallowed_methods, reason = "this is the clock that others ask")]
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

/// A clock that shows what it is told to.
#[derive(Debug, Default)]
pub struct SimClock {
    now: AtomicU64,
    elapsed_ms: AtomicU64,
}

impl SimClock {
    /// A clock that stands at `now`.
    pub fn at(now: Millis) -> Self {
        Self { now: AtomicU64::new(now.0), elapsed_ms: AtomicU64::new(0) }
    }

    /// Lets time pass.
    pub fn advance(&self, ms: u64) {
        self.now.fetch_add(ms, Ordering::SeqCst);
        self.elapsed_ms.fetch_add(ms, Ordering::SeqCst);
    }

    /// Sets the wall clock, as the network or a person would; `elapsed` goes on.
    pub fn set(&self, now: Millis) {
        self.now.store(now.0, Ordering::SeqCst);
    }
}

impl Clock for SimClock {
    fn now(&self) -> Millis {
        Millis(self.now.load(Ordering::SeqCst))
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.elapsed_ms.load(Ordering::SeqCst))
    }
}

/// Why a clock is not to be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClockDoubt {
    /// It shows a time before this software was written.
    #[error("the clock shows {now}, which is before this software was made; set the time or connect the box")]
    TooOld {
        /// What it shows.
        now: Millis,
    },
    /// The ledger holds blocks from its future.
    #[error(
        "the clock shows {now}, but the ledger holds a block of {newest}; set the time or connect the box"
    )]
    BehindLedger {
        /// What it shows.
        now: Millis,
        /// The newest block's time.
        newest: Millis,
    },
}

/// Whether `now` can be right, given the time of the newest block in the ledger.
pub fn doubt(now: Millis, newest_block: Millis) -> Option<ClockDoubt> {
    if now < YOUNGER_THAN {
        Some(ClockDoubt::TooOld { now })
    } else if newest_block.since(now) > AHEAD_MS_MAX {
        Some(ClockDoubt::BehindLedger { now, newest: newest_block })
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_in_1970_is_doubted() {
        assert!(matches!(doubt(Millis(4_000), Millis(0)), Some(ClockDoubt::TooOld { .. })));
    }

    #[test]
    fn a_clock_behind_the_ledger_is_doubted_but_not_for_seconds() {
        let newest = YOUNGER_THAN.plus(1_000_000);
        assert_eq!(doubt(YOUNGER_THAN.plus(990_000), newest), None);
        assert!(matches!(doubt(YOUNGER_THAN, newest), Some(ClockDoubt::BehindLedger { .. })));
    }

    #[test]
    fn setting_the_wall_clock_back_does_not_shorten_what_lasts() {
        let clock = SimClock::at(Millis(10_000));
        clock.advance(500);
        clock.set(Millis(0));
        clock.advance(250);
        assert_eq!((clock.now(), clock.elapsed()), (Millis(250), Duration::from_millis(750)));
    }

    #[test]
    fn the_machine_s_clock_moves() {
        let clock = SystemClock::new();
        assert!(clock.now() > Millis(0));
        let before = clock.elapsed();
        assert!(clock.elapsed() >= before);
    }
}
