//! What the lamps and the buzzer of a machine show. Pure: a signal and its age give the levels.
//!
//! Each signal can be told from every other by the lamps alone, so that a colour-blind member understands: steady,
//! blinking, alternating and winking differ. Those that a person must not miss sound, too.

use dapp::kit::lamps::Levels;

/// What there is to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Signal {
    /// Red steady: off, and reading.
    Ready,
    /// A short wink of red: locked, or to be inspected.
    Locked,
    /// Green blinking, one short beep: something is missing yet: the loop, the second person, the button.
    Waiting,
    /// Green steady, one short beep: the machine has its current.
    Enabled,
    /// Green blinking fast, a beep in every four: the session ends soon, or when the machine stands still.
    Warning,
    /// Red blinking fast, with beeps at first: an emergency stop, an interlock, a machine that runs though it is off.
    Halted,
    /// Red blinking, one long beep.
    Denied,
    /// Red and green in turn, two short beeps.
    Unknown,
    /// Both steady, three short beeps.
    Error,
}

impl Signal {
    /// The levels when the signal is `age_ms` old.
    pub fn levels(self, age_ms: u64, blink_ms: u64) -> Levels {
        let step = age_ms / self.step_ms(blink_ms);
        let even = step.is_multiple_of(2);
        let (red, green, buzzer) = match self {
            Self::Ready => (true, false, false),
            Self::Locked => (step.is_multiple_of(8), false, false),
            Self::Waiting => (false, even, step == 0),
            Self::Enabled => (false, true, step == 0),
            Self::Warning => (false, even, step.is_multiple_of(8)),
            Self::Halted => (even, false, even && step < 20),
            Self::Denied => (even, false, step < 4),
            Self::Unknown => (even, !even, even && step < 4),
            Self::Error => (true, true, even && step < 6),
        };
        Levels { red, green, buzzer }
    }

    /// After how many more milliseconds the levels may change; none if they stay.
    pub fn next_change_ms(self, age_ms: u64, blink_ms: u64) -> Option<u64> {
        let step_ms = self.step_ms(blink_ms);
        let last_step = match self {
            Self::Ready => 0,
            Self::Enabled => 1,
            Self::Error => 6,
            _ => u64::MAX,
        };
        (age_ms / step_ms < last_step).then(|| step_ms - age_ms % step_ms)
    }

    fn step_ms(self, blink_ms: u64) -> u64 {
        let fast = matches!(self, Self::Halted | Self::Warning);
        if fast { (blink_ms / 2).max(1) } else { blink_ms.max(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Signal; 9] = [
        Signal::Ready,
        Signal::Locked,
        Signal::Waiting,
        Signal::Enabled,
        Signal::Warning,
        Signal::Halted,
        Signal::Denied,
        Signal::Unknown,
        Signal::Error,
    ];

    #[test]
    fn each_signal_differs_from_every_other_by_the_lamps() {
        let lamps = |signal: Signal| -> Vec<_> {
            (0..160).map(|n| signal.levels(n * 25, 250)).map(|levels| (levels.red, levels.green)).collect()
        };
        for (n, one) in ALL.into_iter().enumerate() {
            for other in &ALL[n + 1..] {
                assert_ne!(lamps(one), lamps(*other), "{one:?} and {other:?} look the same");
            }
        }
    }

    #[test]
    fn levels_stay_until_the_next_change() {
        for signal in ALL {
            for blink_ms in [1, 50, 250] {
                let mut age = 0;
                while let Some(wait) = signal.next_change_ms(age, blink_ms).filter(|_| age < 8_000) {
                    let now = signal.levels(age, blink_ms);
                    let stays = (age..age + wait).all(|at| signal.levels(at, blink_ms) == now);
                    assert!(wait > 0 && stays, "{signal:?} at {age}");
                    age += wait;
                }
                let rest = signal.levels(age, blink_ms);
                assert!(age >= 8_000 || (age..age + 3_000).all(|at| signal.levels(at, blink_ms) == rest));
            }
        }
    }
}
