//! Frames of the manual's examples and of a chip's answers, and rubbish.

use super::*;
use proptest::prelude::*;

fn all(bytes: &[u8]) -> Vec<Frame> {
    let mut frames = Frames::default();
    bytes.iter().filter_map(|byte| frames.push(*byte)).collect()
}

/// A MIFARE Classic card's answer: one target, SENS_RES 0004, SEL_RES 08, four bytes.
const CARD: [u8; 19] = [
    0x00, 0x00, 0xFF, 0x0C, 0xF4, 0xD5, 0x4B, 0x01, 0x01, 0x00, 0x04, 0x08, 0x04, 0xDE, 0xAD, 0xBE, 0xEF,
    0x96, 0x00,
];

#[test]
fn commands_are_the_manual_s_bytes() {
    let firmware = [0x00, 0x00, 0xFF, 0x02, 0xFE, 0xD4, 0x02, 0x2A, 0x00];
    assert_eq!(Command::GetFirmwareVersion.frame(), firmware);
    let list = [0x00, 0x00, 0xFF, 0x04, 0xFC, 0xD4, 0x4A, 0x01, 0x00, 0xE1, 0x00];
    assert_eq!(Command::InListPassiveTarget.frame(), list);
    let sam = [0x00, 0x00, 0xFF, 0x05, 0xFB, 0xD4, 0x14, 0x01, 0x14, 0x01, 0x02, 0x00];
    assert_eq!(Command::SamConfiguration.frame(), sam);
}

#[test]
fn an_acknowledgement_and_an_answer_are_two_frames() {
    let version = [0x00, 0x00, 0xFF, 0x06, 0xFA, 0xD5, 0x03, 0x32, 0x01, 0x06, 0x07, 0xE8, 0x00];
    let bytes = [&ACK[..], &version].concat();
    let answer = Frame::Answer { code: 0x03, data: vec![0x32, 0x01, 0x06, 0x07] };
    assert_eq!(all(&bytes), [Frame::Ack, answer]);
}

#[test]
fn a_card_is_its_uid() {
    let frames = all(&CARD);
    let [Frame::Answer { code, data }] = frames.as_slice() else { panic!("{frames:?}") };
    assert_eq!(*code, Command::InListPassiveTarget.code() + 1);
    assert_eq!(target(data), Ok(Some(&[0xDE, 0xAD, 0xBE, 0xEF][..])));
    assert_eq!(target(&[0]), Ok(None), "nobody is there");
}

#[test]
fn an_answer_that_ends_early_is_nobody() {
    for short in [&[][..], &[1], &[1, 1, 0, 4, 8], &[1, 1, 0, 4, 8, 4, 1, 2, 3], &[2, 1, 0, 4, 8, 0]] {
        assert_eq!(target(short), Err(BadReading::TooShort), "{short:?}");
    }
}

#[test]
fn what_is_wrong_is_said_and_the_next_frame_is_read() {
    let mut wrong = CARD;
    wrong[14] ^= 1;
    assert_eq!(all(&wrong), [Frame::Broken]);
    assert_eq!(all(&[0, 0, 0xFF, 4, 4]), [Frame::Broken], "the length's complement");
    assert_eq!(all(&[0, 0, 0xFF, 0, 0]), [Frame::Broken], "no content is an acknowledgement or nothing");
    assert_eq!(all(&[0, 0, 0xFF, 0xFF, 0]), [Frame::Nack]);
    assert_eq!(all(&[0, 0, 0xFF, 1, 0xFF, 0x7F, 0x81, 0]), [Frame::SyntaxError]);
    let both = [&[0xAA, 0xFF, 0x00][..], &wrong, &CARD].concat();
    assert!(matches!(all(&both).as_slice(), [Frame::Broken, Frame::Answer { .. }]));
}

proptest! {
    #[test]
    fn every_answer_comes_through(data in prop::collection::vec(any::<u8>(), 0..253), code: u8) {
        let mut content = vec![code];
        content.extend(&data);
        prop_assert_eq!(all(&frame(FROM_CHIP, &content)), [Frame::Answer { code, data }]);
    }

    #[test]
    fn nothing_makes_it_panic_or_grow(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let mut frames = Frames::default();
        for byte in bytes {
            if let Some(Frame::Answer { data, .. }) = frames.push(byte) {
                let _ = target(&data);
            }
            prop_assert!(frames.content.len() <= CONTENT_LEN_MAX);
        }
    }
}
