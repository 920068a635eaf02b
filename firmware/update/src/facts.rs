//! What a decision about releases goes by: the box, its people's wishes, and what is known of other boxes.

use crate::{Memory, Version};
use model::{KeyId, Millis, Name, ReleaseId};
use std::collections::BTreeMap;

/// Minutes of a day.
pub const DAY_MINUTES: u16 = 24 * 60;
const MINUTE_MS: u64 = 60_000;

/// What is so.
#[derive(Clone, PartialEq, Debug)]
pub struct Facts {
    /// The board.
    pub board: Name,
    /// The box's key.
    pub node: KeyId,
    /// The version that runs.
    pub running: Version,
    /// What the box remembers.
    pub memory: Memory,
    /// What boxes reported of each release, this one not among them.
    pub reports: BTreeMap<ReleaseId, Tally>,
    /// The time.
    pub now: Millis,
    /// The minute of the day where the box is, 0 to 1439.
    pub minute: u16,
}

/// What people want of a box.
#[derive(Clone, PartialEq, Debug)]
pub struct Wishes {
    /// The channel that it follows.
    pub channel: Name,
    /// How far it goes by itself.
    pub mode: Mode,
    /// The version at which it stays, or to which it goes.
    pub pinned: Option<Version>,
    /// The hours in which it lets the line and its users alone.
    pub quiet: Option<Hours>,
    /// The version of which a person said: now.
    pub asked: Option<Version>,
}

/// How far a box goes by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// It fetches, installs and restarts.
    Automatic,
    /// It fetches and writes, and waits for a person with the restart.
    PrefetchOnly,
    /// It does nothing until a person asks.
    ByHand,
}

/// How a release did on other boxes, each counted once.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// On how many it was tried.
    pub tried: u32,
    /// On how many of them it failed.
    pub failed: u32,
}

/// Hours of a day, from a minute on until before another one; over midnight if the end is not later.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hours {
    from: u16,
    until: u16,
}

impl Hours {
    /// Minutes of the day; none if they are no times of a day, or the same.
    pub fn new(from: u16, until: u16) -> Option<Self> {
        (from < DAY_MINUTES && until < DAY_MINUTES && from != until).then_some(Self { from, until })
    }

    /// Whether a minute is within.
    pub fn has(self, minute: u16) -> bool {
        let (from, until) = (self.from, self.until);
        if from < until { (from..until).contains(&minute) } else { minute >= from || minute < until }
    }

    /// The moment at which they end, if it is this minute of the day now and they last.
    pub fn end(self, now: Millis, minute: u16) -> Millis {
        let left = (self.until + DAY_MINUTES - minute.min(DAY_MINUTES - 1)) % DAY_MINUTES;
        now.plus(u64::from(left) * MINUTE_MS)
    }
}

impl Tally {
    /// Counts reports, of which each says a node and whether the release did; of one node the last counts.
    pub fn of(reports: impl IntoIterator<Item = (KeyId, bool)>) -> Self {
        let last: BTreeMap<KeyId, bool> = reports.into_iter().collect();
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self { tried: count(last.len()), failed: count(last.values().filter(|did| !**did).count()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_go_over_midnight() {
        let (day, night) = (Hours::new(480, 1200).unwrap(), Hours::new(1320, 360).unwrap());
        for (minute, in_day, in_night) in [
            (0, false, true),
            (359, false, true),
            (360, false, false),
            (480, true, false),
            (1320, false, true),
        ] {
            assert_eq!((day.has(minute), night.has(minute)), (in_day, in_night), "{minute}");
        }
        assert_eq!(night.end(Millis(0), 1320), Millis(480 * MINUTE_MS));
        assert_eq!(night.end(Millis(0), 359), Millis(MINUTE_MS));
        assert_eq!(Hours::new(60, 60), None);
        assert_eq!(Hours::new(60, 1440), None);
    }

    #[test]
    fn a_box_counts_once_by_what_it_said_last() {
        let node = |n| KeyId::new([n; 16]);
        let reports =
            [(node(1), false), (node(2), true), (node(1), true), (node(3), false), (node(3), false)];
        assert_eq!(Tally::of(reports), Tally { tried: 3, failed: 1 });
    }
}
