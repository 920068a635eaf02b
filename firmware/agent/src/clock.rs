//! The time that goes into events and blocks: the machine's, but never back.
//!
//! A box without a battery wakes in 1970 or where it was switched off. The ledger knows better: no event or
//! block is dated before the newest block. While the machine's clock is doubted ([`board::doubt`]) time goes
//! on from the newest moment known, at the pace of the monotonic clock; the status and the dapps hear that it
//! is not to be trusted. Small steps back (seconds, by NTP) are waited out.

use crate::wire::ClockStatus;
use board::{Clock, SystemClock, doubt};
use model::Millis;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// The clock of this ledger.
pub struct LedgerClock {
    clock: Arc<dyn Clock>,
    last: Mutex<Last>,
}

struct Last {
    /// The newest time given out or seen in a block.
    at: Millis,
    /// When that was, by the monotonic clock.
    elapsed: Duration,
    /// The newest block's time.
    block: Millis,
}

/// The clock of this machine.
pub fn machine() -> Arc<dyn Clock> {
    Arc::new(SystemClock::new())
}

impl LedgerClock {
    /// A clock that never shows less than the newest block's time.
    pub fn new(clock: Arc<dyn Clock>, newest_block: Millis) -> Self {
        let last = Last { at: newest_block, elapsed: clock.elapsed(), block: newest_block };
        Self { clock, last: Mutex::new(last) }
    }

    /// The time for an event or a block.
    pub fn now(&self) -> Millis {
        let (wall, elapsed) = (self.clock.now(), self.clock.elapsed());
        let mut last = self.lock();
        let at = match doubt(wall, last.at) {
            Some(_) => last.at.plus(millis(elapsed.saturating_sub(last.elapsed))),
            None => wall,
        };
        (last.at, last.elapsed) = (at.max(last.at), elapsed);
        last.at
    }

    /// A block of that time was made or came in.
    pub fn saw_block(&self, at: Millis) {
        let elapsed = self.clock.elapsed();
        let mut last = self.lock();
        last.block = last.block.max(at);
        if at > last.at {
            (last.at, last.elapsed) = (at, elapsed);
        }
    }

    /// Time since ledgerd started, which only goes forward.
    pub fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    /// The time, and whether to believe the machine's clock.
    pub fn status(&self) -> ClockStatus {
        let newest = self.lock().block;
        let reason = doubt(self.clock.now(), newest).map(|doubt| doubt.to_string());
        ClockStatus { now: self.now(), trusted: reason.is_none(), reason }
    }

    fn lock(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use board::SimClock;

    const BLOCK: Millis = Millis(1_800_000_000_000);

    #[test]
    fn a_clock_in_1970_goes_on_from_the_newest_block_and_is_not_trusted() {
        let machine = Arc::new(SimClock::at(Millis(4_000)));
        let clock = LedgerClock::new(machine.clone(), BLOCK);
        assert_eq!(clock.now(), BLOCK);
        machine.advance(1_500);
        assert_eq!(clock.now(), BLOCK.plus(1_500));
        assert!(!clock.status().trusted && clock.status().reason.is_some());
        machine.set(BLOCK.plus(90_000));
        assert_eq!(clock.now(), BLOCK.plus(90_000), "once set, the machine's clock counts");
        assert!(clock.status().trusted);
    }

    #[test]
    fn a_small_step_back_is_waited_out() {
        let machine = Arc::new(SimClock::at(BLOCK.plus(10_000)));
        let clock = LedgerClock::new(machine.clone(), BLOCK);
        assert_eq!(clock.now(), BLOCK.plus(10_000));
        machine.set(BLOCK.plus(7_000));
        assert_eq!(clock.now(), BLOCK.plus(10_000));
        machine.advance(4_000);
        assert_eq!(clock.now(), BLOCK.plus(11_000));
    }

    #[test]
    fn time_never_goes_back_whatever_the_machine_says() {
        let machine = Arc::new(SimClock::at(BLOCK));
        let clock = LedgerClock::new(machine.clone(), Millis(0));
        let mut before = clock.now();
        for jump in [0, 5, 1_000_000, 10, BLOCK.0, BLOCK.0 - 70_000, BLOCK.0 * 2, 3] {
            machine.set(Millis(jump));
            machine.advance(10);
            assert!(clock.now() >= before, "went back at {jump}");
            before = clock.now();
        }
    }
}
