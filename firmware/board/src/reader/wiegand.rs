//! Wiegand: two lines, a pulse on D0 for each 0 and on D1 for each 1, about one bit in two milliseconds.
//!
//! 26 bits: even parity over the first 13, 24 bits of number, odd parity over the last 13. 34 bits: the same
//! with 32 and 17. Nothing but silence tells where a number ends, so a number is judged when the line has been
//! silent: [`Wiegand::deadline`] says when to call [`Wiegand::tick`]. Judging at the 26th bit instead would
//! take a piece of a longer number for a card.

use super::{BadReading, Reading};
use model::{CardNumber, Millis};

/// How long the lines must be silent for a number to be complete: over ten times the slowest usual bit.
const SILENCE_MS: u64 = 30;

/// More bits than any number has; then it is noise.
const BITS_MAX: u32 = 64;

/// The decoder.
#[derive(Debug, Clone, Default)]
pub struct Wiegand {
    bits: u64,
    len: u32,
    last: Millis,
}

impl Wiegand {
    /// A decoder that has seen nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// When [`tick`](Self::tick) should be called, if no other bit comes before.
    pub fn deadline(&self) -> Option<Millis> {
        (self.len > 0).then(|| self.last.plus(SILENCE_MS))
    }

    /// Takes one bit. Answers with the number before it, if silence has completed one.
    pub fn push(&mut self, bit: bool, at: Millis) -> Option<Reading> {
        let before = self.tick(at);
        self.bits = self.bits << 1 | u64::from(bit);
        self.len = (self.len + 1).min(BITS_MAX + 1);
        self.last = at;
        before
    }

    /// Time has come to `at` with no other bit.
    pub fn tick(&mut self, at: Millis) -> Option<Reading> {
        if self.len == 0 || at.since(self.last) < SILENCE_MS {
            return None;
        }
        let (bits, len) = (std::mem::take(&mut self.bits), std::mem::take(&mut self.len));
        Some(number(bits, len).map_or_else(Reading::Bad, |number| Reading::Card(CardNumber::new(number))))
    }
}

fn number(bits: u64, len: u32) -> Result<u64, BadReading> {
    match len {
        26 | 34 => {}
        ..26 => return Err(BadReading::TooShort),
        _ => return Err(BadReading::TooLong),
    }
    let half = len / 2;
    let odd = |bits: u64| bits.count_ones() % 2 == 1;
    let (first, second) = (bits >> half, bits & ((1 << half) - 1));
    if odd(first) || !odd(second) {
        return Err(BadReading::Parity);
    }
    Ok(bits >> 1 & ((1 << (len - 2)) - 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::test_bytes::{cards, these};
    use proptest::prelude::*;

    /// The bits of a number, by counting ones one after the other.
    fn frame(number: u64, number_bits: usize) -> Vec<bool> {
        let number: Vec<bool> = (0..number_bits).rev().map(|place| number >> place & 1 == 1).collect();
        let ones = |bits: &[bool]| bits.iter().filter(|bit| **bit).count();
        let (first, second) = number.split_at(number_bits / 2);
        let mut bits = vec![ones(first) % 2 == 1];
        bits.extend(&number);
        bits.push(ones(second) % 2 == 0);
        bits
    }

    /// Two milliseconds a bit, then silence.
    fn decode(bits: &[bool]) -> Vec<Reading> {
        let (mut decoder, mut at) = (Wiegand::new(), Millis(0));
        let mut readings = Vec::new();
        for bit in bits {
            at = at.plus(2);
            readings.extend(decoder.push(*bit, at));
        }
        readings.extend(decoder.deadline().and_then(|deadline| decoder.tick(deadline)));
        readings
    }

    #[test]
    fn a_recorded_number_is_read() {
        // The example of a 7941D's data sheet: 3D 12 D6 in 26 bits, 6B 3D 12 D6 in 34.
        for (text, number, number_bits) in [
            ("0 00111101 00010010 11010110 1", 0x3D_12D6, 24),
            ("0 01101011 00111101 00010010 11010110 0", 0x6B3D_12D6, 32),
        ] {
            let bits: Vec<bool> = text.bytes().filter(|bit| *bit != b' ').map(|bit| bit == b'1').collect();
            assert_eq!(bits, frame(number, number_bits));
            assert_eq!(cards(&decode(&bits)), these(&[number]));
        }
    }

    #[test]
    fn another_number_of_bits_is_no_card() {
        for len in (1..80).filter(|len| ![26, 34].contains(len)) {
            let want = if len < 26 { BadReading::TooShort } else { BadReading::TooLong };
            assert_eq!(decode(&vec![true; len]), [Reading::Bad(want)], "{len} bits");
        }
    }

    #[test]
    fn a_wire_that_is_always_the_same_is_no_card() {
        for len in [26, 34] {
            assert_eq!(decode(&vec![false; len]), [Reading::Bad(BadReading::Parity)]);
        }
    }

    #[test]
    fn two_cards_need_a_silence_between_them() {
        let mut decoder = Wiegand::new();
        let mut readings = Vec::new();
        for (number, begin) in [(1, 0), (2, 1_000)] {
            for (place, bit) in (0..).zip(frame(number, 24)) {
                readings.extend(decoder.push(bit, Millis(begin + place)));
            }
        }
        assert_eq!(cards(&readings), these(&[1]));
        assert_eq!(cards(&decoder.tick(Millis(2_000)).into_iter().collect::<Vec<_>>()), these(&[2]));
    }

    #[test]
    fn a_megabit_is_one_complaint_and_the_next_card_is_read() {
        let mut decoder = Wiegand::new();
        assert!((0..1 << 20).all(|n| decoder.push(true, Millis(n)).is_none()));
        assert_eq!(decoder.tick(Millis(1 << 21)), Some(Reading::Bad(BadReading::TooLong)));
        assert_eq!(cards(&decode(&frame(9, 32))), these(&[9]));
    }

    proptest! {
        #[test]
        fn every_number_comes_through(number: u32) {
            prop_assert_eq!(cards(&decode(&frame(number.into(), 32))), these(&[u64::from(number)]));
            let low = u64::from(number & 0xff_ffff);
            prop_assert_eq!(cards(&decode(&frame(low, 24))), these(&[low]));
        }

        #[test]
        fn every_single_flipped_bit_is_seen(number: u32, place in 0usize..34) {
            let mut bits = frame(number.into(), 32);
            bits[place] = !bits[place];
            prop_assert_eq!(decode(&bits), [Reading::Bad(BadReading::Parity)]);
        }
    }
}
