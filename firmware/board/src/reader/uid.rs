//! From the UID of a contactless card (ISO 14443 A) to a card's number, once a visit.
//!
//! The bytes are taken in the order in which the card sends them, the first one highest: DE AD BE EF is 0xDEADBEEF,
//! and seven bytes are 56 bits. Readers of this kind are asked again and again who is there; [`Presence`] makes
//! one reading of a card that stays. A card that makes a new UID up each time (a phone, some passports) is told
//! so: nobody could be known by it.

use super::{BadReading, Reading};
use model::CardNumber;

/// The first byte of a UID of four bytes that the card has made up (ISO 14443-3, 6.5.4).
const MADE_UP: u8 = 0x08;
/// How often in a row nobody must be there for a card to have left: cards miss a call now and then.
const MISSES_MAX: u8 = 3;

/// What a UID is worth.
pub fn uid(bytes: &[u8]) -> Reading {
    match bytes {
        [MADE_UP, _, _, _] => Reading::Bad(BadReading::MadeUp),
        [_, _, _, _] | [_, _, _, _, _, _, _] => {
            let number = bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
            Reading::Card(CardNumber::new(number))
        }
        _ if bytes.len() < 7 => Reading::Bad(BadReading::TooShort),
        _ => Reading::Bad(BadReading::TooLong),
    }
}

/// Who is in front of a reader.
#[derive(Debug, Default)]
pub struct Presence {
    here: Option<Reading>,
    misses: u8,
}

impl Presence {
    /// The reader was asked and saw this UID, or nobody. Answers when somebody has come.
    pub fn see(&mut self, bytes: Option<&[u8]>) -> Option<Reading> {
        let Some(bytes) = bytes else {
            self.misses = self.misses.saturating_add(1);
            if self.misses >= MISSES_MAX {
                self.here = None;
            }
            return None;
        };
        self.misses = 0;
        let seen = uid(bytes);
        let came = self.here.as_ref() != Some(&seen);
        self.here = Some(seen.clone());
        came.then_some(seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FOUR: [u8; 4] = [0xDE, 0xAD, 0xBE, 0xEF];
    const SEVEN: [u8; 7] = [0x04, 0xA2, 0x2B, 0x1A, 0x5C, 0x34, 0x80];

    fn card(number: u64) -> Reading {
        Reading::Card(CardNumber::new(number))
    }

    #[test]
    fn the_first_byte_is_the_highest() {
        assert_eq!(uid(&FOUR), card(0xDEAD_BEEF));
        assert_eq!(uid(&SEVEN), card(0x04_A22B_1A5C_3480));
    }

    #[test]
    fn a_made_up_uid_is_nobody() {
        assert_eq!(uid(&[0x08, 1, 2, 3]), Reading::Bad(BadReading::MadeUp));
        assert_eq!(uid(&[0x08, 1, 2, 3, 4, 5, 6]), card(0x08_0102_0304_0506), "seven bytes are the maker's");
    }

    #[test]
    fn a_card_that_stays_is_one_reading() {
        let mut reader = Presence::default();
        assert_eq!(reader.see(Some(&FOUR)), Some(card(0xDEAD_BEEF)));
        for seen in [Some(&FOUR[..]), None, None, Some(&FOUR)] {
            assert_eq!(reader.see(seen), None, "it is missed now and then");
        }
        assert_eq!(reader.see(Some(&SEVEN)), Some(uid(&SEVEN)), "another one is another one at once");
        assert!([None, None, None].iter().all(|none| reader.see(*none).is_none()));
        assert_eq!(reader.see(Some(&SEVEN)), Some(uid(&SEVEN)), "it has left and come back");
    }

    #[test]
    fn a_phone_that_stays_complains_once() {
        let mut reader = Presence::default();
        assert_eq!(reader.see(Some(&[8, 1, 1, 1])), Some(Reading::Bad(BadReading::MadeUp)));
        assert_eq!(reader.see(Some(&[8, 2, 2, 2])), None);
    }

    proptest! {
        #[test]
        fn only_four_and_seven_bytes_are_cards(bytes in prop::collection::vec(1u8..8, 0..12)) {
            prop_assert_eq!(matches!(uid(&bytes), Reading::Card(_)), [4, 7].contains(&bytes.len()));
        }
    }
}
