//! `board/<name>/image.toml`: what a board's image is made of. Data; a board needs no code here.
//!
//! Beside it lie `kernel.fragment`, a folder `root` that is laid over `board/common/root`, and the pin map `board.toml`.
//! Format: docs/formats/image-toml.md. An unknown key is an error.

use crate::{arch::Arch, shell::Done};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// A board.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Board {
    /// The folder's name.
    #[serde(skip)]
    pub name: String,
    /// The folder that it lies in, with all other boards and with `common`.
    #[serde(skip)]
    pub boards: PathBuf,
    /// What people call it.
    pub title: String,
    /// Its processor.
    pub arch: Arch,
    /// The pins that ledgerd uses.
    #[serde(default)]
    pub pins: Pins,
    /// Whether it has a radio for Wi-Fi: then `board/common/wireless.*` is a part of its kernel and its root.
    #[serde(default)]
    pub wireless: bool,
    /// Its kernel.
    pub kernel: Kernel,
    /// What the board needs before the boot script, and for its chips.
    #[serde(default)]
    pub firmware: Firmware,
    /// Its card.
    #[serde(default)]
    pub card: Card,
    /// The machine that plays the board, if one does.
    pub qemu: Option<Qemu>,
}

/// Which pin map ledgerd is started with.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pins {
    /// The board's own `board.toml`.
    #[default]
    Board,
    /// The simulated board: readers and doors of the page.
    Sim,
}

/// The kernel, and how U-Boot starts it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kernel {
    /// The file that is built: `Image`, `zImage`.
    pub image: String,
    /// Where U-Boot loads it.
    pub load: String,
    /// The command that starts it.
    pub start: String,
    /// The board's own part of the kernel's command line: its console.
    pub args: String,
    /// Where U-Boot loads the device tree, if the slot has any.
    #[serde(default)]
    pub tree_load: String,
    /// The device trees: U-Boot's `${fdtfile}`, and the source's name in the board's folder `device-trees`.
    #[serde(default)]
    pub trees: BTreeMap<String, String>,
}

/// Files of Debian's packages that the card or the root needs on this board.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Firmware {
    /// The packages.
    pub packages: Vec<String>,
    /// Where Debian keeps them, beside `main`.
    pub component: Option<String>,
    /// Files of the first partition: their names, and what they are copied from.
    pub boot: BTreeMap<String, String>,
    /// Whether the first partition has the device trees as well, for firmware that starts U-Boot with one.
    pub trees: bool,
    /// Files that lie before the first partition.
    pub raw: Vec<Raw>,
    /// Files of the root: from the packages, as in root.toml.
    pub root: Vec<String>,
    /// The environment that U-Boot finds on the first partition.
    pub environment: Option<Environment>,
}

/// A file at a fixed place of the card.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Raw {
    /// What is copied.
    pub file: String,
    /// Where it begins.
    pub kib: u64,
}

/// U-Boot's built-in environment with other values, as the file in which U-Boot looks for a saved one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    /// The file of the first partition that is U-Boot.
    pub of: String,
    /// The name of the environment's file.
    pub file: String,
    /// Its size.
    pub bytes: usize,
    /// The variables that are different.
    pub set: BTreeMap<String, String>,
}

/// The same where QEMU's machine has it: in a flash, from its first byte.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flash {
    /// The flash's size.
    pub mib: u64,
    /// The environment's size.
    pub bytes: usize,
    /// The variables that are different.
    pub set: BTreeMap<String, String>,
}

/// The partitions' sizes in MiB.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Card {
    /// Whether the partition table has an old one beside it, with the first partition, for a ROM that reads no other.
    pub hybrid: bool,
    /// The first: boot loader, boot script, settings.
    pub boot_mib: u64,
    /// A slot's kernel.
    pub kernel_mib: u64,
    /// A slot's root with its hashes.
    pub root_mib: u64,
    /// The data partition in the image. It grows to the card's end.
    pub data_mib: u64,
}

impl Default for Card {
    fn default() -> Self {
        Self { hybrid: false, boot_mib: 32, kernel_mib: 32, root_mib: 96, data_mib: 64 }
    }
}

/// How QEMU plays the board.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Qemu {
    /// `qemu-system-aarch64` or another.
    pub program: String,
    /// U-Boot, where the machine takes it as its firmware.
    pub firmware: Option<PathBuf>,
    /// The environment that this U-Boot finds in the machine's second flash.
    pub flash: Option<Flash>,
    /// Machine, processor, memory, watchdog, network: all but firmware, card and serial line. `{boot}` is the folder with the
    /// files of the card's first partition.
    pub args: Vec<String>,
    /// How the card is plugged in; the drive is called `card`.
    pub card: Vec<String>,
    /// How the network is plugged in; it is called `net`.
    pub net: Vec<String>,
    /// The reader that hangs on the serial port of the console, if one does.
    pub serial: Option<String>,
    /// What U-Boot's saved environment has besides on a card that is for QEMU.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
}

impl Board {
    /// The board of this name in the folder `board` of a checkout.
    pub fn load(boards: &Path, name: &str) -> Done<Self> {
        let known = Self::names(boards)?;
        if !known.iter().any(|each| each == name) {
            return Err(format!("there is no image for board {name:?}, but for {}", known.join(", ")).into());
        }
        let path = boards.join(name).join("image.toml");
        let text = fs::read_to_string(&path)?;
        let mut board: Self = toml::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))?;
        name.clone_into(&mut board.name);
        boards.clone_into(&mut board.boards);
        Ok(board)
    }

    /// The boards that have an image, sorted.
    pub fn names(boards: &Path) -> Done<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(boards).map_err(|e| format!("{}: {e}", boards.display()))? {
            let entry = entry?;
            if entry.path().join("image.toml").exists() {
                names.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// A file or folder of the board.
    pub fn path(&self, name: &str) -> PathBuf {
        self.boards.join(&self.name).join(name)
    }

    /// A file or folder of all boards.
    pub fn common(&self, name: &str) -> PathBuf {
        self.boards.join("common").join(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_board_with_an_image_has_what_the_image_is_made_of() {
        let boards = crate::checkout().join("board");
        for name in Board::names(&boards).unwrap() {
            let board = Board::load(&boards, &name).unwrap();
            assert!(board.path("kernel.fragment").is_file(), "{name}: {}", board.title);
            let pins = board.pins == Pins::Sim || board.path("board.toml").is_file();
            assert!(pins, "{name} has no pin map");
        }
    }

    #[test]
    fn a_board_that_is_not_there_is_named_with_those_that_are() {
        let error = Board::load(&crate::checkout().join("board"), "toaster").err().unwrap().to_string();
        assert!(error.contains("qemu-aarch64"), "{error}");
    }
}
