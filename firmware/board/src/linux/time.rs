//! Times: the kernel's of an edge as one of the wall clock, and how long to leave a device alone.

use crate::{Clock, SystemClock};
use model::Millis;
use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

const NS_PER_MS: u64 = 1_000_000;
const NS_PER_S: u64 = 1_000_000_000;

/// The wall clock.
pub fn now() -> Millis {
    SystemClock::new().now()
}

/// The clock that the kernel stamps edges with.
pub fn monotonic_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    let part = |n: i64| u64::try_from(n).unwrap_or(0);
    part(now.tv_sec).saturating_mul(NS_PER_S).saturating_add(part(now.tv_nsec))
}

/// When, by the wall clock, it was `at_ns` by the kernel's.
pub fn wall(at_ns: u64) -> Millis {
    before(now(), monotonic_ns().saturating_sub(at_ns) / NS_PER_MS)
}

/// So much earlier.
pub fn before(at: Millis, ms: u64) -> Millis {
    Millis(at.0.saturating_sub(ms))
}

/// How long a device is left alone that is not there.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// At first.
    pub first: Duration,
    /// In the end; it doubles on the way.
    pub most: Duration,
    /// What lasts so long is there to stay: the next failure is a first one.
    pub steady: Duration,
}

/// A person who plugs a reader in again waits for a second or so; a dead one costs two attempts in ten seconds.
pub const PACE: Pace =
    Pace { first: Duration::from_millis(250), most: Duration::from_secs(5), steady: Duration::from_secs(10) };

/// Attempts that become rarer.
#[derive(Debug)]
pub struct Backoff {
    pace: Pace,
    next: Duration,
}

impl Backoff {
    /// At the first failure.
    pub fn new(pace: Pace) -> Self {
        Self { pace, next: pace.first }
    }

    /// How long to wait now.
    pub fn wait(&mut self) -> Duration {
        let wait = self.next;
        self.next = wait.saturating_mul(2).min(self.pace.most);
        wait
    }

    /// It worked for so long. Whether that was long enough to count.
    pub fn worked(&mut self, time: Duration) -> bool {
        let steady = time >= self.pace.steady;
        if steady {
            self.next = self.pace.first;
        }
        steady
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_of_a_second_ago_was_a_second_ago() {
        let at = wall(monotonic_ns() - NS_PER_S);
        let ago = now().since(at);
        assert!((1_000..1_900).contains(&ago), "{ago}");
    }

    #[test]
    fn waits_double_up_to_a_bound_and_begin_anew_after_a_steady_time() {
        let mut backoff = Backoff::new(PACE);
        let waits: Vec<u128> = (0..7).map(|_| backoff.wait().as_millis()).collect();
        assert_eq!(waits, [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000]);
        assert!(!backoff.worked(Duration::from_secs(1)));
        assert!(backoff.worked(Duration::from_secs(10)));
        assert_eq!(backoff.wait(), PACE.first);
    }
}
