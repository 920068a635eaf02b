//! Token buckets: a rate with a burst, in whole numbers.
//!
//! Tokens are counted in thousandths, so that a millisecond at one unit a second is one of them and nothing is
//! lost by rounding. A clock that goes back fills nothing and takes nothing.

use crate::limits::Rate;
use model::Millis;

const PARTS: u64 = 1000;

/// What is left of a rate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TokenBucket {
    rate: Rate,
    /// Thousandths of a unit.
    left: u64,
    at: Millis,
}

impl TokenBucket {
    /// A full bucket.
    pub(crate) fn full(rate: Rate, now: Millis) -> Self {
        Self { rate, left: rate.burst.saturating_mul(PARTS), at: now }
    }

    /// Takes `units` if so many are there.
    pub(crate) fn take(&mut self, units: u64, now: Millis) -> bool {
        self.fill(now);
        match self.left.checked_sub(units.saturating_mul(PARTS)) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }

    /// Takes `units`, or all there are: for what has happened already.
    pub(crate) fn spend(&mut self, units: u64, now: Millis) {
        self.fill(now);
        self.left = self.left.saturating_sub(units.saturating_mul(PARTS));
    }

    /// Whole units that are there.
    pub(crate) fn left(&mut self, now: Millis) -> u64 {
        self.fill(now);
        self.left / PARTS
    }

    /// Milliseconds until `units` are there; of more than ever fit, until the bucket is full.
    pub(crate) fn wait_ms(&mut self, units: u64, now: Millis) -> u64 {
        self.fill(now);
        let wanted = units.min(self.rate.burst).saturating_mul(PARTS);
        wanted.saturating_sub(self.left).div_ceil(self.rate.per_second.max(1))
    }

    fn fill(&mut self, now: Millis) {
        let new = now.since(self.at).saturating_mul(self.rate.per_second);
        self.left = self.left.saturating_add(new).min(self.rate.burst.saturating_mul(PARTS));
        self.at = self.at.max(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RATE: Rate = Rate { per_second: 3, burst: 10 };

    #[test]
    fn a_burst_goes_and_then_the_rate() {
        let mut bucket = TokenBucket::full(RATE, Millis(0));
        assert!(bucket.take(10, Millis(0)) && !bucket.take(1, Millis(0)));
        assert_eq!(bucket.wait_ms(1, Millis(0)), 334);
        assert!(!bucket.take(1, Millis(333)) && bucket.take(1, Millis(334)));
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing() {
        let mut bucket = TokenBucket::full(RATE, Millis(1_000_000));
        bucket.spend(100, Millis(1_000_000));
        assert_eq!(bucket.left(Millis(5)), 0);
        assert_eq!(bucket.left(Millis(1_000_000)), 0);
        assert_eq!(bucket.left(Millis(1_001_000)), 3);
    }

    #[test]
    fn the_largest_numbers_do_not_overflow() {
        let rate = Rate { per_second: u64::MAX, burst: u64::MAX };
        let mut bucket = TokenBucket::full(rate, Millis(0));
        assert!(bucket.take(u64::MAX, Millis(u64::MAX)));
        assert_eq!(bucket.wait_ms(u64::MAX, Millis(u64::MAX)), 1);
    }

    proptest! {
        /// Whatever is tried when, no window gives more than the burst and the rate.
        #[test]
        fn no_more_goes_than_burst_and_rate(steps in prop::collection::vec((0_u64..500, 0_u64..12), 1..200)) {
            let mut bucket = TokenBucket::full(RATE, Millis(0));
            let (mut now, mut taken) = (Millis(0), 0);
            for (wait, units) in steps {
                now = now.plus(wait);
                taken += if bucket.take(units, now) { units } else { 0 };
                prop_assert!(taken * 1000 <= RATE.burst * 1000 + now.0 * RATE.per_second);
            }
        }
    }
}
