//! Numbers that look drawn and follow from a seed, so that a failed run can be made again (splitmix64).

use std::time::Duration;

/// A source of them.
pub struct Random(pub u64);

impl Random {
    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// Below that number, which is not 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// A moment between two.
    pub fn between(&mut self, from: Duration, until: Duration) -> Duration {
        let span = until.saturating_sub(from).as_micros().max(1);
        from + Duration::from_micros(self.below(u64::try_from(span).unwrap_or(u64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_numbers_again() {
        let (mut first, mut second) = (Random(7), Random(7));
        assert!((0..100).all(|_| first.next() == second.next()));
        assert_ne!(first.next(), Random(8).next());
    }

    #[test]
    fn a_moment_lies_between_the_two() {
        let (from, until) = (Duration::from_millis(20), Duration::from_millis(30));
        let mut random = Random(1);
        assert!((0..100).map(|_| random.between(from, until)).all(|at| from <= at && at < until));
        assert_eq!(random.between(until, from), until, "an empty span");
    }
}
