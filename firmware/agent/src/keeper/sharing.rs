//! How soon an event gets its block because another box could see it then.
//!
//! A block costs the card some pages, and every later block of that day a line more. So a few events get theirs at once,
//! and when there are many, they go together: a bucket of blocks that fills slowly.

use crate::peers::ShareSettings;
use std::time::Duration;

const HOUR_MS: u64 = 3_600_000;

/// The bucket.
pub struct Sharing {
    settings: ShareSettings,
    /// Blocks that may be made at once, when it was last looked at.
    left: u64,
    /// Since when it fills with the next one.
    since: Duration,
}

impl Sharing {
    /// A full bucket.
    pub fn new(settings: ShareSettings, now: Duration) -> Self {
        Self { left: settings.burst, settings, since: now }
    }

    /// How long after it happened an event is to be in a block, in milliseconds.
    pub fn wait_ms(&self, now: Duration) -> u64 {
        let filled = self.filled(now);
        if self.left.saturating_add(filled) > 0 {
            return self.settings.after_ms;
        }
        self.interval_ms().saturating_sub(millis(now.saturating_sub(self.since))).max(self.settings.after_ms)
    }

    /// A block was made.
    pub fn made_block(&mut self, now: Duration) {
        let filled = self.filled(now);
        let left = self.left.saturating_add(filled).min(self.settings.burst);
        if left == self.settings.burst {
            self.since = now;
        } else {
            self.since += Duration::from_millis(self.interval_ms().saturating_mul(filled));
        }
        self.left = left.saturating_sub(1);
    }

    fn filled(&self, now: Duration) -> u64 {
        millis(now.saturating_sub(self.since)) / self.interval_ms()
    }

    fn interval_ms(&self) -> u64 {
        HOUR_MS / self.settings.per_hour.clamp(1, HOUR_MS)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_events_are_shared_at_once_and_many_together() {
        let settings = ShareSettings { after_ms: 1_000, burst: 3, per_hour: 60 };
        let mut sharing = Sharing::new(settings, Duration::ZERO);
        for second in 1..=3 {
            assert_eq!(sharing.wait_ms(Duration::from_secs(second)), 1_000);
            sharing.made_block(Duration::from_secs(second));
        }
        let wait = sharing.wait_ms(Duration::from_secs(4));
        assert!((50_000..=60_000).contains(&wait), "{wait}");
        assert_eq!(sharing.wait_ms(Duration::from_secs(70)), 1_000, "a minute later there is one more");
        sharing.made_block(Duration::from_secs(70));
        assert!(sharing.wait_ms(Duration::from_secs(71)) > 30_000);
    }

    #[test]
    fn a_bucket_never_holds_more_than_its_burst() {
        let settings = ShareSettings { after_ms: 1, burst: 2, per_hour: 3_600 };
        let mut sharing = Sharing::new(settings, Duration::ZERO);
        let later = Duration::from_secs(100_000);
        sharing.made_block(later);
        sharing.made_block(later);
        assert!(sharing.wait_ms(later) > 1);
    }
}
