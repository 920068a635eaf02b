//! What the lamps and the buzzer show. Pure: a signal and its age give the levels.
//!
//! Each signal can be told from every other by the lamps alone and by the buzzer alone (but for `Ready`, which
//! is silent), so that a deaf and a colour-blind member both understand: steady, blinking and alternating
//! differ, and so does the number of beeps.

use dapp::kit::lamps::Levels;
use std::cmp::Ordering;

/// What there is to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Signal {
    /// Red steady: locked, and reading.
    Ready,
    /// Green steady, one short beep.
    Allowed,
    /// Red blinking, one long beep.
    Denied,
    /// Red and green in turn, two short beeps.
    Unknown,
    /// Both steady, three short beeps.
    Error,
    /// Red blinking fast, and the buzzer with it until the door is closed.
    Alarm,
}

impl Signal {
    /// The levels when the signal is `age_ms` old.
    pub fn levels(self, age_ms: u64, blink_ms: u64) -> Levels {
        let step = age_ms / self.step_ms(blink_ms);
        let even = step.is_multiple_of(2);
        let (red, green, buzzer) = match self {
            Self::Ready => (true, false, false),
            Self::Allowed => (false, true, step == 0),
            Self::Denied => (even, false, step < 4),
            Self::Unknown => (even, !even, even && step < 4),
            Self::Error => (true, true, even && step < 6),
            Self::Alarm => (even, false, even),
        };
        Levels { red, green, buzzer }
    }

    /// After how many more milliseconds the levels change; none if they stay.
    pub fn next_change_ms(self, age_ms: u64, blink_ms: u64) -> Option<u64> {
        let step_ms = self.step_ms(blink_ms);
        let step = age_ms / step_ms;
        let last_step = match self {
            Self::Ready => 0,
            Self::Allowed => 1,
            Self::Error => 6,
            Self::Denied | Self::Unknown | Self::Alarm => u64::MAX,
        };
        match step.cmp(&last_step) {
            Ordering::Less => Some(step_ms - age_ms % step_ms),
            _ => None,
        }
    }

    fn step_ms(self, blink_ms: u64) -> u64 {
        if self == Self::Alarm { (blink_ms / 2).max(1) } else { blink_ms.max(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Signal; 6] =
        [Signal::Ready, Signal::Allowed, Signal::Denied, Signal::Unknown, Signal::Error, Signal::Alarm];

    /// Two seconds of a signal, in steps of 25 ms.
    fn film(signal: Signal) -> Vec<Levels> {
        (0..80).map(|n| signal.levels(n * 25, 250)).collect()
    }

    #[test]
    fn each_signal_differs_from_every_other_by_lamps_and_by_sound() {
        for (n, one) in ALL.into_iter().enumerate() {
            for other in &ALL[n + 1..] {
                let lamps = |signal| film(signal).iter().map(|l| (l.red, l.green)).collect::<Vec<_>>();
                let sound = |signal| film(signal).iter().map(|l| l.buzzer).collect::<Vec<_>>();
                assert_ne!(lamps(one), lamps(*other), "{one:?} and {other:?} look the same");
                assert_ne!(sound(one), sound(*other), "{one:?} and {other:?} sound the same");
            }
        }
    }

    #[test]
    fn regression_an_unknown_card_shows_one_signal_and_not_two() {
        // MakeIt's doorbot showed the unknown and then the denied signal for one unknown card.
        let beeps = film(Signal::Unknown).windows(2).filter(|pair| !pair[0].buzzer && pair[1].buzzer).count();
        assert_eq!(beeps + 1, 2, "two beeps, the first at once");
        assert!(film(Signal::Unknown).iter().all(|levels| levels.red != levels.green));
    }

    #[test]
    fn the_next_change_is_when_the_levels_change_and_not_before() {
        for signal in ALL {
            for blink_ms in [1, 50, 250] {
                let mut age = 0;
                while let Some(wait) = signal.next_change_ms(age, blink_ms).filter(|_| age < 5000) {
                    let now = signal.levels(age, blink_ms);
                    let until = (age..age + wait).all(|at| signal.levels(at, blink_ms) == now);
                    assert!(wait > 0 && until, "{signal:?} at {age}");
                    age += wait;
                }
                let rest = signal.levels(age, blink_ms);
                assert!(age >= 5000 || (age..age + 3000).all(|at| signal.levels(at, blink_ms) == rest));
            }
        }
    }
}
