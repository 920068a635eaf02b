//! Decoders: from what a reader sends to card numbers.
//!
//! Each decoder is pure and incremental: it takes one byte, key or bit with the time at which it came, and may
//! answer with a [`Reading`]. It holds a few dozen bytes at most, drops a frame that stops half way, finds the
//! next frame after any rubbish, and complains once about a stretch of rubbish, however long it is: the next
//! complaint needs a card or a silence before it. None of them panics, whatever comes. Frames byte by byte:
//! `docs/formats/board.md`.

mod burst;
mod gwiot;
pub mod pn532;
mod rdm6300;
#[cfg(test)]
mod test_bytes;
mod uid;
mod wedge;
mod wiegand;

pub use gwiot::Gwiot7941e;
pub use rdm6300::Rdm6300;
pub use uid::{Presence, uid};
pub use wedge::{NumberLine, Wedge};
pub use wiegand::Wiegand;

use crate::spec::SerialFormat;
use model::{CardNumber, Millis};

/// What a decoder made of what came so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// A card.
    Card(CardNumber),
    /// Something that should have been one.
    Bad(BadReading),
}

/// Why a reading is not a card. It never holds what was read: that could be somebody's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum BadReading {
    /// The reader's own checksum says so.
    #[error("the checksum does not fit: hold the card to the reader again")]
    Checksum,
    /// A parity bit says so (Wiegand).
    #[error(
        "a parity bit is wrong: hold the card to the reader again; if it stays, check the wires D0 and D1"
    )]
    Parity,
    /// Something else than a digit.
    #[error("there is something else than digits in the card's number: is this the reader's right format?")]
    NotADigit,
    /// No card has so many digits or bits.
    #[error("too long for a card's number: is this the reader's right format?")]
    TooLong,
    /// Too few digits or bits.
    #[error("too short for a card's number: hold the card to the reader again")]
    TooShort,
    /// A lot of bytes and no frame among them.
    #[error("the reader sends noise: check its speed (baud), its format and its wires")]
    Noise,
    /// A UID that is another one each time.
    #[error("this card shows another number each time, as phones do: it cannot be a badge")]
    MadeUp,
    /// The reader is not there; its driver tries to reach it again.
    #[error("the reader does not answer: check its plug and its power; it is tried again by itself")]
    Unplugged,
}

/// A decoder of bytes, such as come from a serial port.
pub trait Decoder: Send {
    /// Takes one byte that came at a time.
    fn push(&mut self, byte: u8, at: Millis) -> Option<Reading>;
}

/// The decoder of a serial reader.
pub fn serial(format: SerialFormat) -> Box<dyn Decoder> {
    match format {
        SerialFormat::Rdm6300 => Box::new(Rdm6300::new()),
        SerialFormat::Rdm6300Plain => Box::new(Rdm6300::plain()),
        SerialFormat::Gwiot7941e => Box::new(Gwiot7941e::new()),
    }
}

/// The value of one hexadecimal digit.
fn hex_value(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}
