//! Versions of releases, and which of two is newer.
//!
//! `MAJOR.MINOR.PATCH`, and before a release its trials: `1.4.0-rc.1`. They are ordered as Semantic Versioning 2.0.0,
//! section 11, has it: number by number; a trial before what it is a trial of; parts of a trial's name one by one, numbers by
//! their value and before words. There is no `+build`, and letters are small, so that a version is also a name in the ledger.

use std::{fmt, str::FromStr};

/// The longest version, in bytes of text.
pub const MAX_VERSION_BYTES: usize = 40;

/// A version.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    numbers: [u32; 3],
    stage: Stage,
}

/// The order of the variants is the order of versions.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Stage {
    Trial(Vec<Part>),
    Release,
}

/// A number is before a word.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Part {
    Number(u32),
    Word(String),
}

/// Text that is no version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a version: write 1.4.0, or 1.4.0-rc.1 for what comes before it")]
pub struct VersionError(String);

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        parse(text).ok_or_else(|| VersionError(text.chars().take(80).collect()))
    }
}

fn parse(text: &str) -> Option<Version> {
    if text.len() > MAX_VERSION_BYTES {
        return None;
    }
    let (numbers, stage) = match text.split_once('-') {
        None => (text, Stage::Release),
        Some((numbers, trial)) => (numbers, Stage::Trial(trial.split('.').map(part).collect::<Option<_>>()?)),
    };
    let numbers: Vec<u32> = numbers.split('.').map(number).collect::<Option<_>>()?;
    Some(Version { numbers: numbers.try_into().ok()?, stage })
}

fn number(text: &str) -> Option<u32> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}

fn part(text: &str) -> Option<Part> {
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return number(text).map(Part::Number);
    }
    let word = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    // A name in the ledger does not end so.
    (word && text != "lock").then(|| Part::Word(text.to_owned()))
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.numbers;
        write!(f, "{major}.{minor}.{patch}")?;
        let Stage::Trial(parts) = &self.stage else { return Ok(()) };
        for (index, part) in parts.iter().enumerate() {
            f.write_str(if index == 0 { "-" } else { "." })?;
            match part {
                Part::Number(number) => write!(f, "{number}")?,
                Part::Word(word) => f.write_str(word)?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl serde::Serialize for Version {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Version {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        <String as serde::Deserialize>::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Name;

    #[test]
    fn versions_are_ordered_as_semantic_versioning_has_them() {
        let rising = [
            "0.9.10",
            "1.0.0-1",
            "1.0.0-2",
            "1.0.0-10",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "1.0.1",
            "1.2.0",
            "1.10.0",
            "2.0.0",
        ];
        let versions: Vec<Version> = rising.iter().map(|text| text.parse().unwrap()).collect();
        assert!(versions.is_sorted_by(|a, b| a < b), "{versions:?}");
        for (version, text) in versions.iter().zip(rising) {
            assert_eq!(version.to_string(), text);
            assert!(text.parse::<Name>().is_ok(), "{text} is no name");
        }
    }

    #[test]
    fn what_has_two_spellings_or_is_no_name_is_refused() {
        for bad in [
            "",
            "1",
            "1.2",
            "1.2.3.4",
            "v1.2.3",
            "01.2.3",
            "1.2.3-",
            "1.2.3-01",
            "1.2.3-rc..1",
            "1.2.3-RC",
            "1.2.3+7",
            "1.2.-3",
            "1.2.3 ",
            "+1.2.3",
            "4294967296.0.0",
            "1.2.3-lock",
            "1.2.3-x.lock",
            "1.0.0-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ] {
            assert!(bad.parse::<Version>().is_err(), "{bad:?} was taken");
        }
    }
}
