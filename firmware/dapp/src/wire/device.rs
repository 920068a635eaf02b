//! Devices: `GET /v1/devices`, `GET /v1/devices/inputs`, `PUT /v1/devices/{name}`.
//!
//! A dapp sees the devices that its manifest names and the board has. A badge's number stays in the agent:
//! what a dapp gets are the digests under which the ledger may know it.

use model::{BadgeDigest, Millis, Name};
use serde::{Deserialize, Serialize};

/// The longest `for_ms`, in milliseconds: an hour.
pub const MAX_FOR_MS: u64 = 3_600_000;

/// The answer of `GET /v1/devices`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceList {
    /// The devices that the asker may use, in the board's order.
    pub devices: Vec<DeviceInfo>,
}

/// One device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceInfo {
    /// Its logical name.
    pub name: Name,
    /// What it is.
    pub kind: DeviceKind,
    /// Whether it is on: a relay pulled, a lamp lit, a contact open, a button pressed. Readers are never on.
    pub on: bool,
}

/// What a device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeviceKind {
    /// Reads badges.
    Reader,
    /// Switches a strike, a lock or a machine.
    Relay,
    /// Lights.
    Lamp,
    /// Sounds.
    Buzzer,
    /// Tells whether a door is open; on = open.
    Contact,
    /// Is pressed by people; on = pressed.
    Button,
    /// A kind of a later version.
    #[serde(other)]
    Unknown,
}

impl DeviceKind {
    /// Whether `PUT /v1/devices/{name}` can set it.
    pub const fn is_output(self) -> bool {
        matches!(self, Self::Relay | Self::Lamp | Self::Buzzer)
    }
}

/// The body of `PUT /v1/devices/{name}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetDevice {
    /// On or off.
    pub on: bool,
    /// With `on`: the agent turns it off after so many milliseconds, also if the dapp is gone by then.
    /// A later request for the same device replaces it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_ms: Option<u64>,
}

/// The answer of `PUT /v1/devices/{name}`, sent once the line is set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceSet {
    /// The device.
    pub name: Name,
    /// What it is now.
    pub on: bool,
}

/// A line of `GET /v1/devices/inputs`. It begins with an `edge` for each contact and button as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum InputLine {
    /// A badge was held to a reader.
    Badge {
        /// The reader.
        device: Name,
        /// When.
        at: Millis,
        /// Every digest under which the ledger may know it, the widest number first.
        digests: Vec<BadgeDigest>,
    },
    /// A reader read something that is not a badge.
    BadReading {
        /// The reader.
        device: Name,
        /// When.
        at: Millis,
        /// What was wrong, for people.
        reason: String,
    },
    /// A contact or button changed (already debounced).
    Edge {
        /// The contact or button.
        device: Name,
        /// When.
        at: Millis,
        /// On = open, pressed.
        on: bool,
    },
    /// Nothing new; the stream lives.
    Alive {},
    /// A line of a later version: skip it.
    #[serde(other)]
    Unknown,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_lines_read_as_documented() {
        let digests = vec![BadgeDigest::new([0xab; 32])];
        let badge = InputLine::Badge { device: "reader".parse().unwrap(), at: Millis(5), digests };
        assert_eq!(
            serde_json::to_string(&badge).unwrap(),
            format!(r#"{{"type":"badge","device":"reader","at":5,"digests":["{}"]}}"#, "ab".repeat(32))
        );
        let bad: InputLine =
            serde_json::from_str(r#"{"type":"bad-reading","device":"reader","at":5,"reason":"checksum"}"#)
                .unwrap();
        assert!(matches!(bad, InputLine::BadReading { .. }));
        let edge = InputLine::Edge { device: "contact".parse().unwrap(), at: Millis(5), on: true };
        assert_eq!(
            serde_json::to_string(&edge).unwrap(),
            r#"{"type":"edge","device":"contact","at":5,"on":true}"#
        );
    }

    #[test]
    fn only_outputs_can_be_set() {
        assert!(
            DeviceKind::Relay.is_output() && DeviceKind::Lamp.is_output() && DeviceKind::Buzzer.is_output()
        );
        assert!(!DeviceKind::Reader.is_output() && !DeviceKind::Contact.is_output());
    }
}
