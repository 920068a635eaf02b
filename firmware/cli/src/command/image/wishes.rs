//! `image follow` and `pin`: what a box's people want of its operating system, in the box's document of the ledger.
//!
//! So it can be said from afar, and a box that is off hears of it when it is back. What a box does with it: docs/formats/node.md.

use crate::{
    context::Context,
    edits::Edits,
    error::{Hint, Result, refused},
    link,
    view::View,
};
use agent::updates::Settings;
use clap::{Args, ValueEnum};
use model::{Name, StatePath};
use toml::{Table, Value};
use update::Version;

const SECTION: &str = "updates";

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
        check(&mut edits, &path)?;
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
        check(&mut edits, &path)?;
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

/// Refused if the box could not read it. A section that says nothing is not left behind.
fn check(edits: &mut Edits<'_>, path: &StatePath) -> Result {
    let section = edits.table(path, &[SECTION])?.clone();
    if section.is_empty() {
        edits.table(path, &[])?.remove(SECTION);
    }
    let read: Result<Settings, _> = section.try_into();
    read.map(drop).hint(
        || "a box cannot be updated so".into(),
        "docs/formats/node.md says what may stand there; nothing was changed",
    )
}

/// Hours as they are, or none; whether they are hours is the box's own reader's word.
fn quiet(text: &str) -> Result<Wish<String>, String> {
    Ok(if text == "none" { Wish::Not } else { Wish::Is(text.to_owned()) })
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
    bytes.map(Wish::Is).ok_or_else(|| "write bytes a second: 200000, 200k, 2M, or none".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_and_bytes_are_read_as_people_write_them() {
        assert!(matches!(quiet("22:00-06:00"), Ok(Wish::Is(_))) && matches!(quiet("none"), Ok(Wish::Not)));
        for (text, bytes) in [("200000", 200_000), ("200k", 200_000), ("2M", 2_000_000)] {
            assert!(matches!(bandwidth(text), Ok(Wish::Is(got)) if got == bytes), "{text}");
        }
        for bad in ["", "k", "2G", "-5k", "99999999999999999999M"] {
            assert!(bandwidth(bad).is_err(), "{bad:?} was taken");
        }
    }
}
