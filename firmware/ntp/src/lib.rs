//! What to do with the box's clock when time servers have answered: keep it, set it, or not believe them.
//!
//! Pure: answers and times in, a plan out. Asking and setting is `ledger-ntp`. The clock is never set behind what the box has
//! written down, but for seconds: a router without a time of its own, or a stranger who answers in a server's place, may
//! keep a box from the right time, and cannot make old certificates good again.

use std::cmp::Reverse;

/// Closer than this a clock is right: a door reckons in seconds.
const CLOSE_MS: i64 = 100;
/// So far the clock may go back: as far as the agent waits it out (`board::doubt`).
pub const BACK_MS_MAX: i64 = 60_000;
/// 2026-01-01T00:00:00Z in milliseconds, as in `board::clock`: this software is younger than any earlier time.
pub const YOUNGER_THAN: i64 = 1_767_225_600_000;

/// What a server said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// How far its clock is ahead of ours.
    pub ahead_ms: i64,
    /// How long question and answer were under way: so wrong can the difference be, half of it at most.
    pub round_trip_ms: i64,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// The clock is right.
    Keep,
    /// Set it to this time.
    Set {
        /// The new time, in milliseconds since 1970.
        to: i64,
        /// How far that is.
        ahead_ms: i64,
    },
}

/// Why the servers are not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// Before this software was made.
    #[error("the time server has no right time itself: it says that this software was not written yet")]
    TooOld,
    /// Behind what was written down.
    #[error("the time server is {} s behind what this box has written down, and is not believed", behind_ms / 1000)]
    Behind {
        /// How far.
        behind_ms: i64,
    },
}

/// The answer to go by: the one in the middle, so that one of three that is wrong does not count; of two the quicker one.
pub fn choose(answers: &[Answer]) -> Option<Answer> {
    let mut sorted = answers.to_vec();
    if let [first, second] = sorted[..] {
        return [first, second].into_iter().max_by_key(|answer| Reverse(answer.round_trip_ms));
    }
    sorted.sort_by_key(|answer| answer.ahead_ms);
    sorted.get(sorted.len() / 2).copied()
}

/// What to do at `now`, if the box has written down that it was `written` once. Milliseconds since 1970.
pub fn plan(answer: Answer, now: i64, written: i64) -> Result<Plan, Doubt> {
    let to = now.saturating_add(answer.ahead_ms);
    if to < YOUNGER_THAN {
        return Err(Doubt::TooOld);
    }
    let behind_ms = written.saturating_sub(to);
    if behind_ms > BACK_MS_MAX {
        return Err(Doubt::Behind { behind_ms });
    }
    if answer.ahead_ms.abs() < CLOSE_MS {
        return Ok(Plan::Keep);
    }
    Ok(Plan::Set { to, ahead_ms: answer.ahead_ms })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = YOUNGER_THAN + 1_000_000_000;

    fn answer(ahead_ms: i64, round_trip_ms: i64) -> Answer {
        Answer { ahead_ms, round_trip_ms }
    }

    #[test]
    fn a_box_that_wakes_in_1970_gets_the_time() {
        assert_eq!(plan(answer(NOW, 20), 0, 0), Ok(Plan::Set { to: NOW, ahead_ms: NOW }));
    }

    #[test]
    fn a_clock_that_is_right_is_left_alone_and_small_steps_go_both_ways() {
        assert_eq!(plan(answer(-99, 20), NOW, NOW), Ok(Plan::Keep));
        assert_eq!(plan(answer(5_000, 20), NOW, NOW), Ok(Plan::Set { to: NOW + 5_000, ahead_ms: 5_000 }));
        assert_eq!(plan(answer(-5_000, 20), NOW, NOW), Ok(Plan::Set { to: NOW - 5_000, ahead_ms: -5_000 }));
    }

    #[test]
    fn the_clock_never_goes_far_behind_what_was_written_down() {
        let far = -BACK_MS_MAX - 1;
        assert_eq!(plan(answer(far, 20), NOW, NOW), Err(Doubt::Behind { behind_ms: BACK_MS_MAX + 1 }));
        assert!(
            plan(answer(far, 20), NOW, NOW - 1).is_ok(),
            "what counts is what was written, not what is shown"
        );
    }

    #[test]
    fn a_router_without_a_time_is_not_believed() {
        assert_eq!(plan(answer(-NOW, 20), NOW, 0), Err(Doubt::TooOld));
        assert_eq!(plan(answer(i64::MIN, 20), -1, i64::MAX), Err(Doubt::TooOld));
    }

    #[test]
    fn one_wrong_server_of_three_does_not_count_and_of_two_the_quicker_does() {
        assert_eq!(choose(&[answer(9_000_000, 1), answer(30, 50), answer(20, 90)]), Some(answer(30, 50)));
        assert_eq!(choose(&[answer(9_000, 50), answer(30, 5)]), Some(answer(30, 5)));
        assert_eq!(choose(&[answer(7, 5)]), Some(answer(7, 5)));
        assert_eq!(choose(&[]), None);
    }
}
