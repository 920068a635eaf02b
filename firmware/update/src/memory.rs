//! What a box remembers of releases, whatever the ledger shows it later.
//!
//! The newest release that it has seen in a channel and the highest floor only ever rise: they are what stands against somebody who
//! hides a release or shows an old document again. What failed here is not tried again by itself. It is kept in the record
//! (`record`), on the box and not in the ledger, for one who can rewind the ledger must not rewind this.

use crate::{Approved, Version};
use model::{Name, ReleaseId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// The most channels that are remembered. A box follows one; another takes the place of the first by name.
pub const MAX_CHANNELS: usize = 8;
/// The most failures that are remembered, the latest ones.
pub const MAX_FAILURES: usize = 16;
/// The longest reason, in bytes.
pub const MAX_REASON_BYTES: usize = 200;

/// What a box remembers.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) newest: BTreeMap<Name, Seen>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) floor: Option<Version>,
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    pub(crate) failures: VecDeque<Failure>,
}

/// A release that was seen.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// Its version.
    pub version: Version,
    /// Its document.
    pub id: ReleaseId,
}

/// A release that did not do here, or that a person went back from.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// Which.
    pub seen: Seen,
    /// Why, in one line.
    pub reason: String,
}

impl Memory {
    /// The newest release that was ever seen in a channel.
    pub fn newest(&self, channel: &Name) -> Option<&Seen> {
        self.newest.get(channel)
    }

    /// The version below which this box does not go back.
    pub fn floor(&self) -> Option<&Version> {
        self.floor.as_ref()
    }

    /// What failed here, the latest last.
    pub fn failures(&self) -> impl Iterator<Item = &Failure> {
        self.failures.iter()
    }

    /// Whether going back to a version is out of the question.
    pub fn forbids(&self, version: &Version) -> bool {
        self.floor.as_ref().is_some_and(|floor| version < floor)
    }

    /// How a release failed here, if it did.
    pub fn failure(&self, id: &ReleaseId) -> Option<&Failure> {
        self.failures.iter().find(|failure| failure.seen.id == *id)
    }

    /// Takes a release of the channel that the box follows into account. Says whether anything is new.
    pub fn learn(&mut self, approved: &Approved) -> bool {
        let before = self.clone();
        let release = approved.release();
        let seen = Seen { version: release.version.clone(), id: approved.id() };
        self.floor = self.floor.take().max(release.floor.clone());
        match self.newest.get(&release.channel) {
            Some(newest) if newest.version >= seen.version => {}
            _ => {
                self.newest.insert(release.channel.clone(), seen);
            }
        }
        while self.newest.len() > MAX_CHANNELS {
            let other = self.newest.keys().find(|channel| **channel != release.channel).cloned();
            other.and_then(|channel| self.newest.remove(&channel));
        }
        *self != before
    }

    /// Remembers that a release failed.
    pub fn fail(&mut self, seen: Seen, reason: &str) {
        self.forgive(&seen.id);
        self.failures.push_back(Failure { seen, reason: one_line(reason) });
        while self.failures.len() > MAX_FAILURES {
            self.failures.pop_front();
        }
    }

    /// Forgets that a release failed: a person wants it tried again.
    pub fn forgive(&mut self, id: &ReleaseId) {
        self.failures.retain(|failure| failure.seen.id != *id);
    }
}

/// A reason as it is kept: one line, no control characters, not too long.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        let next = word.len() + usize::from(!line.is_empty());
        if line.len() + next > MAX_REASON_BYTES {
            break;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_short_line() {
        assert_eq!(one_line("  the reader\n\tis \x1b[2Jgone  "), "the reader is [2Jgone");
        assert!(one_line(&"word ".repeat(100)).len() <= MAX_REASON_BYTES);
        assert_eq!(one_line(&"x".repeat(1000)), "");
        assert_eq!(one_line(""), "");
    }

    #[test]
    fn the_latest_failures_are_kept_each_release_once() {
        let seen = |n: u8| Seen { version: format!("1.0.{n}").parse().unwrap(), id: ReleaseId::new([n; 32]) };
        let mut memory = Memory::default();
        for n in 0..20 {
            memory.fail(seen(n), "it did not start");
            memory.fail(seen(n), "again");
        }
        let kept: Vec<u8> = memory.failures().map(|failure| failure.seen.id.as_bytes()[0]).collect();
        assert_eq!(kept, (4..20).collect::<Vec<u8>>());
        memory.forgive(&seen(7).id);
        assert!(memory.failure(&seen(7).id).is_none() && memory.failure(&seen(8).id).is_some());
    }
}
