//! When to start a program again that ended: a machine without a clock.
//!
//! The first wait is a second, each further one twice as long up to a minute; a program that ran for a minute
//! begins again at a second. Times are durations since any fixed moment, given by the caller.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);
const HEALTHY: Duration = Duration::from_secs(60);

/// The restarts of one program.
#[derive(Debug, Clone)]
pub struct Restart {
    next: Duration,
    started: Duration,
}

impl Default for Restart {
    fn default() -> Self {
        Self { next: FIRST, started: Duration::ZERO }
    }
}

impl Restart {
    /// The program starts.
    pub fn started(&mut self, now: Duration) {
        self.started = now;
    }

    /// The program ended, or could not start. How long to wait before it is started again.
    pub fn ended(&mut self, now: Duration) -> Duration {
        if now.saturating_sub(self.started) >= HEALTHY {
            self.next = FIRST;
        }
        let wait = self.next;
        self.next = (wait * 2).min(LONGEST);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_program_that_dies_at_once_waits_longer_each_time() {
        let (mut restart, mut now, mut waits) = (Restart::default(), s(100), Vec::new());
        for _ in 0..8 {
            restart.started(now);
            now += s(1);
            let wait = restart.ended(now);
            now += wait;
            waits.push(wait.as_secs());
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
    }

    #[test]
    fn a_minute_of_health_forgives() {
        let mut restart = Restart::default();
        restart.started(s(0));
        assert_eq!(restart.ended(s(1)), s(1));
        restart.started(s(2));
        assert_eq!(restart.ended(s(3)), s(2));
        restart.started(s(5));
        assert_eq!(restart.ended(s(65)), s(1));
    }
}
