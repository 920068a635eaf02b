//! The watchdog as a trait: hardware that restarts the box when nobody feeds it in time.
//!
//! The agent feeds it only while it does its work, never from a thread that would go on alone. The fake tells
//! whether it would have bitten.

use std::time::Duration;

/// Something that restarts the box unless it is fed.
pub trait Watchdog: Send {
    /// How long it waits between two feeds before it bites.
    fn patience(&self) -> Duration;

    /// Feeds it. `elapsed` is the caller's [`Clock::elapsed`](crate::Clock::elapsed).
    fn feed(&mut self, elapsed: Duration) -> Result<(), WatchdogError>;

    /// Puts it to sleep, for an orderly stop.
    fn disarm(&mut self) -> Result<(), WatchdogError>;
}

/// A watchdog that could not be reached.
#[derive(Debug, thiserror::Error)]
pub enum WatchdogError {
    /// The device refused.
    #[error("could not {doing} the watchdog")]
    Device {
        /// What was tried, such as "feed".
        doing: &'static str,
        /// Why not.
        source: std::io::Error,
    },
}

/// A watchdog that bites nobody and remembers whether it would have.
#[derive(Debug)]
pub struct SimWatchdog {
    patience: Duration,
    last_fed: Option<Duration>,
    starved: bool,
}

impl SimWatchdog {
    /// One that waits so long. It begins to wait at its first meal.
    pub fn new(patience: Duration) -> Self {
        Self { patience, last_fed: None, starved: false }
    }

    /// Whether it would have restarted the box by now.
    pub fn has_bitten(&self, elapsed: Duration) -> bool {
        self.starved || self.is_overdue(elapsed)
    }

    fn is_overdue(&self, elapsed: Duration) -> bool {
        self.last_fed.is_some_and(|fed| elapsed.saturating_sub(fed) > self.patience)
    }
}

impl Watchdog for SimWatchdog {
    fn patience(&self) -> Duration {
        self.patience
    }

    fn feed(&mut self, elapsed: Duration) -> Result<(), WatchdogError> {
        self.starved |= self.is_overdue(elapsed);
        self.last_fed = Some(elapsed);
        Ok(())
    }

    fn disarm(&mut self) -> Result<(), WatchdogError> {
        self.last_fed = None;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_feed_does_not_undo_the_bite() {
        let second = Duration::from_secs;
        let mut dog = SimWatchdog::new(second(10));
        assert!(!dog.has_bitten(second(1000)), "it sleeps until it is fed once");
        dog.feed(second(1000)).unwrap();
        dog.feed(second(1009)).unwrap();
        assert!(!dog.has_bitten(second(1019)));
        assert!(dog.has_bitten(second(1020)));
        dog.feed(second(1025)).unwrap();
        assert!(dog.has_bitten(second(1026)));
    }

    #[test]
    fn a_disarmed_one_waits_for_ever() {
        let mut dog = SimWatchdog::new(Duration::from_secs(1));
        dog.feed(Duration::ZERO).unwrap();
        dog.disarm().unwrap();
        assert!(!dog.has_bitten(Duration::from_secs(99)));
    }
}
