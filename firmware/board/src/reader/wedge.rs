//! Keyboard wedges: readers that type a card's number and press Enter.
//!
//! Keys come as Linux input events (`linux/input-event-codes.h`), so nothing depends on a keyboard layout. What
//! is typed is a decimal number, a hexadecimal one, or facility and number as printed on the card (`63,05651`
//! or `5:5`): the facility is the upper 16 bits. A line is bounded, and one that stops is forgotten.

use super::burst::Burst;
use super::{BadReading, Decoder, Reading};
use crate::spec::Digits;
use model::Millis;

/// The longest line: twenty decimal digits are 64 bits; the rest is leading zeros.
const LINE_BYTES_MAX: usize = 32;

/// The value of an input event when a key goes down (0: up, 2: repeated while held).
const KEY_DOWN: i32 = 1;

/// A decoder of key events.
#[derive(Debug, Clone)]
pub struct Wedge {
    line: NumberLine,
}

impl Wedge {
    /// A wedge that types such digits.
    pub fn new(digits: Digits) -> Self {
        Self { line: NumberLine::new(digits) }
    }

    /// Takes a key event: its code and value as evdev gives them.
    pub fn push(&mut self, code: u16, value: i32, at: Millis) -> Option<Reading> {
        match key(code) {
            Key::Types(byte) if value == KEY_DOWN => self.line.push(byte, at),
            _ => None,
        }
    }
}

enum Key {
    Types(u8),
    Silent,
}

/// What a key types. A key that is no part of a number types `?`, which spoils the line.
fn key(code: u16) -> Key {
    const KEYPAD: [u8; 13] = *b"789-456+1230.";
    let byte = match code {
        42 | 54 | 58 | 69 => return Key::Silent, // shifts, Caps Lock, Num Lock
        2..=10 => b'1' + (code - 2) as u8,
        11 => b'0',
        71..=83 => KEYPAD[usize::from(code - 71)],
        28 | 96 => b'\n',
        30 => b'A',
        48 => b'B',
        46 => b'C',
        32 => b'D',
        18 => b'E',
        33 => b'F',
        39 => b':',
        51 | 121 => b',',
        _ => b'?',
    };
    Key::Types(byte)
}

/// A decoder of a card's number written as text, ended by CR or LF.
#[derive(Debug, Clone)]
pub struct NumberLine {
    digits: Digits,
    text: [u8; LINE_BYTES_MAX],
    len: usize,
    spoilt: bool,
    burst: Burst,
}

impl NumberLine {
    /// A line of such digits.
    pub fn new(digits: Digits) -> Self {
        Self { digits, text: [0; LINE_BYTES_MAX], len: 0, spoilt: false, burst: Burst::default() }
    }

    fn finish(&mut self) -> Option<Reading> {
        let len = std::mem::take(&mut self.len);
        if std::mem::take(&mut self.spoilt) || len == 0 {
            return None;
        }
        match number(&self.text[..len], self.digits) {
            Ok(number) => self.burst.card(number),
            Err(reason) => self.burst.bad(reason),
        }
    }
}

impl Decoder for NumberLine {
    fn push(&mut self, byte: u8, at: Millis) -> Option<Reading> {
        if self.burst.begins(at) {
            (self.len, self.spoilt) = (0, false);
        }
        match byte {
            b'\r' | b'\n' => self.finish(),
            _ if self.spoilt => None,
            _ if self.len == LINE_BYTES_MAX => {
                self.spoilt = true;
                self.burst.bad(BadReading::TooLong)
            }
            _ => {
                self.text[self.len] = byte;
                self.len += 1;
                None
            }
        }
    }
}

/// The number on a line.
fn number(line: &[u8], digits: Digits) -> Result<u64, BadReading> {
    if digits == Digits::Hex {
        return whole(line, 16);
    }
    match line.iter().position(|byte| matches!(byte, b',' | b':')) {
        None => whole(line, 10),
        Some(place) => {
            let (facility, number) = (half(&line[..place])?, half(&line[place + 1..])?);
            Ok(facility << 16 | number)
        }
    }
}

/// Facility or number: 16 bits each.
fn half(digits: &[u8]) -> Result<u64, BadReading> {
    match whole(digits, 10)? {
        number @ 0..=0xffff => Ok(number),
        _ => Err(BadReading::TooLong),
    }
}

