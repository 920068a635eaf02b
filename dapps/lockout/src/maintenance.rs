//! When a machine must be maintained: after so many hours of running since the last time. Pure.
//!
//! The meter is like the one of a car: it only goes forward, and where two readings of it meet (the ledger's, the log's, the
//! machine's own) the higher one holds. So nothing is counted twice, and a document that comes late takes nothing back.

use serde::Deserialize;

const HOUR_S: u64 = 3_600;

/// What a machine's document asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Maintenance {
    /// After so many hours of running it is due.
    pub hours: u64,
    /// For so many hours before, whoever uses the machine is told; a tenth of `hours` if it is left out.
    #[serde(default)]
    pub warning_hours: Option<u64>,
    /// The least level of whoever says with their badge that it was done.
    #[serde(default = "level_min")]
    pub level_min: i64,
}

fn level_min() -> i64 {
    2
}

/// For how long a machine has run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Meter {
    /// In all, in milliseconds.
    pub ran_ms: u64,
    /// What the meter showed when the machine was last maintained, in seconds.
    pub maintained_s: u64,
}

/// Whether a machine must be maintained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Not for long.
    Fine,
    /// After some more running.
    Soon,
    /// Now.
    Due,
}

impl Meter {
    /// In all, in whole seconds.
    pub const fn ran_s(&self) -> u64 {
        self.ran_ms / 1000
    }

    /// Since it was last maintained, in seconds.
    pub const fn since_s(&self) -> u64 {
        self.ran_s().saturating_sub(self.maintained_s)
    }

    /// The machine ran for so long.
    pub fn run(&mut self, ms: u64) {
        self.ran_ms = self.ran_ms.saturating_add(ms);
    }

    /// The machine was maintained.
    pub fn maintain(&mut self) {
        self.maintained_s = self.ran_s();
    }

    /// Another reading of the same meter: the higher one holds.
    pub fn meet(&mut self, other: Self) {
        self.ran_ms = self.ran_ms.max(other.ran_ms);
        self.maintained_s = self.maintained_s.max(other.maintained_s);
    }
}

impl Maintenance {
    /// How the machine with this meter stands.
    pub fn need(&self, meter: &Meter) -> Need {
        match self.left_s(meter) {
            0 => Need::Due,
            left if left <= self.warning_s() => Need::Soon,
            _ => Need::Fine,
        }
    }

    /// For how long it may run, in words.
    pub fn left_for_people(&self, meter: &Meter) -> String {
        match self.left_s(meter) {
            left @ 0..7_200 => format!("{} minutes", left.div_ceil(60)),
            left => format!("{} hours", left / HOUR_S),
        }
    }

    fn left_s(&self, meter: &Meter) -> u64 {
        self.hours.saturating_mul(HOUR_S).saturating_sub(meter.since_s())
    }

    fn warning_s(&self) -> u64 {
        self.warning_hours
            .map_or(self.hours.saturating_mul(HOUR_S / 10), |hours| hours.saturating_mul(HOUR_S))
    }
}

impl Need {
    /// As events say it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fine => "done",
            Self::Soon => "soon",
            Self::Due => "due",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_need_follows_the_hours_since_the_last_time() {
        let yearly = Maintenance { hours: 50, warning_hours: None, level_min: 2 };
        let early = Maintenance { warning_hours: Some(20), ..yearly };
        for (maintenance, ran_h, maintained_h, need) in [
            (yearly, 0, 0, Need::Fine),
            (yearly, 44, 0, Need::Fine),
            (yearly, 45, 0, Need::Soon),
            (yearly, 50, 0, Need::Due),
            (yearly, 94, 50, Need::Fine),
            (yearly, 100, 50, Need::Due),
            (yearly, 5, 9, Need::Fine),
            (early, 30, 0, Need::Soon),
        ] {
            let meter = Meter { ran_ms: ran_h * HOUR_S * 1000, maintained_s: maintained_h * HOUR_S };
            assert_eq!(maintenance.need(&meter), need, "{ran_h} hours, maintained at {maintained_h}");
        }
    }

    #[test]
    fn of_two_readings_the_higher_holds_so_that_nothing_counts_twice() {
        let mut meter = Meter { ran_ms: 7_500, maintained_s: 2 };
        for _ in 0..3 {
            meter.meet(Meter { ran_ms: 5_000, maintained_s: 4 });
        }
        assert_eq!(meter, Meter { ran_ms: 7_500, maintained_s: 4 });
    }

    #[test]
    fn what_is_left_is_said_in_hours_and_near_the_end_in_minutes() {
        let maintenance = Maintenance { hours: 10, warning_hours: None, level_min: 0 };
        let said = |ran_s: u64| maintenance.left_for_people(&Meter { ran_ms: ran_s * 1000, maintained_s: 0 });
        assert_eq!([said(0), said(35_000)], ["10 hours", "17 minutes"]);
    }
}
