//! Frames as a reader sends them, and as a broken one does.

use super::*;
use crate::reader::test_bytes::{at_once, cards, these};
use model::CardNumber;
use proptest::prelude::*;

/// The card `04184EDCBA` of MakeIt Labs' notes; 04^18^4E^DC^BA = 34.
const FRAME: &[u8] = b"\x0204184EDCBA34\x03";

fn frame(number: u64) -> Vec<u8> {
    let sum = number.to_be_bytes().iter().fold(0, |sum, byte| sum ^ byte);
    format!("\x02{number:010X}{sum:02X}\x03").into_bytes()
}

#[test]
fn a_frame_is_a_card_of_forty_bits() {
    let card = Reading::Card(CardNumber::new(0x04_184E_DCBA));
    assert_eq!(at_once(Rdm6300::new(), FRAME), std::slice::from_ref(&card));
    assert_eq!(frame(0x04_184E_DCBA), FRAME);
    assert_eq!(at_once(Rdm6300::new(), b"\x0204184edcba34\r\n\x03"), [card], "ID-12, small letters");
}

#[test]
fn a_wrong_checksum_is_no_card() {
    assert_eq!(at_once(Rdm6300::new(), b"\x0204184EDCBA35\x03"), [Reading::Bad(BadReading::Checksum)]);
    assert_eq!(at_once(Rdm6300::new(), b"\x0204184EDCBB34\x03"), [Reading::Bad(BadReading::Checksum)]);
}

#[test]
fn without_a_checksum_only_where_the_format_says_so() {
    let plain = b"\x0204184EDCBA\x03";
    assert_eq!(at_once(Rdm6300::plain(), plain), [Reading::Card(CardNumber::new(0x04_184E_DCBA))]);
    assert_eq!(at_once(Rdm6300::new(), plain), [Reading::Bad(BadReading::TooShort)]);
    assert_eq!(at_once(Rdm6300::plain(), FRAME), [Reading::Bad(BadReading::TooLong)]);
}

#[test]
fn half_a_frame_is_forgotten_after_a_silence() {
    let mut decoder = Rdm6300::new();
    assert!(FRAME[..8].iter().all(|byte| decoder.push(*byte, Millis(0)).is_none()));
    assert!(FRAME[8..].iter().all(|byte| decoder.push(*byte, Millis(5_000)).is_none()));
    let readings: Vec<_> = FRAME.iter().filter_map(|byte| decoder.push(*byte, Millis(9_000))).collect();
    assert_eq!(readings, [Reading::Card(CardNumber::new(0x04_184E_DCBA))]);
}

#[test]
fn a_line_of_a_megabyte_is_one_complaint_and_the_next_card_is_read() {
    for rubbish in [b"A".as_slice(), b"\x02A", b"\x02", b"\x03", b"\xff\x00", b"\x0212\x03"] {
        let mut bytes = b"\x02".to_vec();
        bytes.extend(rubbish.iter().cycle().take(1 << 20));
        bytes.extend(FRAME);
        let readings = at_once(Rdm6300::new(), &bytes);
        assert_eq!(cards(&readings), these(&[0x04_184E_DCBA]), "{rubbish:?}");
        assert!(readings.len() <= 2, "{rubbish:?}: {} readings", readings.len());
    }
    let flood = [b"\x02".as_slice(), &[b'A'; 1 << 20]].concat();
    assert_eq!(at_once(Rdm6300::new(), &flood), [Reading::Bad(BadReading::TooLong)]);
    assert_eq!(at_once(Rdm6300::new(), &flood[1..]), [Reading::Bad(BadReading::Noise)]);
}

proptest! {
    #[test]
    fn rubbish_between_frames_hides_no_card(
        numbers in prop::collection::vec(0u64..1 << 40, 1..6),
        rubbish in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 6),
    ) {
        let mut bytes = Vec::new();
        for (number, rubbish) in numbers.iter().zip(&rubbish) {
            bytes.extend(rubbish);
            bytes.extend(frame(*number));
        }
        // Rubbish may happen to hold a whole frame once in 2^60 or so.
        prop_assert_eq!(cards(&at_once(Rdm6300::new(), &bytes)), these(&numbers));
    }

    #[test]
    fn every_single_wrong_digit_is_seen(number in 0u64..1 << 40, place in 1usize..13, flip in 1u8..16) {
        let mut bytes = frame(number);
        let digit = hex_value(bytes[place]).unwrap() ^ flip;
        bytes[place] = format!("{digit:X}").as_bytes()[0];
        prop_assert_eq!(at_once(Rdm6300::new(), &bytes), [Reading::Bad(BadReading::Checksum)]);
    }

    #[test]
    fn nothing_makes_it_panic(bytes in prop::collection::vec((any::<u8>(), 0u64..400), 0..200)) {
        let (mut decoder, mut at) = (Rdm6300::new(), Millis(0));
        for (byte, gap) in bytes {
            at = at.plus(gap);
            decoder.push(byte, at);
        }
    }
}