fn whole(digits: &[u8], radix: u8) -> Result<u64, BadReading> {
    if digits.is_empty() {
        return Err(BadReading::TooShort);
    }
    digits.iter().try_fold(0u64, |number, digit| {
        let value = super::hex_value(*digit).filter(|value| *value < radix).ok_or(BadReading::NotADigit)?;
        let shifted = number.checked_mul(radix.into()).ok_or(BadReading::TooLong)?;
        shifted.checked_add(value.into()).ok_or(BadReading::TooLong)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::test_bytes::{at_once, cards, these};
    use proptest::prelude::*;

    const ENTER: u16 = 28;

    fn decimal(text: &str) -> Vec<Reading> {
        at_once(NumberLine::new(Digits::Decimal), text.as_bytes())
    }

    #[test]
    fn the_three_ways_to_write_one_card_are_one_number() {
        for text in ["0004134419\n", "63,05651\n", "00063:05651\r\n", "4134419\r"] {
            assert_eq!(cards(&decimal(text)), these(&[4_134_419]), "{text:?}");
        }
        assert_eq!(cards(&at_once(NumberLine::new(Digits::Hex), b"003f1613\n")), these(&[4_134_419]));
    }

    #[test]
    fn what_is_no_number_is_named() {
        for (text, reason) in [
            ("12a\n", BadReading::NotADigit),
            ("1,2,3\n", BadReading::NotADigit),
            ("70000:1\n", BadReading::TooLong),
            ("99999999999999999999\n", BadReading::TooLong),
            (",5\n", BadReading::TooShort),
            ("000000000000000000000000000000001", BadReading::TooLong),
        ] {
            assert_eq!(decimal(text), [Reading::Bad(reason)], "{text:?}");
        }
        assert_eq!(decimal("\n\r\n"), [], "an empty line is nothing");
    }

    #[test]
    fn a_line_of_a_megabyte_is_one_complaint_and_the_next_card_is_read() {
        let text = "7".repeat(1 << 20) + "\n123\n";
        let readings = decimal(&text);
        assert_eq!(readings[0], Reading::Bad(BadReading::TooLong));
        assert_eq!(cards(&readings), these(&[123]));
        assert_eq!(readings.len(), 2);
    }

    #[test]
    fn keys_going_up_and_repeating_type_nothing() {
        let mut wedge = Wedge::new(Digits::Decimal);
        let mut readings = Vec::new();
        for code in [42, 2, 79, 11, ENTER] {
            for value in [1, 2, 0] {
                readings.extend(wedge.push(code, value, Millis(0)));
            }
        }
        assert_eq!(cards(&readings), these(&[110]), "1 of both keyboards, then 0");
    }

    #[test]
    fn a_strange_key_spoils_the_line_alone() {
        let mut wedge = Wedge::new(Digits::Decimal);
        let mut type_keys = |codes: &[u16]| {
            codes.iter().filter_map(|code| wedge.push(*code, 1, Millis(0))).collect::<Vec<_>>()
        };
        assert_eq!(type_keys(&[2, 16, ENTER]), [Reading::Bad(BadReading::NotADigit)]);
        assert_eq!(cards(&type_keys(&[2, 3, ENTER])), these(&[12]));
    }

    #[test]
    fn half_a_number_is_forgotten_after_a_silence() {
        let mut wedge = Wedge::new(Digits::Decimal);
        wedge.push(10, 1, Millis(0));
        let readings: Vec<_> =
            [2, 3, ENTER].iter().filter_map(|code| wedge.push(*code, 1, Millis(60_000))).collect();
        assert_eq!(cards(&readings), these(&[12]));
    }

    proptest! {
        #[test]
        fn every_number_that_is_typed_is_read(number: u64) {
            prop_assert_eq!(cards(&decimal(&format!("{number:010}\n"))), these(&[number]));
            let hex = at_once(NumberLine::new(Digits::Hex), format!("{number:X}\n").as_bytes());
            prop_assert_eq!(cards(&hex), these(&[number]));
        }

        #[test]
        fn nothing_makes_it_panic(keys in prop::collection::vec((any::<u16>(), 0i32..3, 0u64..400), 0..200)) {
            let (mut wedge, mut at) = (Wedge::new(Digits::Hex), Millis(0));
            for (code, value, gap) in keys {
                at = at.plus(gap);
                wedge.push(code, value, at);
            }
        }
    }
}
