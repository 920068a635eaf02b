//! `lockout/machines/<name>.toml`: one machine, its devices, its times and who may use it.
//!
//! People write it, so an unknown key is an error and every number has limits; a machine whose document cannot be
//! read is not driven (its relay is off). The format is docs/formats/lockout.md.

mod devices;

pub use devices::Devices;

use crate::maintenance::Maintenance;
use dapp::kit::{
    admission::Choice,
    limits::{DeviceTwice, OutOfRange, each_once, within},
};
use model::Name;
use serde::Deserialize;

/// The longest text that people write into a document, in characters.
pub const MAX_TEXT: usize = 2_000;
/// The most interlocks of a machine.
const MAX_INTERLOCKS: usize = 16;
/// The most hours of running between two maintenances: eleven years without a pause.
const MAX_HOURS: u64 = 100_000;
const DAY_MS: u64 = 86_400_000;

/// A checked machine document.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MachineDocument {
    /// The node that drives the machine.
    pub node: Name,
    /// What people call it.
    #[serde(default)]
    pub title: String,
    /// The certificate that is asked for; the machine's own name if it is left out.
    #[serde(default)]
    pub resource: Option<Name>,
    /// The least level of that certificate.
    #[serde(default)]
    pub level_min: i64,
    /// From this level on somebody may use the machine although it is locked, and end another's session.
    #[serde(default = "supervisor_level_min")]
    pub supervisor_level_min: i64,
    /// For how many days after its end a membership still counts, with a warning.
    #[serde(default = "grace_days")]
    pub grace_days: u64,
    /// What to do while the node does not know the time.
    #[serde(default)]
    pub clock_untrusted: Choice,
    /// After this long without news from other nodes the machine says so, in milliseconds.
    #[serde(default)]
    pub max_stale_ms: Option<u64>,
    /// What to do then.
    #[serde(default)]
    pub stale: Choice,
    /// Why nobody but a supervisor may use the machine; not locked if it is left out.
    #[serde(default)]
    pub lockout: Option<String>,
    /// Whether what is reported with the button at the machine locks it.
    #[serde(default)]
    pub issue_locks: bool,
    /// A second person must be there.
    #[serde(default)]
    pub buddy: Option<Second>,
    /// After each use somebody must look at the machine before the next.
    #[serde(default)]
    pub inspection: Option<Second>,
    /// After so many hours of running it must be maintained.
    #[serde(default)]
    pub maintenance: Option<Maintenance>,
    /// With its current it must be homed first.
    #[serde(default)]
    pub homing: Option<Homing>,
    /// The machine's devices by logical name.
    #[serde(default)]
    pub devices: Devices,
    /// How long things last.
    #[serde(default)]
    pub times: Times,
}

/// Somebody besides the user, with a certificate for the same resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Second {
    /// Its least level; never below the machine's own.
    #[serde(default)]
    pub level_min: i64,
}

/// A machine that does not know where its head is until it was homed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Homing {
    /// How long that may take from the moment in which it has its current, in milliseconds.
    #[serde(default = "homing_ms")]
    pub within_ms: u64,
    /// From this level on somebody may say with their badge that it is homed; a supervisor's, if it is left out.
    #[serde(default)]
    pub override_level_min: Option<i64>,
}

fn homing_ms() -> u64 {
    60_000
}

/// How long things last, in milliseconds. The defaults are those of MakeIt Labs' RATT, where it has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Times {
    /// A machine that stands still for so long ends the session; 0: never.
    pub idle_ms: u64,
    /// The same for a supervisor.
    pub idle_supervisor_ms: u64,
    /// A machine that ran for so long at a stretch ends the session once it stands still; 0: never.
    pub busy_ms: u64,
    /// For how long before the end of either there is a warning.
    pub warning_ms: u64,
    /// For how long after it got its current the machine must not run; 0: that is not looked at.
    pub safety_ms: u64,
    /// How long loop, interlocks, second person and start button may take.
    pub arm_ms: u64,
    /// A machine stands still once it has not run for so long.
    pub settle_ms: u64,
    /// For how long after its current was cut the machine may run on.
    pub coast_ms: u64,
    /// The signals of denied and unknown.
    pub denied_ms: u64,
    /// The signal of an error.
    pub error_ms: u64,
    /// Half of a blink.
    pub blink_ms: u64,
    /// For how long the same card is not read again.
    pub repeat_ms: u64,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            idle_ms: 300_000,
            idle_supervisor_ms: 600_000,
            busy_ms: 0,
            warning_ms: 30_000,
            safety_ms: 1_500,
            arm_ms: 60_000,
            settle_ms: 1_000,
            coast_ms: 10_000,
            denied_ms: 2_000,
            error_ms: 3_000,
            blink_ms: 250,
            repeat_ms: 3_000,
        }
    }
}

fn supervisor_level_min() -> i64 {
    2
}

fn grace_days() -> u64 {
    14
}

