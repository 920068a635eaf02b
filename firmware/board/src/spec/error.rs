//! What can be wrong with a board's file: which file, which key, what.

use super::{Kind, MAX_DEVICES, MAX_FILE_BYTES, MAX_LAYERS};
use std::path::PathBuf;

/// A board that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {
    /// No such built-in board.
    #[error(
        "there is no board {name:?}: use {known}, or the path of a folder with a board.toml, such as ./board/mine"
    )]
    Unknown {
        /// The name asked for.
        name: String,
        /// The names that exist.
        known: String,
    },
    /// The file could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Its path.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Longer than allowed.
    #[error("{file} is longer than {MAX_FILE_BYTES} bytes")]
    TooLong {
        /// The file.
        file: String,
    },
    /// Not TOML, or a key at the top that is wrong.
    #[error("{file}: {problem}")]
    Toml {
        /// The file.
        file: String,
        /// What and where.
        problem: toml::de::Error,
    },
    /// Boards that inherit each other, or too many.
    #[error("{file}: inherits: {chain} goes in a circle or over {MAX_LAYERS} boards")]
    Circle {
        /// The file that was read first.
        file: String,
        /// The names along the way.
        chain: String,
    },
    /// A key is wrong.
    #[error("{file}: {key}: {problem}")]
    Key {
        /// The files that set the device, innermost first.
        file: String,
        /// The key, with dots.
        key: String,
        /// What is wrong.
        problem: Box<Problem>,
    },
}

/// What is wrong with one key.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// Needed and not there.
    #[error("missing; {0}")]
    Missing(&'static str),
    /// Not the name of a device.
    #[error(transparent)]
    Name(#[from] model::NameError),
    /// Not a table.
    #[error("not a table of a device")]
    NotATable,
    /// A kind that does not exist.
    #[error("{0:?} is no kind of device: reader, relay, lamp, buzzer, contact or button")]
    Kind(String),
    /// An unknown key or a value of the wrong type.
    #[error("{0}")]
    Shape(toml::de::Error),
    /// A line given in two ways, or half.
    #[error("give either line = \"its name\", or chip = \"gpiochip0\" and offset = 4")]
    Line,
    /// A value out of its range.
    #[error("{got} is not {want}")]
    Range {
        /// What stands there.
        got: String,
        /// What should.
        want: &'static str,
    },
    /// A key that makes no sense beside another.
    #[error("has no meaning for {0}")]
    Misplaced(&'static str),
    /// One line, two devices.
    #[error("line {line} already serves {other}")]
    LineTwice {
        /// The line.
        line: String,
        /// The other device.
        other: String,
    },
    /// One remote relay, two devices.
    #[error("this relay already serves {other}")]
    RemoteTwice {
        /// The other device.
        other: String,
    },
    /// A device to leave out that is not there.
    #[error("there is no device {0} to leave out")]
    NothingToLeaveOut(String),
    /// Too many.
    #[error("over {MAX_DEVICES} devices")]
    TooMany,
    /// The driver needs to know where the device hangs.
    #[error("a {kind} of a board with driver = \"linux\" needs {needs}")]
    NotWired {
        /// What it is.
        kind: Kind,
        /// The keys.
        needs: &'static str,
    },
}
