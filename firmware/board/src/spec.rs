//! The board's file: devices by logical name, and the pins and ports behind them.
//!
//! `board.toml` is described in `docs/formats/board.md`. A board may inherit another and name just what
//! differs. Unknown keys are errors, a relay must say which level is safe, and no line may serve two devices.
//! Errors name the file and the key. Reading ends at the limits below, whatever the file holds.

mod device;
mod error;
mod inherit;
mod raw;
mod remote;

pub use device::{
    Bias, ContactSpec, Device, Digits, Kind, Line, OutputSpec, Part, Pn532Bus, ReaderSpec, SerialFormat,
    Source,
};
pub use error::{Problem, SpecError};
pub use remote::{RemoteFormat, RemoteSpec};

use inherit::Layers;
use std::path::Path;

/// The longest board file, in bytes.
pub const MAX_FILE_BYTES: u64 = 64 * 1024;
/// The most boards that inherit one another.
pub const MAX_LAYERS: usize = 8;
/// The most devices of a board.
pub const MAX_DEVICES: usize = 64;

/// Which drivers a board runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Driver {
    /// The simulated board. Pins and ports are allowed and ignored, so that any board can be tried anywhere.
    Sim,
    /// Lines of the GPIO character device, serial ports and input devices.
    Linux,
}

/// A board as its file and those that it inherits describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoardSpec {
    /// Its folder's name.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// What it runs on.
    pub driver: Driver,
    /// Its devices, in order of their names.
    pub devices: Vec<Device>,
}

impl BoardSpec {
    /// Reads a board's file. `parent` finds the text of an inherited board by its folder's name.
    pub fn parse(
        name: &str,
        text: &str,
        parent: &dyn Fn(&str) -> Result<String, SpecError>,
    ) -> Result<Self, SpecError> {
        Layers::read(name, text, parent)?.into_spec()
    }
}

/// The boards that are part of every build, by name: name and file.
const BUILTIN: &[(&str, &str)] = &[
    ("sim", include_str!("../../../board/sim/board.toml")),
    ("sim-machine", include_str!("../../../board/sim-machine/board.toml")),
    ("beaglebone", include_str!("../../../board/beaglebone/board.toml")),
    ("qemu-aarch64", include_str!("../../../board/qemu-aarch64/board.toml")),
    ("raspberrypi", include_str!("../../../board/raspberrypi/board.toml")),
];

/// The names of the boards that are part of every build.
pub fn builtin_names() -> impl Iterator<Item = &'static str> {
    BUILTIN.iter().map(|(name, _)| *name)
}

/// A board that is part of every build.
pub fn builtin(name: &str) -> Result<BoardSpec, SpecError> {
    BoardSpec::parse(name, &builtin_text(name)?, &builtin_text)
}

/// The board of a folder, which holds `board.toml`. Boards that it inherits are sought in the folders beside
/// it, then among the built-in ones.
pub fn load(folder: &Path) -> Result<BoardSpec, SpecError> {
    let name = folder.file_name().map_or_else(|| "board".into(), |name| name.to_string_lossy());
    let beside = |other: &str| {
        let path = folder.parent().unwrap_or(Path::new(".")).join(other);
        if path.join("board.toml").exists() { file_text(&path) } else { builtin_text(other) }
    };
    BoardSpec::parse(&name, &file_text(folder)?, &beside)
}

/// The board that a person named: a folder if there is a `/` in it, else a built-in one.
pub fn find(name_or_folder: &str) -> Result<BoardSpec, SpecError> {
    if name_or_folder.contains('/') { load(Path::new(name_or_folder)) } else { builtin(name_or_folder) }
}

fn builtin_text(name: &str) -> Result<String, SpecError> {
    let found = BUILTIN.iter().find(|(builtin, _)| *builtin == name);
    found.map(|(_, text)| (*text).to_string()).ok_or_else(|| SpecError::Unknown {
        name: name.chars().take(80).collect(),
        known: builtin_names().collect::<Vec<_>>().join(", "),
    })
}

fn file_text(folder: &Path) -> Result<String, SpecError> {
    use std::io::Read;
    let path = folder.join("board.toml");
    let failed = |source| SpecError::Read { path: path.clone(), source };
    let mut text = String::new();
    let file = std::fs::File::open(&path).map_err(failed)?;
    // One byte more than is allowed, so that the parser sees that it is too long.
    file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

#[cfg(test)]
mod tests;
