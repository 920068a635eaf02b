//! `image follow` and `pin`: what a box's people want of its operating system, in the box's document of the ledger.
//!
//! So it can be said from afar, and a box that is off hears of it when it is back. What a box does with it: docs/formats/node.md.

use crate::{
    context::Context,
    edits::Edits,
    error::{Result, refused},
    link,
    view::View,
};
use clap::{Args, ValueEnum};
use model::{Name, StatePath};
use toml::{Table, Value};
use update::{Hours, Version};

const SECTION: &str = "updates";
/// The slowest that a box takes.
const MIN_BANDWIDTH: u64 = 1000;

/// Say how a box is updated
///
/// What is not named stays as it is; `none` takes quiet hours or the bandwidth away.
#[derive(Debug, Args)]
pub struct Follow {
    /// The box
    node: Name,
    /// The line of releases that it follows
    #[arg(long, value_name = "CHANNEL")]
    channel: Option<Name>,
    /// How far it goes by itself
    #[arg(long, value_enum)]
    mode: Option<Mode>,
    /// Hours in which it does nothing, such as 08:00-20:00, in the organisation's time zone; or none
    #[arg(long, value_name = "HOURS", value_parser = quiet)]
    quiet: Option<Wish<String>>,
    /// Bytes a second that an update may fetch, such as 200k or 2M; or none, which is no limit
    #[arg(long, value_name = "BYTES", value_parser = bandwidth)]
    bandwidth: Option<Wish<u64>>,
}

/// How far a box goes by itself.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Mode {
    /// It fetches, installs and restarts
    Automatic,
    /// It fetches and writes, and waits for a person with the restart
    Prefetch,
    /// It does nothing until a person asks
    ByHand,
}

/// Something, or none of it.
#[derive(Debug, Clone)]
enum Wish<T> {
    Is(T),
    Not,
}

/// Keep a box at a version
///
/// It goes there if it does not run it, and takes no other one.
#[derive(Debug, Args)]
#[command(disable_version_flag = true)]
pub struct Pin {
    /// The box
    node: Name,
    /// The version, such as 1.3.0
    #[arg(required_unless_present = "none")]
    version: Option<Version>,
    /// Let it go on
    #[arg(long, conflicts_with = "version")]
    none: bool,
}

impl Follow {
    pub(super) fn run(&self, context: &Context) -> Result {
        let view = View::open(context)?;
        let (mut edits, path) = edits(&view, &self.node)?;
        let table = edits.table(&path, &[SECTION])?;
        if let Some(channel) = &self.channel {
            table.insert("channel".into(), channel.as_str().into());
        }
        if let Some(mode) = self.mode.and_then(|mode| mode.to_possible_value()) {
            table.insert("mode".into(), mode.get_name().into());
        }
        put(table, "quiet", self.quiet.clone().map(|wish| wish.map(Value::from)));
        let bandwidth = self
            .bandwidth
            .clone()
            .map(|wish| wish.map(|bytes| Value::from(i64::try_from(bytes).unwrap_or(i64::MAX))));
        put(table, "bandwidth", bandwidth);
        let said = format!("{} does so as soon as it hears of it", self.node);
        drop_empty(&mut edits, &path)?;
        link::send(context, &edits, &format!("Say how {} is updated", self.node), &said)
    }
}

impl Pin {
    pub(super) fn run(&self, context: &Context) -> Result {
        let view = View::open(context)?;
        let (mut edits, path) = edits(&view, &self.node)?;
        let table = edits.table(&path, &[SECTION])?;
        let node = &self.node;
        let (message, said) = match &self.version {
            Some(version) => {
                table.insert("pinned".into(), version.to_string().into());
                (format!("Keep {node} at {version}"), format!("{node} stays at {version}, or goes there"))
            }
            None => {
                table.remove("pinned");
                (format!("Let {node} go on"), format!("{node} takes new releases again"))
            }
        };
        drop_empty(&mut edits, &path)?;
        link::send(context, &edits, &message, &said)
    }
}

impl<T> Wish<T> {
    fn map<U>(self, with: impl FnOnce(T) -> U) -> Wish<U> {
        match self {
            Self::Is(value) => Wish::Is(with(value)),
            Self::Not => Wish::Not,
        }
    }
}

/// The box's document, refused if there is none.
fn edits<'v>(view: &'v View, node: &Name) -> Result<(Edits<'v>, StatePath)> {
    let path: StatePath = format!("nodes/{node}.toml").parse()?;
    if view.document(&path)?.is_none() {
        return Err(refused(format!("no such box: {node}"), "ledgerctl nodes list shows them"));
    }
    Ok((Edits::new(view), path))
}

fn put(table: &mut Table, key: &str, wish: Option<Wish<Value>>) {
    match wish {
        Some(Wish::Is(value)) => drop(table.insert(key.into(), value)),
        Some(Wish::Not) => drop(table.remove(key)),
        None => {}
    }
}

/// A section that says nothing is not left behind.
fn drop_empty(edits: &mut Edits<'_>, path: &StatePath) -> Result {
    if edits.table(path, &[SECTION])?.is_empty() {
        edits.table(path, &[])?.remove(SECTION);
    }
    Ok(())
}

fn quiet(text: &str) -> Result<Wish<String>, String> {
    if text == "none" {
        return Ok(Wish::Not);
    }
    let hours = text.split_once('-').and_then(|(from, until)| Hours::new(minute(from)?, minute(until)?));
    hours.map(|_| Wish::Is(text.to_owned())).ok_or_else(|| "write hours as 08:00-20:00, or none".into())
}

/// `22:00` as a minute of the day.
fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let two = |text: &str| (text.len() == 2).then(|| text.parse::<u16>().ok())?;
    let (hour, minute) = (two(hour)?, two(minute)?);
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

fn bandwidth(text: &str) -> Result<Wish<u64>, String> {
    if text == "none" {
        return Ok(Wish::Not);
    }
    let (number, unit) = match text.strip_suffix(['k', 'M']) {
        Some(number) if text.ends_with('k') => (number, 1000),
        Some(number) => (number, 1_000_000),
        None => (text, 1),
    };
    let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    bytes
        .filter(|bytes| *bytes >= MIN_BANDWIDTH)
        .map(Wish::Is)
        .ok_or_else(|| format!("write bytes a second, at least {MIN_BANDWIDTH}: 200000, 200k, 2M, or none"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_and_bytes_are_read_as_people_write_them() {
        assert!(matches!(quiet("22:00-06:00"), Ok(Wish::Is(_))) && matches!(quiet("none"), Ok(Wish::Not)));
        for bad in ["22-6", "22:00", "24:00-06:00", "08:00-08:00", "8:00-20:00"] {
            assert!(quiet(bad).is_err(), "{bad:?} was taken");
        }
        for (text, bytes) in [("200000", 200_000), ("200k", 200_000), ("2M", 2_000_000)] {
            assert!(matches!(bandwidth(text), Ok(Wish::Is(got)) if got == bytes), "{text}");
        }
        for bad in ["", "k", "999", "2G", "-5k", "99999999999999999999M"] {
            assert!(bandwidth(bad).is_err(), "{bad:?} was taken");
        }
    }
}
