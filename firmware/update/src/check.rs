//! Whether what a release's document says fits together, and how large it may be.
//!
//! The limits are far above anything sensible: they bound what a box holds in memory for a text that somebody may write
//! who has no release key.

use crate::{Kind, Part, Release, Rollout, VERITY_BLOCK_BYTES, Version};
use model::{DocumentError, Name};
use std::collections::BTreeSet;

/// The longest document of a release, in bytes.
pub const MAX_RELEASE_BYTES: usize = 64 * 1024;
/// The most boards of a release.
pub const MAX_BOARDS: usize = 64;
/// The most parts.
pub const MAX_PARTS: usize = 16;
/// The largest part, in bytes: more than any card holds.
pub const MAX_PART_BYTES: u64 = 1 << 40;
/// The most deltas.
pub const MAX_DELTAS: usize = 64;
/// The most steps of a rollout.
pub const MAX_STEPS: usize = 32;
/// The longest notes, in bytes.
pub const MAX_NOTES_BYTES: usize = 16 * 1024;

/// Why a text is no release.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// Over [`MAX_RELEASE_BYTES`].
    #[error("the release's document has {0} bytes, at most {MAX_RELEASE_BYTES} are taken")]
    TooLong(usize),
    /// Not TOML, or not of a release's shape.
    #[error("the release's document: {0}")]
    Document(#[from] DocumentError),
    /// Another spelling than ours.
    #[error("the release's document is not written as we write it, and signatures are over its bytes")]
    NotCanonical,
    /// Too many of something.
    #[error("the release has {got} {what}, and 1 to {most} are possible")]
    Count {
        /// Of what.
        what: &'static str,
        /// So many.
        got: usize,
        /// At most so many.
        most: usize,
    },
    /// A system without a board.
    #[error("the release of a system does not say which board it is for")]
    NoBoard,
    /// Boards in another order than ours.
    #[error("the release's boards are not sorted, or one is there twice")]
    Boards,
    /// Notes that a terminal would take for commands.
    #[error("the release's notes have control characters, or more than {MAX_NOTES_BYTES} bytes")]
    Notes,
    /// Nobody could go there.
    #[error("the release {version} cannot be reached from {from} on only: that is no older version")]
    From {
        /// The release's.
        version: Version,
        /// As given.
        from: Version,
    },
    /// The release is below its own floor.
    #[error("the release {version} has the floor {floor}, which is above itself")]
    Floor {
        /// The release's.
        version: Version,
        /// As given.
        floor: Version,
    },
    /// A name that two parts have.
    #[error("the release has two parts with the name {0}")]
    TwoParts(Name),
    /// A part of no size, or of too large a one.
    #[error("the part {part} has {size} bytes, and 1 to {MAX_PART_BYTES} are possible")]
    Size {
        /// Which.
        part: Name,
        /// As given.
        size: u64,
    },
    /// A hash tree that cannot be there.
    #[error("the part {0} has no room for the hash tree that it is said to have")]
    Verity(Name),
    /// A delta that cannot be.
    #[error(
        "there is a delta of {part} that makes no part of this release, is from no older version, or is there twice"
    )]
    Delta {
        /// As given.
        part: Name,
    },
    /// A rollout that is none.
    #[error("the rollout wants steps of 1 to 100 percent, and both times and percents must rise")]
    Steps,
    /// Held before it begins.
    #[error("the rollout cannot hold at 0 failures: nobody would begin")]
    Hold,
}

pub(crate) fn length(bytes: usize) -> Result<(), ReleaseError> {
    if bytes > MAX_RELEASE_BYTES { Err(ReleaseError::TooLong(bytes)) } else { Ok(()) }
}

pub(crate) fn whole(release: &Release) -> Result<(), ReleaseError> {
    boards(release)?;
    versions(release)?;
    notes(&release.notes)?;
    count("parts", release.parts.len(), 1, MAX_PARTS)?;
    let mut names = BTreeSet::new();
    for part in &release.parts {
        if !names.insert(&part.name) {
            return Err(ReleaseError::TwoParts(part.name.clone()));
        }
        sizes(part)?;
    }
    deltas(release)?;
    release.rollout.as_ref().map_or(Ok(()), rollout)
}

fn count(what: &'static str, got: usize, least: usize, most: usize) -> Result<(), ReleaseError> {
    if (least..=most).contains(&got) { Ok(()) } else { Err(ReleaseError::Count { what, got, most }) }
}

fn boards(release: &Release) -> Result<(), ReleaseError> {
    count("boards", release.boards.len(), 0, MAX_BOARDS)?;
    if release.kind == Kind::System && release.boards.is_empty() {
        return Err(ReleaseError::NoBoard);
    }
    if release.boards.is_sorted_by(|a, b| a < b) { Ok(()) } else { Err(ReleaseError::Boards) }
}

fn versions(release: &Release) -> Result<(), ReleaseError> {
    let version = release.version.clone();
    if let Some(from) = release.from.clone().filter(|from| *from >= version) {
        return Err(ReleaseError::From { version, from });
    }
    match release.floor.clone().filter(|floor| *floor > version) {
        Some(floor) => Err(ReleaseError::Floor { version, floor }),
        None => Ok(()),
    }
}

fn notes(notes: &str) -> Result<(), ReleaseError> {
    let plain = notes.chars().all(|c| c == '\n' || !c.is_control());
    if plain && notes.len() <= MAX_NOTES_BYTES { Ok(()) } else { Err(ReleaseError::Notes) }
}

fn sizes(part: &Part) -> Result<(), ReleaseError> {
    let (name, size) = (part.name.clone(), part.size);
    if !(1..=MAX_PART_BYTES).contains(&size) {
        return Err(ReleaseError::Size { part: name, size });
    }
    let Some(verity) = &part.verity else { return Ok(()) };
    let blocks = size / VERITY_BLOCK_BYTES;
    // One block of data needs no tree: its hash is the top.
    let room = verity.blocks < blocks || (verity.blocks, blocks) == (1, 1);
    let fits = size % VERITY_BLOCK_BYTES == 0 && verity.blocks > 0 && room;
    if fits { Ok(()) } else { Err(ReleaseError::Verity(name)) }
}

fn deltas(release: &Release) -> Result<(), ReleaseError> {
    count("deltas", release.deltas.len(), 0, MAX_DELTAS)?;
    let mut seen = BTreeSet::new();
    for delta in &release.deltas {
        let older = delta.from.as_ref().is_none_or(|from| *from < release.version);
        let makes = release.part(&delta.part).is_some();
        if !(older && makes && seen.insert((&delta.part, &delta.from))) {
            return Err(ReleaseError::Delta { part: delta.part.clone() });
        }
    }
    Ok(())
}

fn rollout(rollout: &Rollout) -> Result<(), ReleaseError> {
    count("steps of its rollout", rollout.steps.len(), 1, MAX_STEPS)?;
    if rollout.hold == Some(0) {
        return Err(ReleaseError::Hold);
    }
    let rise = rollout.steps.is_sorted_by(|a, b| a.at < b.at && a.percent < b.percent);
    let percents = rollout.steps.iter().all(|step| (1..=100).contains(&step.percent));
    if rise && percents { Ok(()) } else { Err(ReleaseError::Steps) }
}
