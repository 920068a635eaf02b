//! Badges as readers say them: the bytes on a serial line. `qemu` holds one to the running machine, and `image-test` many.
//!
//! The formats are docs/formats/board.md's, written here a second time on purpose: what the box reads is not what it wrote.

use crate::{
    image,
    shell::{Done, say},
};
use std::{
    io::Write,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
};

const STX: u8 = 2;
const ETX: u8 = 3;
/// A badge that the demo organisation's door opens to.
const DEMO: &str = "4189338108";

/// A serial reader of a machine, by the name of QEMU's character device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// ASCII, at the front door.
    Rdm6300,
    /// Binary, at the machine.
    Gwiot7941e,
}

impl Reader {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Rdm6300, Self::Gwiot7941e];

    /// The character device's name, which is the format's in board.toml.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rdm6300 => "rdm6300",
            Self::Gwiot7941e => "gwiot7941e",
        }
    }

    /// The socket in a machine's folder.
    pub fn socket(self, folder: &Path) -> PathBuf {
        folder.join(format!("{}.socket", self.name()))
    }

    /// What the reader says of a card of at most 40 bits.
    pub fn frame(self, card: u64) -> Vec<u8> {
        let number = &card.to_be_bytes()[3..];
        match self {
            Self::Rdm6300 => {
                let sum = number.iter().fold(0, |sum, byte| sum ^ byte);
                let digits: String = number.iter().chain([&sum]).map(|byte| format!("{byte:02X}")).collect();
                [&[STX], digits.as_bytes(), &[ETX]].concat()
            }
            Self::Gwiot7941e => {
                let body = [&[0x0a, 0x02], number].concat();
                let sum = body.iter().fold(0, |sum, byte| sum ^ byte);
                [&[STX], body.as_slice(), &[sum, ETX]].concat()
            }
        }
    }
}

/// `badge [NUMBER] [BOARD]`: holds a badge to the front door of the box that `qemu` runs.
pub fn run_chore(args: &[String]) -> Done {
    let number = args.first().map_or(DEMO, String::as_str);
    let card: u64 = number.parse().map_err(|_| format!("{number:?} is no card's number: decimal digits"))?;
    let board = args.get(1).map_or("qemu-aarch64", String::as_str);
    let socket = Reader::Rdm6300.socket(&image::folder(board)?);
    let line = UnixStream::connect(&socket);
    let mut line =
        line.map_err(|e| format!("no `cargo xtask qemu {board}` runs ({}: {e})", socket.display()))?;
    line.write_all(&Reader::Rdm6300.frame(card))?;
    say(&format!("Badge {number} was held to the front door."));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_those_of_the_formats_page() {
        assert_eq!(Reader::Rdm6300.frame(0x04_184E_DCBA), b"\x0204184EDCBA34\x03");
        let gwiot = [0x02, 0x0a, 0x02, 0x11, 0x00, 0x0d, 0xef, 0x80, 0x7b, 0x03];
        assert_eq!(Reader::Gwiot7941e.frame(0x11_000D_EF80), gwiot);
    }
}
