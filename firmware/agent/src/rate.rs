//! A token bucket: so many at once, so many a second after that. Pure; the caller says what time it is.

use std::time::Duration;

/// The bucket.
#[derive(Debug, Clone)]
pub struct Rate {
    burst: f64,
    per_second: f64,
    tokens: f64,
    at: Duration,
}

impl Rate {
    /// A full bucket.
    pub fn new(burst: u32, per_second: u32) -> Self {
        let burst = f64::from(burst);
        Self { burst, per_second: f64::from(per_second), tokens: burst, at: Duration::ZERO }
    }

    /// Takes one, or says no.
    pub fn take(&mut self, now: Duration) -> bool {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.at = self.at.max(now);
        self.tokens = (self.tokens + passed * self.per_second).min(self.burst);
        if self.tokens < 1.0 {
            return false;
        }
        self.tokens -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_then_the_rate_holds() {
        let mut rate = Rate::new(5, 2);
        let at = Duration::from_secs(100);
        assert_eq!((0..10).filter(|_| rate.take(at)).count(), 5);
        assert_eq!((0..10).filter(|_| rate.take(at + Duration::from_secs(1))).count(), 2);
        assert!(!rate.take(Duration::ZERO), "a clock that goes back fills nothing");
        assert_eq!((0..10).filter(|_| rate.take(at + Duration::from_secs(60))).count(), 5);
    }
}
