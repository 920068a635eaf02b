//! Whether a release may go to this box at all, whoever asks: a person, a stick, or the box itself.
//!
//! [`want`](crate::want) decides what is best; this says what is forbidden, with a sentence. Nothing that is refused here is ever wanted: the tests
//! hold one against the other.

use crate::{Approved, Facts, Kind, Version, Wishes};
use model::Name;

/// Why a release may not go to this box.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is no operating system.
    #[error("{image} {version} is a {kind}, and not the operating system of a box")]
    Kind {
        /// Of what.
        image: Name,
        /// The release's.
        version: Version,
        /// What it is.
        kind: Kind,
    },
    /// It is for other boards.
    #[error("the release {version} is for {}, and this box is a {board}", boards(.fits))]
    Board {
        /// The release's.
        version: Version,
        /// The boards it is for.
        fits: Vec<Name>,
        /// This box's.
        board: Name,
    },
    /// It is of another channel.
    #[error("the release {version} is of the channel {channel}, and this box follows {follows}")]
    Channel {
        /// The release's.
        version: Version,
        /// The release's.
        channel: Name,
        /// This box's.
        follows: Name,
    },
    /// A release in between is needed.
    #[error(
        "the release {version} can be installed from {from} on, and this box runs {running}: install one in between first"
    )]
    Step {
        /// The release's.
        version: Version,
        /// What must run.
        from: Version,
        /// What runs.
        running: Version,
    },
    /// Below the minimum.
    #[error("nobody goes back to {version}: a release that this box knows forbids it below {floor}")]
    BelowFloor {
        /// The release's.
        version: Version,
        /// The minimum.
        floor: Version,
    },
    /// An old document, shown again.
    #[error(
        "the release {version} is not newer than {newest}, which this box has or has seen; only a person who names it may install it"
    )]
    Old {
        /// The release's.
        version: Version,
        /// The newest that was seen.
        newest: Version,
    },
    /// Another document has its version.
    #[error("this box has seen another release {version}: a version is used once")]
    Changed {
        /// The release's.
        version: Version,
    },
}

fn boards(fits: &[Name]) -> String {
    fits.iter().map(Name::as_str).collect::<Vec<_>>().join(", ")
}

/// Whether a release may go to this box, with what else is known. `named`: a person asks for this very version.
pub fn may_install(
    approved: &Approved,
    known: &[Approved],
    wishes: &Wishes,
    facts: &Facts,
    named: bool,
) -> Result<(), Refused> {
    fits(approved, wishes, facts)?;
    let release = approved.release();
    let (version, running) = (release.version.clone(), facts.running.clone());
    if let Some(from) = release.from.clone().filter(|from| running < *from) {
        return Err(Refused::Step { version, from, running });
    }
    if let Some(floor) = facts.memory.floor().filter(|floor| version < running && version < **floor) {
        return Err(Refused::BelowFloor { version, floor: floor.clone() });
    }
    let seen = facts.memory.newest(&wishes.channel);
    if seen.is_some_and(|seen| seen.version == version && seen.id != approved.id()) {
        return Err(Refused::Changed { version });
    }
    // The newest one that was seen may be passed by for an older one as long as it is there to be seen.
    let at_least = |least: &Version| known.iter().any(|other| other.release().version >= *least);
    let hidden = seen.map(|seen| &seen.version).filter(|seen| **seen > version && !at_least(seen));
    match hidden.or((version <= running).then_some(&running)) {
        Some(newest) if !named => Err(Refused::Old { version, newest: newest.clone() }),
        _ => Ok(()),
    }
}

fn fits(approved: &Approved, wishes: &Wishes, facts: &Facts) -> Result<(), Refused> {
    let release = approved.release();
    let (version, image, kind) = (release.version.clone(), release.image.clone(), release.kind);
    if kind != Kind::System {
        return Err(Refused::Kind { image, version, kind });
    }
    if !release.fits(&facts.board) {
        return Err(Refused::Board { version, fits: release.boards.clone(), board: facts.board.clone() });
    }
    if release.channel != wishes.channel {
        let (channel, follows) = (release.channel.clone(), wishes.channel.clone());
        return Err(Refused::Channel { version, channel, follows });
    }
    Ok(())
}
