//! Decoders: from what a reader sends to card numbers.
//!
//! Each decoder is pure and incremental: it takes one byte, key or bit with the time at which it came, and may
//! answer with a [`Reading`]. It holds a few dozen bytes at most, drops a frame that stops half way, finds the
//! next frame after any rubbish, and answers a flood of rubbish with one [`BadReading`].

use model::{CardNumber, Millis};

/// What a decoder made of the bytes so far.
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
    /// The reader is not there; its driver tries to reach it again.
    #[error("the reader does not answer: check its plug and its power; it is tried again by itself")]
    Unplugged,
}

/// A decoder of bytes, such as come from a serial port.
pub trait Decoder: Send {
    /// Takes one byte that came at a time.
    fn push(&mut self, byte: u8, at: Millis) -> Option<Reading>;
}
