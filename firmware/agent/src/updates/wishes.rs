//! What this box's people want of its operating system: `[updates]` in `nodes/<name>.toml` of the ledger, and the version that was
//! asked for at the box itself.
//!
//! An unknown key or a value that cannot be read makes the whole of it unreadable, so that a misspelt pin does not look like
//! one that holds; the box does nothing by itself then. Format: docs/formats/node.md.

use crate::view::View;
use jiff::{Timestamp, tz::TimeZone};
use model::{Millis, Name};
use serde::{Deserialize, Deserializer, de};
use update::{Hours, Mode, Version, Wishes};

/// The channel that a box follows unless it is told otherwise.
const CHANNEL: &str = "stable";
/// The slowest that an update may be told to be, in bytes a second: an answer to a request has its deadline.
const MIN_BANDWIDTH: u64 = 1000;

/// `[updates]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The line of releases.
    pub channel: Name,
    /// How far it goes by itself.
    pub mode: ModeWord,
    /// The version at which it stays.
    pub pinned: Option<Version>,
    /// The hours in which it does nothing.
    pub quiet: Option<Quiet>,
    /// Bytes a second.
    #[serde(deserialize_with = "bandwidth")]
    pub bandwidth: Option<u64>,
}

/// How far a box goes by itself, as people write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModeWord {
    /// To the end.
    Automatic,
    /// Up to the restart.
    Prefetch,
    /// Not at all.
    ByHand,
}

/// Quiet hours with the words that they were written in.
#[derive(Debug, Clone, PartialEq)]
pub struct Quiet {
    /// As written: `22:00-06:00`.
    pub text: String,
    /// What that is.
    pub hours: Hours,
}

impl Default for Settings {
    fn default() -> Self {
        let channel = CHANNEL.parse().expect("because the usual channel is a name");
        Self { channel, mode: ModeWord::Automatic, pinned: None, quiet: None, bandwidth: None }
    }
}

impl Settings {
    /// What the ledger has for a box; in words what is wrong with it if it cannot be read.
    pub fn of(view: &View, node: &Name) -> Result<Self, String> {
        let path = format!("nodes/{node}.toml");
        let table = view.document(&path).and_then(|document| document.get("updates"));
        let Some(table) = table else { return Ok(Self::default()) };
        Self::deserialize(table).map_err(|error| format!("{path}: [updates] cannot be read: {error}"))
    }

    /// The same as the decision takes it.
    pub fn wishes(&self, asked: Option<Version>) -> Wishes {
        Wishes {
            channel: self.channel.clone(),
            mode: self.mode.into(),
            pinned: self.pinned.clone(),
            quiet: self.quiet.as_ref().map(|quiet| quiet.hours),
            asked,
        }
    }
}

impl From<ModeWord> for Mode {
    fn from(word: ModeWord) -> Self {
        match word {
            ModeWord::Automatic => Self::Automatic,
            ModeWord::Prefetch => Self::PrefetchOnly,
            ModeWord::ByHand => Self::ByHand,
        }
    }
}

impl ModeWord {
    /// The word.
    pub fn text(self) -> &'static str {
        match self {
            Self::Automatic => "automatic",
            Self::Prefetch => "prefetch",
            Self::ByHand => "by-hand",
        }
    }
}

impl<'de> Deserialize<'de> for Quiet {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        let hours = text.split_once('-').and_then(|(from, until)| Hours::new(minute(from)?, minute(until)?));
        let hours = hours.ok_or_else(|| de::Error::custom("write quiet hours as 22:00-06:00"))?;
        Ok(Self { text, hours })
    }
}

/// `22:00` as a minute of the day.
fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let two = |text: &str| (text.len() == 2).then(|| text.parse::<u16>().ok())?;
    let (hour, minute) = (two(hour)?, two(minute)?);
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

fn bandwidth<'de, D: Deserializer<'de>>(d: D) -> Result<Option<u64>, D::Error> {
    let bytes = u64::deserialize(d)?;
    if bytes < MIN_BANDWIDTH {
        return Err(de::Error::custom(format!("bandwidth is bytes a second, at least {MIN_BANDWIDTH}")));
    }
    Ok(Some(bytes))
}

/// The minute of the day in a time zone; of UTC where nobody knows the zone.
pub fn minute_of_day(now: Millis, zone: &str) -> u16 {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let at =
        i64::try_from(now.0).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()).unwrap_or_default();
    let at = at.to_zoned(zone);
    u16::try_from(i32::from(at.hour()) * 60 + i32::from(at.minute())).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(table: serde_json::Value) -> Result<Settings, String> {
        Settings::deserialize(table).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_left_out_is_as_usual() {
        assert_eq!(read(json!({})), Ok(Settings::default()));
        let all = json!({"channel": "beta", "mode": "by-hand", "pinned": "1.2.3", "quiet": "22:00-06:30", "bandwidth": 5000});
        let all = read(all).unwrap();
        assert_eq!((all.mode.text(), all.bandwidth), ("by-hand", Some(5000)));
        assert_eq!(all.quiet.unwrap().hours, Hours::new(1320, 390).unwrap());
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (wrong, says) in [
            (json!({"pined": "1.2.3"}), "unknown field `pined`"),
            (json!({"mode": "sometimes"}), "unknown variant"),
            (json!({"pinned": "newest"}), "version"),
            (json!({"quiet": "22-6"}), "22:00-06:00"),
            (json!({"quiet": "22:00-22:00"}), "22:00-06:00"),
            (json!({"bandwidth": 3}), "at least 1000"),
        ] {
            let error = read(wrong.clone()).unwrap_err();
            assert!(error.contains(says), "{wrong}: {error}");
        }
    }

    #[test]
    fn the_minute_is_that_of_the_organisations_clock() {
        let noon_utc = Millis(1_790_078_400_000);
        assert_eq!(minute_of_day(noon_utc, "UTC"), 720);
        assert_eq!(minute_of_day(noon_utc, "Europe/Berlin"), 840);
        assert_eq!(minute_of_day(noon_utc, "Nowhere/Else"), 720);
    }
}