/// A document that is not a machine.
#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    /// A field is missing, unknown or of the wrong type.
    #[error("{0}")]
    Shape(#[source] serde_json::Error),
    /// A number outside its limits.
    #[error(transparent)]
    Range(#[from] OutOfRange),
    /// One device in two places.
    #[error(transparent)]
    DeviceTwice(#[from] DeviceTwice),
    /// A lockout without a reason, or with a novel.
    #[error("lockout must be a text of 1 to {MAX_TEXT} characters; leave it out to unlock")]
    Lockout,
    /// Nobody could tell whether the machine runs.
    #[error("{0} needs devices.sense: without it nobody knows whether the machine runs")]
    NeedsSense(&'static str),
}

impl MachineDocument {
    /// Reads `lockout/machines/<name>.toml` as JSON.
    pub fn parse(json: &str) -> Result<Self, MachineError> {
        let document: Self = serde_json::from_str(json).map_err(MachineError::Shape)?;
        document.check()?;
        Ok(document)
    }

    /// The certificate that is asked for.
    pub fn resource<'a>(&'a self, name: &'a Name) -> &'a Name {
        self.resource.as_ref().unwrap_or(name)
    }

    fn check(&self) -> Result<(), MachineError> {
        self.check_numbers()?;
        if self.lockout.as_ref().is_some_and(|text| !is_text(text)) {
            return Err(MachineError::Lockout);
        }
        if self.devices.sense.is_none() && self.times.busy_ms > 0 {
            return Err(MachineError::NeedsSense("times.busy_ms"));
        }
        if self.devices.sense.is_none() && self.maintenance.is_some() {
            return Err(MachineError::NeedsSense("maintenance"));
        }
        Ok(each_once(self.devices.all())?)
    }

    fn check_numbers(&self) -> Result<(), OutOfRange> {
        let times = &self.times;
        if let Some(maintenance) = &self.maintenance {
            let (hours, warning) = (maintenance.hours, maintenance.warning_hours.unwrap_or(0));
            within(&[
                ("maintenance.hours", hours, 1, MAX_HOURS),
                ("maintenance.warning_hours", warning, 0, hours),
            ])?;
        }
        within(&[
            ("times.idle_ms", times.idle_ms, 0, DAY_MS),
            ("times.idle_supervisor_ms", times.idle_supervisor_ms, 0, DAY_MS),
            ("times.busy_ms", times.busy_ms, 0, DAY_MS),
            ("times.warning_ms", times.warning_ms, 0, 3_600_000),
            ("times.safety_ms", times.safety_ms, 0, 60_000),
            ("times.arm_ms", times.arm_ms, 1_000, 3_600_000),
            ("times.settle_ms", times.settle_ms, 0, 600_000),
            ("times.coast_ms", times.coast_ms, 0, 3_600_000),
            ("times.denied_ms", times.denied_ms, 100, 60_000),
            ("times.error_ms", times.error_ms, 100, 60_000),
            ("times.blink_ms", times.blink_ms, 50, 5_000),
            ("times.repeat_ms", times.repeat_ms, 0, 60_000),
            ("homing.within_ms", self.homing.map_or(1_000, |homing| homing.within_ms), 1_000, 3_600_000),
            ("grace_days", self.grace_days, 0, 366),
            ("max_stale_ms", self.max_stale_ms.unwrap_or(1), 1, u64::MAX),
            ("devices.interlocks", self.devices.interlocks.len() as u64, 0, MAX_INTERLOCKS as u64),
        ])
    }
}

/// Whether somebody said something, and not too much of it.
pub fn is_text(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= MAX_TEXT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_needs_its_node_and_nothing_else() {
        let machine = MachineDocument::parse(r#"{"node": "wood-shop"}"#).unwrap();
        assert_eq!(machine.times, Times::default());
        assert_eq!(machine.devices.all().count(), 11);
        assert_eq!((machine.supervisor_level_min, machine.grace_days), (2, 14));
    }

    #[test]
    fn a_table_of_devices_names_all_that_there_are() {
        let machine =
            MachineDocument::parse(r#"{"node": "n", "devices": {"machine": "m", "reader": "r"}}"#).unwrap();
        assert_eq!(machine.devices.all().map(Name::as_str).collect::<Vec<_>>(), ["m", "r"]);
        for bad in [
            r#"{"node": "n", "devices": {"machine": "m"}}"#,
            r#"{"node": "n", "devices": {"machine": "m", "reader": "m"}}"#,
            r#"{"node": "n", "devices": {"machine": "m", "reader": "r", "interlocks": ["i", "i"]}}"#,
        ] {
            assert!(MachineDocument::parse(bad).is_err(), "{bad} was taken");
        }
    }

    #[test]
    fn a_misspelt_key_and_a_wild_number_are_refused_with_their_names() {
        for (bad, text) in [
            (r#"{"node": "n", "resorce": "x"}"#, "resorce"),
            (r#"{"node": "n", "times": {"idle": 4}}"#, "idle"),
            (r#"{"node": "n", "times": {"arm_ms": 5}}"#, "times.arm_ms = 5"),
            (r#"{"node": "n", "lockout": " "}"#, "lockout"),
            (r#"{"node": "n", "buddy": {"level": 1}}"#, "level"),
            (r#"{"node": "n", "buddy": true}"#, "buddy"),
            (
                r#"{"node": "n", "times": {"busy_ms": 5}, "devices": {"machine": "m", "reader": "r"}}"#,
                "devices.sense",
            ),
            (r#"{"node": "n", "maintenance": {"hours": 0}}"#, "maintenance.hours = 0"),
            (r#"{"node": "n", "maintenance": {"hours": 5, "warning_hours": 6}}"#, "warning_hours = 6"),
            (r#"{"node": "n", "maintenance": {"hour": 5}}"#, "hour"),
            (
                r#"{"node": "n", "maintenance": {"hours": 5}, "devices": {"machine": "m", "reader": "r"}}"#,
                "maintenance needs devices.sense",
            ),
            (r#"{"node": "n", "homing": {"within_ms": 5}}"#, "homing.within_ms = 5"),
            (r#"{"node": "n", "homing": {"within": 5000}}"#, "within"),
            (r#"{"title": "x"}"#, "node"),
        ] {
            let error = MachineDocument::parse(bad).unwrap_err().to_string();
            assert!(error.contains(text) || text == "buddy", "{bad}: {error}");
        }
    }
}
