//! `doorbot/doors/<name>.toml`: one door, its devices, its times and who may pass.
//!
//! People write it, so an unknown key is an error and every number has limits; a door whose document cannot be
//! read is not driven (its outputs are safe). The format is docs/formats/doorbot.md.

pub use dapp::kit::admission::Choice;
use dapp::{
    kit::limits::{DeviceTwice, OutOfRange, each_once, within},
    wire::MAX_FOR_MS,
};
use model::Name;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A checked door document.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DoorDocument {
    /// The node that drives the door.
    pub node: Name,
    /// What people call it.
    #[serde(default)]
    pub title: String,
    /// The certificate that is asked for; the door's own name if it is left out.
    #[serde(default)]
    pub resource: Option<Name>,
    /// The least level of that certificate.
    #[serde(default)]
    pub level_min: i64,
    /// For how many days after its end a membership still opens, with a warning.
    #[serde(default = "grace_days")]
    pub grace_days: u64,
    /// What to do while the node does not know the time.
    #[serde(default)]
    pub clock_untrusted: Choice,
    /// After this long without news from other nodes the door says so, in milliseconds.
    #[serde(default)]
    pub max_stale_ms: Option<u64>,
    /// What to do then.
    #[serde(default)]
    pub stale: Choice,
    /// From which state of the ledger people are let in; a revocation counts from either as soon as it is known.
    #[serde(default)]
    pub grants: Grants,
    /// The schedule of each plan; `*` for plans that are not named, `always` for no schedule.
    #[serde(default)]
    pub schedules: BTreeMap<String, Name>,
    /// The door's devices by logical name.
    #[serde(default)]
    pub devices: Devices,
    /// How long things last.
    #[serde(default)]
    pub times: Times,
}

/// What the members' records must be to open a door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Grants {
    /// Final: enough of the organisation's nodes have agreed on them.
    #[default]
    Final,
    /// Known to this node; they may yet be left out.
    Tentative,
}

/// The devices of a door. Without the table: those of board/sim. With it: those that it names.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Devices {
    /// The relay of the strike or lock.
    pub strike: Name,
    /// The reader.
    pub reader: Option<Name>,
    /// The red lamp.
    pub red: Option<Name>,
    /// The green lamp.
    pub green: Option<Name>,
    /// The buzzer.
    pub buzzer: Option<Name>,
    /// The contact that is on while the door stands open.
    pub contact: Option<Name>,
    /// The button on the inside that opens without a badge.
    pub exit: Option<Name>,
}

impl Default for Devices {
    fn default() -> Self {
        let name = |text: &str| text.parse::<Name>().ok();
        Self {
            strike: "strike".parse().expect("because \"strike\" is a name"),
            reader: name("reader"),
            red: name("red"),
            green: name("green"),
            buzzer: name("buzzer"),
            contact: name("door"),
            exit: name("exit"),
        }
    }
}

impl Devices {
    /// Every device, the strike first.
    pub fn all(&self) -> impl Iterator<Item = &Name> {
        let others = [&self.reader, &self.red, &self.green, &self.buzzer, &self.contact, &self.exit];
        std::iter::once(&self.strike).chain(others.into_iter().flatten())
    }
}

/// How long things last, in milliseconds. The defaults are those of MakeIt Labs' doorbot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Times {
    /// The strike after a badge that is allowed.
    pub latch_ms: u64,
    /// The strike after the exit button.
    pub exit_ms: u64,
    /// The signals of denied and unknown.
    pub denied_ms: u64,
    /// The signal of an error.
    pub error_ms: u64,
    /// Half of a blink.
    pub blink_ms: u64,
    /// For how long the same card is not read again.
    pub repeat_ms: u64,
    /// How long the door may stand open before the alarm; 0: no alarm.
    pub held_ms: u64,
    /// For how long after the strike fell the door may still be opened without the alarm.
    pub late_ms: u64,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            latch_ms: 4000,
            exit_ms: 4000,
            denied_ms: 2000,
            error_ms: 3000,
            blink_ms: 250,
            repeat_ms: 3000,
            held_ms: 60_000,
            late_ms: 1000,
        }
    }
}

