//! What every document that people write must keep to, and the words for what does not.

use model::Name;
use std::collections::BTreeSet;

/// A number outside its limits.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} = {value}, it must be {least} to {most}")]
pub struct OutOfRange {
    /// Which.
    pub field: &'static str,
    /// What stands there.
    pub value: u64,
    /// The least that is taken.
    pub least: u64,
    /// The most that is taken.
    pub most: u64,
}

/// Whether all numbers are within their limits. Each is its field's name, what stands there, the least and the most.
pub fn within(numbers: &[(&'static str, u64, u64, u64)]) -> Result<(), OutOfRange> {
    match numbers.iter().find(|(_, value, least, most)| !(least..=most).contains(&value)) {
        Some(&(field, value, least, most)) => Err(OutOfRange { field, value, least, most }),
        None => Ok(()),
    }
}

/// One device in two places.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("devices: {0} stands in two places")]
pub struct DeviceTwice(pub Name);

/// Whether each device stands in one place alone.
pub fn each_once<'a>(devices: impl IntoIterator<Item = &'a Name>) -> Result<(), DeviceTwice> {
    let mut seen = BTreeSet::new();
    match devices.into_iter().find(|device| !seen.insert(*device)) {
        Some(device) => Err(DeviceTwice(device.clone())),
        None => Ok(()),
    }
}
