//! How a release goes out: to a share of the boxes at a time, and to no more of them once too many have failed.
//!
//! Every box has its place in the line of a release, from the hash of its key and of the release. It is another one for the next
//! release, so that not always the same box goes first, and nobody need be asked: each box reckons for itself.

use chunk::FileHasher;
use model::{KeyId, Millis, ReleaseId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A plan of steps.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rollout {
    /// No box begins any more once so many have failed. None: it goes on whatever happens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<u32>,
    /// From when on for which share; both rise.
    pub steps: Vec<Step>,
}

/// From then on, for so many.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// From when on.
    pub at: Millis,
    /// How many boxes of a hundred.
    pub percent: u8,
}

/// How many boxes of a hundred may have a release.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Share(u8);

impl Share {
    /// None of them.
    pub const NONE: Self = Self(0);
    /// All of them.
    pub const ALL: Self = Self(100);

    /// So many of a hundred; more are all.
    pub fn percent(percent: u8) -> Self {
        Self(percent.min(100))
    }

    /// Whether it reaches this place in the line.
    pub fn reaches(self, place: u32) -> bool {
        // In 64 bits: 100 * 2^32 has room, and all is all.
        u64::from(place) * 100 < u64::from(self.0) << 32
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} percent", self.0)
    }
}

/// The place of a box in a release's line.
pub fn place_of(node: &KeyId, release: &ReleaseId) -> u32 {
    let mut hasher = FileHasher::new();
    hasher.update(b"ledger rollout 1\n");
    hasher.update(release.as_bytes());
    hasher.update(node.as_bytes());
    let [a, b, c, d, ..] = hasher.finish();
    u32::from_be_bytes([a, b, c, d])
}

impl Rollout {
    /// The share at a moment.
    pub fn share(&self, now: Millis) -> Share {
        let begun = self.steps.iter().rfind(|step| step.at <= now);
        begun.map_or(Share::NONE, |step| Share::percent(step.percent))
    }

    /// When the next step begins.
    pub fn next(&self, now: Millis) -> Option<Step> {
        self.steps.iter().find(|step| step.at > now).copied()
    }

    /// When a place's turn comes, if it ever does.
    pub fn turn(&self, place: u32) -> Option<Millis> {
        let reaches = |step: &&Step| Share::percent(step.percent).reaches(place);
        self.steps.iter().find(reaches).map(|step| step.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rollout() -> Rollout {
        let step = |at, percent| Step { at: Millis(at), percent };
        Rollout { hold: Some(2), steps: vec![step(100, 10), step(200, 50), step(300, 100)] }
    }

    #[test]
    fn the_share_grows_by_steps_and_is_all_at_the_end() {
        let shares = [99, 100, 199, 200, 300, 9000].map(|now| rollout().share(Millis(now)));
        assert_eq!(shares, [0, 10, 10, 50, 100, 100].map(Share::percent));
        assert!(Share::ALL.reaches(u32::MAX) && !Share::NONE.reaches(0) && Share::percent(1).reaches(0));
    }

    #[test]
    fn a_turn_comes_just_when_the_share_reaches_the_place() {
        for place in [0, 1 << 28, 1 << 29, 1 << 31, u32::MAX] {
            for now in 0..400 {
                let turn = rollout().turn(place).unwrap();
                assert_eq!(
                    rollout().share(Millis(now)).reaches(place),
                    Millis(now) >= turn,
                    "{place} at {now}"
                );
            }
        }
        let half = Rollout { hold: None, steps: vec![Step { at: Millis(1), percent: 50 }] };
        assert_eq!(half.turn(u32::MAX), None);
    }

    #[test]
    fn about_as_many_boxes_as_the_share_says_go_first_and_others_next_time() {
        let nodes: Vec<KeyId> = (0..4000u128).map(|n| KeyId::new(n.to_be_bytes())).collect();
        let first = |release: u8| -> Vec<bool> {
            let release = ReleaseId::new([release; 32]);
            nodes.iter().map(|node| Share::percent(10).reaches(place_of(node, &release))).collect()
        };
        let (one, two) = (first(1), first(2));
        let count = |all: &[bool]| all.iter().filter(|first| **first).count();
        assert!((320..480).contains(&count(&one)), "{}", count(&one));
        let both: Vec<bool> = one.iter().zip(&two).map(|(a, b)| *a && *b).collect();
        assert!(count(&both) < 100, "{} go first twice", count(&both));
    }
}