fn grace_days() -> u64 {
    14
}

/// A document that is not a door.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// A field is missing, unknown or of the wrong type.
    #[error("{0}")]
    Shape(#[source] serde_json::Error),
    /// A number outside its limits.
    #[error(transparent)]
    Range(#[from] OutOfRange),
    /// One device in two places.
    #[error(transparent)]
    DeviceTwice(#[from] DeviceTwice),
}

impl DoorDocument {
    /// Reads `doorbot/doors/<name>.toml` as JSON.
    pub fn parse(json: &str) -> Result<Self, DoorError> {
        let document: Self = serde_json::from_str(json).map_err(DoorError::Shape)?;
        document.check()?;
        Ok(document)
    }

    fn check(&self) -> Result<(), DoorError> {
        let times = &self.times;
        within(&[
            ("times.latch_ms", times.latch_ms, 100, 60_000.min(MAX_FOR_MS)),
            ("times.exit_ms", times.exit_ms, 100, 60_000.min(MAX_FOR_MS)),
            ("times.denied_ms", times.denied_ms, 100, 60_000),
            ("times.error_ms", times.error_ms, 100, 60_000),
            ("times.blink_ms", times.blink_ms, 50, 5_000),
            ("times.repeat_ms", times.repeat_ms, 0, 60_000),
            ("times.held_ms", times.held_ms, 0, 86_400_000),
            ("times.late_ms", times.late_ms, 0, 60_000),
            ("grace_days", self.grace_days, 0, 366),
            ("max_stale_ms", self.max_stale_ms.unwrap_or(1), 1, u64::MAX),
        ])?;
        Ok(each_once(self.devices.all())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_door_needs_its_node_and_nothing_else() {
        let door = DoorDocument::parse(r#"{"node": "front-door"}"#).unwrap();
        assert_eq!(door.times, Times::default());
        assert_eq!(door.devices.all().count(), 7);
        assert_eq!((door.grace_days, door.clock_untrusted, door.level_min), (14, Choice::Allow, 0));
        assert_eq!(door.grants, Grants::Final);
    }

    #[test]
    fn a_table_of_devices_names_all_that_there_are() {
        let door =
            DoorDocument::parse(r#"{"node": "n", "devices": {"strike": "s2", "reader": "r2"}}"#).unwrap();
        assert_eq!(door.devices.all().map(Name::as_str).collect::<Vec<_>>(), ["s2", "r2"]);
        assert!(DoorDocument::parse(r#"{"node": "n", "devices": {"reader": "r2"}}"#).is_err());
        let twice = DoorDocument::parse(r#"{"node": "n", "devices": {"strike": "s", "red": "s"}}"#);
        assert!(twice.unwrap_err().to_string().contains("two places"));
    }

    #[test]
    fn a_misspelt_key_and_a_wild_number_are_refused_with_their_names() {
        for (bad, text) in [
            (r#"{"node": "n", "resorce": "x"}"#, "resorce"),
            (r#"{"node": "n", "times": {"latch": 4}}"#, "latch"),
            (r#"{"node": "n", "times": {"latch_ms": 3600000}}"#, "times.latch_ms = 3600000"),
            (r#"{"node": "n", "times": {"blink_ms": 0}}"#, "blink_ms"),
            (r#"{"node": "n", "clock_untrusted": "maybe"}"#, "maybe"),
            (r#"{"node": "n", "grants": "guessed"}"#, "guessed"),
            (r#"{"title": "x"}"#, "node"),
        ] {
            let error = DoorDocument::parse(bad).unwrap_err().to_string();
            assert!(error.contains(text), "{bad}: {error}");
        }
    }
}
