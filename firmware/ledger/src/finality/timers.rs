//! How long a step of a round may last, and which waits are running.
//!
//! Each round doubles its waits, so that boxes whose clocks and networks are slow meet in some round. Time arrives as an
//! argument; a clock that is set back by hours does not stretch a wait, it is cut to the longest there is.

use malachite_types::{Timeout, TimeoutKind};
use model::Millis;

/// Waits of the first round, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For a proposal and its check. Merging, judges and the way there and back have to fit.
    pub propose_ms: u64,
    /// For more prevotes, once more than two thirds have come that do not agree.
    pub prevote_ms: u64,
    /// For more precommits, once more than two thirds have come that do not agree.
    pub precommit_ms: u64,
    /// Until what was said in a round is said again.
    pub repeat_ms: u64,
    /// The longest wait of any kind.
    pub longest_ms: u64,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            propose_ms: 4_000,
            prevote_ms: 1_000,
            precommit_ms: 1_000,
            repeat_ms: 2_000,
            longest_ms: 120_000,
        }
    }
}

/// The waits that run.
#[derive(Debug)]
pub(super) struct Timers {
    timeouts: Timeouts,
    running: Vec<(Timeout, Millis)>,
    /// How often this round has been said again.
    repeats: u32,
}

impl Timers {
    pub(super) const fn new(timeouts: Timeouts) -> Self {
        Self { timeouts, running: Vec::new(), repeats: 0 }
    }

    pub(super) fn start(&mut self, timeout: Timeout, now: Millis) {
        let due = now.plus(self.duration_ms(timeout));
        self.cancel(timeout);
        self.running.push((timeout, due));
    }

    pub(super) fn cancel(&mut self, timeout: Timeout) {
        self.running.retain(|(running, _)| *running != timeout);
    }

    /// A new round, or none.
    pub(super) fn clear(&mut self) {
        self.running.clear();
        self.repeats = 0;
    }

    /// When the next wait ends.
    pub(super) fn wake_at(&self) -> Option<Millis> {
        self.running.iter().map(|(_, due)| *due).min()
    }

    /// A wait that has ended, the earliest first.
    pub(super) fn expired(&mut self, now: Millis) -> Option<Timeout> {
        let latest = now.plus(self.timeouts.longest_ms);
        for (_, due) in &mut self.running {
            *due = latest.min(*due);
        }
        let first = self.running.iter().enumerate().min_by_key(|(_, (_, due))| *due);
        let (index, (timeout, _)) = first.filter(|(_, (_, due))| *due <= now)?;
        let timeout = *timeout;
        self.running.remove(index);
        if timeout.kind == TimeoutKind::Rebroadcast {
            self.repeats = self.repeats.saturating_add(1);
        }
        Some(timeout)
    }

    fn duration_ms(&self, timeout: Timeout) -> u64 {
        let (first_ms, doubled) = match timeout.kind {
            TimeoutKind::Propose => (self.timeouts.propose_ms, super::context::number(timeout.round)),
            TimeoutKind::Prevote => (self.timeouts.prevote_ms, super::context::number(timeout.round)),
            TimeoutKind::Precommit => (self.timeouts.precommit_ms, super::context::number(timeout.round)),
            TimeoutKind::Rebroadcast => (self.timeouts.repeat_ms, self.repeats),
            TimeoutKind::FinalizeHeight(_) => (0, 0),
        };
        first_ms.saturating_mul(1 << doubled.min(32)).clamp(1, self.timeouts.longest_ms.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use malachite_types::Round;

    #[test]
    fn each_round_waits_twice_as_long_up_to_the_longest() {
        let mut timers = Timers::new(Timeouts::default());
        for (round, wanted) in [(0, 4_000), (1, 8_000), (4, 64_000), (5, 120_000), (u32::MAX, 120_000)] {
            timers.clear();
            timers.start(Timeout::propose(Round::new(round)), Millis(10));
            assert_eq!(timers.wake_at(), Some(Millis(10 + wanted)), "round {round}");
        }
    }

    #[test]
    fn a_clock_that_is_set_back_stretches_no_wait() {
        let mut timers = Timers::new(Timeouts::default());
        timers.start(Timeout::propose(Round::new(0)), Millis(10_000_000));
        assert_eq!(timers.expired(Millis(0)), None);
        assert_eq!(timers.wake_at(), Some(Millis(120_000)));
        assert_eq!(timers.expired(Millis(120_000)), Some(Timeout::propose(Round::new(0))));
        assert_eq!(timers.expired(Millis(120_000)), None);
    }

    #[test]
    fn what_is_said_again_is_said_less_and_less_often() {
        let mut timers = Timers::new(Timeouts::default());
        let (repeat, mut now, mut waits) = (Timeout::rebroadcast(Round::new(0)), Millis(0), Vec::new());
        for _ in 0..3 {
            timers.start(repeat, now);
            let due = timers.wake_at().unwrap();
            waits.push(due.since(now));
            now = due;
            timers.expired(now).unwrap();
        }
        assert_eq!(waits, [2_000, 4_000, 8_000]);
    }
}
