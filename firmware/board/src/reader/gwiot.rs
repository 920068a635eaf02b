//! Gwiot 7941E: a reader of 125 kHz and 13.56 MHz cards that sends binary frames, 9600 baud.
//!
//! STX, length of the whole frame, type of card, number, XOR of all between STX and itself, ETX. A 125 kHz card
//! (EM4100) has five bytes: a batch number that differs from card to card (it was 0x11 on the card of MakeIt
//! Labs' sample), then the 32 bits that RATT uses. All 40 bits are handed on; the reader's widths choose. STX
//! may occur in a number: after a wrong frame the search goes on one byte behind its beginning.

use super::burst::Burst;
use super::{BadReading, Decoder, Reading};
use model::Millis;

const STX: u8 = 0x02;
const ETX: u8 = 0x03;
const LEN_AT: usize = 1;
const TYPE_AT: usize = LEN_AT + 1;
const NUMBER_AT: usize = TYPE_AT + 1;
/// Checksum and ETX.
const TAIL_LEN: usize = 2;
const FRAME_LEN_MAX: usize = 10;

/// The frames that exist: length and type of card.
const FRAMES: [(u8, u8); 3] = [
    (10, 0x02), // EM4100
    (9, 0x01),  // MIFARE Classic 1K
    (9, 0x03),  // MIFARE Classic 4K
];

/// The decoder.
#[derive(Debug, Clone, Default)]
pub struct Gwiot7941e {
    frame: [u8; FRAME_LEN_MAX],
    len: usize,
    burst: Burst,
}

impl Gwiot7941e {
    /// A decoder that has seen nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether what is held could still become a frame.
    fn may_be_frame(&self) -> bool {
        let held = &self.frame[..self.len];
        let fits = |(len, kind): &(u8, u8)| {
            held.get(LEN_AT).is_none_or(|byte| byte == len)
                && held.get(TYPE_AT).is_none_or(|byte| byte == kind)
        };
        held.first().is_none_or(|byte| *byte == STX) && FRAMES.iter().any(fits)
    }

    fn is_complete(&self) -> bool {
        self.len > NUMBER_AT && self.len == usize::from(self.frame[LEN_AT])
    }

