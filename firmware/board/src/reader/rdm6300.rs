//! RDM6300 and its kin: a 125 kHz reader on a serial line, 9600 baud.
//!
//! STX, ten hexadecimal digits (version byte and 32 bits of serial number), two digits of checksum (XOR of the
//! five bytes), ETX; ID-12 and ID-20 put CR LF before the ETX. Tormach's reader sends no checksum. The checksum
//! is compared: a card misread by one bit is another member's card. STX and ETX are no digits, so the next
//! frame is found after any rubbish.

use super::burst::Burst;
use super::{BadReading, Decoder, Reading, hex_value};
use model::Millis;

const STX: u8 = 0x02;
const ETX: u8 = 0x03;
const NUMBER_DIGITS: usize = 10;
const CHECKSUM_DIGITS: usize = 2;

/// The decoder.
#[derive(Debug, Clone)]
pub struct Rdm6300 {
    digits: [u8; NUMBER_DIGITS + CHECKSUM_DIGITS],
    want: usize,
    place: Place,
    burst: Burst,
}

/// Where in a frame we are.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Place {
    /// Outside.
    Outside,
    /// Behind so many digits.
    Digits(usize),
    /// In a frame that is spoilt: until the next STX nothing counts.
    Spoilt,
}

impl Rdm6300 {
    /// With a checksum, as the RDM6300, ID-12 and ID-20 send it.
    pub fn new() -> Self {
        Self::wanting(NUMBER_DIGITS + CHECKSUM_DIGITS)
    }

    /// Without one, as Tormach's reader.
    pub fn plain() -> Self {
        Self::wanting(NUMBER_DIGITS)
    }

    fn wanting(want: usize) -> Self {
        let digits = [0; NUMBER_DIGITS + CHECKSUM_DIGITS];
        Self { digits, want, place: Place::Outside, burst: Burst::default() }
    }

    fn in_frame(&mut self, byte: u8, len: usize) -> Option<Reading> {
        match hex_value(byte) {
            Some(value) if len < self.want => {
                self.digits[len] = value;
                self.place = Place::Digits(len + 1);
                None
            }
            Some(_) => self.spoil(BadReading::TooLong),
            None if byte == ETX => self.finish(len),
            None if len == self.want && matches!(byte, b'\r' | b'\n') => None,
            None => self.spoil(BadReading::NotADigit),
        }
    }

    fn finish(&mut self, len: usize) -> Option<Reading> {
        self.place = Place::Outside;
        if len < self.want {
            return self.burst.bad(BadReading::TooShort);
        }
        let (number, checksum) = self.digits[..len].split_at(NUMBER_DIGITS);
        let sum = number.chunks(2).fold(0, |sum, pair| sum ^ byte_of(pair));
        if !checksum.is_empty() && byte_of(checksum) != sum {
            return self.burst.bad(BadReading::Checksum);
        }
        self.burst.card(number.iter().fold(0, |number, digit| number << 4 | u64::from(*digit)))
    }

    fn spoil(&mut self, reason: BadReading) -> Option<Reading> {
        self.place = Place::Spoilt;
        self.burst.bad(reason)
    }
}

impl Default for Rdm6300 {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder for Rdm6300 {
    fn push(&mut self, byte: u8, at: Millis) -> Option<Reading> {
        if self.burst.begins(at) {
            self.place = Place::Outside;
        }
        match self.place {
            _ if byte == STX => {
                self.place = Place::Digits(0);
                None
            }
            Place::Digits(len) => self.in_frame(byte, len),
            Place::Spoilt => None,
            Place::Outside => self.burst.rubbish(),
        }
    }
}

fn byte_of(digits: &[u8]) -> u8 {
    digits.iter().fold(0, |byte, digit| byte << 4 | digit)
}

#[cfg(test)]
#[path = "rdm6300_tests.rs"]
mod tests;
