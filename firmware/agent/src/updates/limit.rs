//! How many bytes a second an update may fetch.
//!
//! What was taken too much is waited for afterwards, so that a frame that is longer than a second's worth still comes.

use std::{
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

/// How often a waiting thread looks whether it is to stop.
const GLANCE: Duration = Duration::from_millis(100);

/// The limit; none at the beginning.
#[derive(Debug, Default)]
pub struct Limit(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    per_second: Option<u64>,
    /// Until then what was taken has its time.
    until: Option<Instant>,
}

impl Limit {
    /// So many bytes a second from now on; as many as there are without.
    pub fn set(&self, per_second: Option<u64>) {
        self.lock().per_second = per_second;
    }

    /// Waits until so many bytes may be fetched. False if it is to stop before.
    pub fn wait(&self, bytes: u64, stopping: impl Fn() -> bool) -> bool {
        while let Some(wait) = self.take(bytes, Instant::now()) {
            if stopping() {
                return false;
            }
            thread::sleep(wait.min(GLANCE));
        }
        true
    }

    /// Takes the bytes, or says how long they must wait.
    fn take(&self, bytes: u64, now: Instant) -> Option<Duration> {
        let mut state = self.lock();
        let per_second = state.per_second?;
        if let Some(until) = state.until.filter(|until| *until > now) {
            return Some(until - now);
        }
        let time = Duration::from_secs_f64(bytes as f64 / per_second.max(1) as f64);
        state.until = Some(now + time);
        None
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_has_its_time_and_nothing_else_waits() {
        let (limit, now) = (Limit::default(), Instant::now());
        assert!((0..100).all(|_| limit.take(1 << 30, now).is_none()), "without a limit nobody waits");
        limit.set(Some(1000));
        assert_eq!(limit.take(2500, now), None, "a piece that is longer than a second's worth comes too");
        assert_eq!(limit.take(1, now + Duration::from_secs(2)), Some(Duration::from_millis(500)));
        assert_eq!(limit.take(1, now + Duration::from_millis(2500)), None);
    }
}
