//! The pin map against the machine: every line is found before any is moved.
//!
//! A line has one place or none. One that is not there, that somebody else has, whose name two chips use or that
//! two devices share under two names is refused, with what there is instead: a wrong pin map on a door is
//! found out at a desk, not by a strike that stays drawn.

use super::port::{Chip, Gpio, Place};
use crate::{Device, spec::Line};
use model::Name;
use std::{collections::BTreeMap, io};

/// How many names a message lists.
const LISTED_MAX: usize = 8;

/// Why a pin map does not fit the machine.
#[derive(Debug, thiserror::Error)]
pub enum WiringError {
    /// The chips could not be looked at.
    #[error("cannot look at the GPIO chips in /dev")]
    Look(#[source] io::Error),
    /// There is no chip at all.
    #[error("line {line}: this machine has no GPIO chip (/dev/gpiochip*)")]
    NoChips {
        /// The line.
        line: Line,
    },
    /// No chip of that name.
    #[error("line {line}: there is no chip {chip}; there are {known}")]
    NoChip {
        /// The line.
        line: Line,
        /// The chip.
        chip: String,
        /// Those that there are.
        known: String,
    },
    /// The chip is too small.
    #[error("line {line}: {chip} has lines 0 to {last}")]
    OffsetTooHigh {
        /// The line.
        line: Line,
        /// The chip.
        chip: String,
        /// Its last line.
        last: usize,
    },
    /// No line of that name.
    #[error("no chip has a line {line}; searched: {known}")]
    NoName {
        /// The line.
        line: Line,
        /// The chips that there are.
        known: String,
    },
    /// Two lines of that name.
    #[error("line {line}: {chips} all have one; say which by chip and offset")]
    Ambiguous {
        /// The line.
        line: Line,
        /// Those chips.
        chips: String,
    },
    /// Somebody has it.
    #[error("line {line} ({offset} of {chip}) is in use by {by}")]
    InUse {
        /// The line.
        line: Line,
        /// The chip.
        chip: String,
        /// Its number.
        offset: u32,
        /// Who has it.
        by: String,
    },
    /// It is another device's under another name.
    #[error("line {line} ({offset} of {chip}) is the line of {other}, too")]
    Shared {
        /// The line.
        line: Line,
        /// The chip.
        chip: String,
        /// Its number.
        offset: u32,
        /// The other device.
        other: Name,
    },
}

/// Where each line of a pin map is.
#[derive(Debug, Default)]
pub struct Places(BTreeMap<Line, Place>);

impl Places {
    /// Finds the lines of all devices, or says which device's line is wrong.
    pub fn find(gpio: &dyn Gpio, devices: &[Device]) -> Result<Self, (Name, WiringError)> {
        let mut places = Self::default();
        if devices.iter().all(|device| device.lines().is_empty()) {
            return Ok(places);
        }
        let first = || devices.iter().find(|device| !device.lines().is_empty());
        let chips = gpio.chips().map_err(|error| {
            (first().map_or_else(|| devices[0].name.clone(), |d| d.name.clone()), WiringError::Look(error))
        })?;
        let mut owners = BTreeMap::new();
        for device in devices {
            for line in device.lines() {
                let place = free_place(&chips, line).map_err(|error| (device.name.clone(), error))?;
                if let Some(other) = owners.insert(place.clone(), device.name.clone()) {
                    let Place { chip, offset } = place;
                    return Err((
                        device.name.clone(),
                        WiringError::Shared { line: line.clone(), chip, offset, other },
                    ));
                }
                places.0.insert(line.clone(), place);
            }
        }
        Ok(places)
    }

    /// Where a line is, among those that were sought.
    pub fn of(&self, line: &Line) -> Option<Place> {
        self.0.get(line).cloned()
    }
}

/// A line's place, if nobody has it.
fn free_place(chips: &[Chip], line: &Line) -> Result<Place, WiringError> {
    if chips.is_empty() {
        return Err(WiringError::NoChips { line: line.clone() });
    }
    let (chip, index) = match line {
        Line::Named(name) => named(chips, line, name)?,
        Line::At { chip, offset } => at(chips, line, chip, *offset)?,
    };
    let offset = u32::try_from(index).unwrap_or(u32::MAX);
    match &chip.lines[index].used_by {
        Some(by) => {
            Err(WiringError::InUse { line: line.clone(), chip: called(chip), offset, by: by.clone() })
        }
        None => Ok(Place { chip: chip.name.clone(), offset }),
    }
}

fn named<'a>(chips: &'a [Chip], line: &Line, name: &str) -> Result<(&'a Chip, usize), WiringError> {
    let on = |chip: &'a Chip| {
        let lines = chip.lines.iter().enumerate();
        lines.filter(|(_, line)| line.name == name).map(move |(index, _)| (chip, index))
    };
    let found: Vec<_> = chips.iter().flat_map(on).collect();
    match found.as_slice() {
        [one] => Ok(*one),
        [] => Err(WiringError::NoName { line: line.clone(), known: list(chips.iter()) }),
        several => {
            let chips = list(several.iter().map(|(chip, _)| *chip));
            Err(WiringError::Ambiguous { line: line.clone(), chips })
        }
    }
}

fn at<'a>(
    chips: &'a [Chip],
    line: &Line,
    wanted: &str,
    offset: u32,
) -> Result<(&'a Chip, usize), WiringError> {
    let name = wanted.strip_prefix("/dev/").unwrap_or(wanted);
    let found: Vec<_> = chips.iter().filter(|chip| chip.name == name || chip.label == wanted).collect();
    let chip = match found.as_slice() {
        [chip] => *chip,
        [] => {
            let (chip, known) = (wanted.to_string(), list(chips.iter()));
            return Err(WiringError::NoChip { line: line.clone(), chip, known });
        }
        several => {
            let chips = list(several.iter().copied());
            return Err(WiringError::Ambiguous { line: line.clone(), chips });
        }
    };
    match usize::try_from(offset) {
        Ok(index) if index < chip.lines.len() => Ok((chip, index)),
        _ => {
            let last = chip.lines.len().saturating_sub(1);
            Err(WiringError::OffsetTooHigh { line: line.clone(), chip: called(chip), last })
        }
    }
}

/// A chip as a person finds it in `gpiodetect`.
fn called(chip: &Chip) -> String {
    format!("{} ({})", chip.name, chip.label)
}

fn list<'a>(chips: impl Iterator<Item = &'a Chip>) -> String {
    let mut names: Vec<_> = chips.map(called).collect();
    let more = names.len().saturating_sub(LISTED_MAX);
    names.truncate(LISTED_MAX);
    if more > 0 {
        names.push(format!("{more} more"));
    }
    names.join(", ")
}