    /// The number of a complete frame.
    fn number(&self) -> Result<u64, BadReading> {
        let (content, tail) = self.frame[..self.len].split_at(self.len - TAIL_LEN);
        let sum = content[LEN_AT..].iter().fold(0, |sum, byte| sum ^ byte);
        if tail != [sum, ETX] {
            return Err(BadReading::Checksum);
        }
        Ok(content[NUMBER_AT..].iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// Drops the first byte, and more until the rest may be a frame. What was there cannot be complete: it was
    /// not when it was one byte longer, or its length is not known yet.
    fn shift(&mut self) -> Option<Reading> {
        let mut said = None;
        loop {
            self.frame.copy_within(1.., 0);
            self.len -= 1;
            said = said.or(self.burst.rubbish());
            if self.may_be_frame() {
                return said;
            }
        }
    }
}

impl Decoder for Gwiot7941e {
    fn push(&mut self, byte: u8, at: Millis) -> Option<Reading> {
        if self.burst.begins(at) {
            self.len = 0;
        }
        self.frame[self.len] = byte;
        self.len += 1;
        if !self.may_be_frame() {
            return self.shift();
        }
        if !self.is_complete() {
            return None;
        }
        match self.number() {
            Ok(number) => {
                self.len = 0;
                self.burst.card(number)
            }
            Err(reason) => self.burst.bad(reason).or(self.shift()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::test_bytes::{at_once, cards, these};
    use model::{CardNumber, Width};
    use proptest::prelude::*;

    fn frame(number: u64) -> Vec<u8> {
        let mut bytes = vec![STX, 10, 2];
        bytes.extend(&number.to_be_bytes()[3..]);
        let sum = bytes[1..].iter().fold(0, |sum, byte| sum ^ byte);
        bytes.extend([sum, ETX]);
        bytes
    }

    #[test]
    fn recorded_frames_are_cards() {
        for (bytes, low32) in [
            ([0x02, 0x0A, 0x02, 0x11, 0x00, 0x0D, 0xEF, 0x80, 0x7B, 0x03], 913_280),
            ([0x02, 0x0A, 0x02, 0x06, 0x00, 0x8E, 0x6D, 0x5D, 0xB0, 0x03], 9_334_109),
            ([0x02, 0x0A, 0x02, 0x2E, 0x00, 0xB6, 0xD7, 0xB5, 0xF2, 0x03], 11_982_773),
        ] {
            match at_once(Gwiot7941e::new(), &bytes).as_slice() {
                [Reading::Card(card)] => assert_eq!(card.at(Width::Bits32), CardNumber::new(low32)),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn a_mifare_card_has_four_bytes() {
        let bytes = [0x02, 0x09, 0x01, 0xDE, 0xAD, 0xBE, 0xEF, 0x2A, 0x03];
        assert_eq!(cards(&at_once(Gwiot7941e::new(), &bytes)), these(&[0xDEAD_BEEF]));
    }

    #[test]
    fn a_wrong_sum_or_end_is_no_card() {
        for place in [7, 8, 9] {
            let mut bytes = frame(913_280);
            bytes[place] ^= 0x10;
            assert_eq!(at_once(Gwiot7941e::new(), &bytes), [Reading::Bad(BadReading::Checksum)]);
        }
    }

    #[test]
    fn a_frame_that_begins_inside_a_broken_one_is_found() {
        let mut bytes = vec![0x02, 0x0A, 0x02, 0x11];
        bytes.extend(frame(0x02_0A02_0A02));
        assert_eq!(cards(&at_once(Gwiot7941e::new(), &bytes)), these(&[0x02_0A02_0A02]));
    }

    #[test]
    fn half_a_frame_is_forgotten_after_a_silence() {
        let (mut decoder, bytes) = (Gwiot7941e::new(), frame(7));
        assert!(bytes[..9].iter().all(|byte| decoder.push(*byte, Millis(0)).is_none()));
        assert_eq!(decoder.push(bytes[9], Millis(1_000)), None);
    }

    #[test]
    fn a_megabyte_of_noise_is_one_complaint_and_the_next_card_is_read() {
        for rubbish in [&[0u8][..], &[2], &[2, 10], &[2, 10, 2], &[2, 10, 2, 1, 1, 1, 1, 1, 1, 1]] {
            let mut bytes: Vec<u8> = rubbish.iter().copied().cycle().take(1 << 20).collect();
            bytes.extend(frame(42));
            let readings = at_once(Gwiot7941e::new(), &bytes);
            assert_eq!(cards(&readings).last(), these(&[42]).last(), "{rubbish:?}");
            assert!(readings.len() <= 2, "{rubbish:?}: {} readings", readings.len());
        }
    }

    proptest! {
        #[test]
        fn rubbish_between_frames_hides_no_card(
            numbers in prop::collection::vec(0u64..1 << 40, 1..6),
            rubbish in prop::collection::vec(prop::collection::vec(3u8.., 0..40), 6),
        ) {
            let mut bytes = Vec::new();
            for (number, rubbish) in numbers.iter().zip(&rubbish) {
                bytes.extend(rubbish);
                bytes.extend(frame(*number));
            }
            prop_assert_eq!(cards(&at_once(Gwiot7941e::new(), &bytes)), these(&numbers));
        }

        #[test]
        fn nothing_makes_it_panic(bytes in prop::collection::vec((0u8..16, 0u64..400), 0..300)) {
            let (mut decoder, mut at) = (Gwiot7941e::new(), Millis(0));
            for (byte, gap) in bytes {
                at = at.plus(gap);
                decoder.push(byte, at);
            }
        }
    }
}
