//! The contacts and buttons of a machine as far as they are known.

use model::Name;
use std::collections::BTreeMap;

/// Levels by device; what is not there is not known, and counts as the worse of the two.
#[derive(Debug, Default)]
pub(super) struct Sensors(BTreeMap<Name, bool>);

impl Sensors {
    /// Takes a level; the one before.
    pub fn set(&mut self, device: &Name, on: bool) -> Option<bool> {
        self.0.insert(device.clone(), on)
    }

    /// Takes a level where none is known.
    pub fn set_unknown(&mut self, device: &Name, on: bool) {
        self.0.entry(device.clone()).or_insert(on);
    }

    /// A level.
    pub fn get(&self, device: &Name) -> Option<bool> {
        self.0.get(device).copied()
    }

    /// Whether a device that is there is known to be off; so is one that is not there.
    pub fn is_off(&self, device: Option<&Name>) -> bool {
        device.is_none_or(|device| self.get(device) == Some(false))
    }
}
