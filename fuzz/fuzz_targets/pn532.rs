//! Any bytes from a PN532: no panic, and a whole frame after them is always read.
#![no_main]

use board::reader::pn532::{Frame, Frames, target};
use libfuzzer_sys::fuzz_target;

/// The answer that a MIFARE Classic card is there, and the longest rest of a frame before it.
const CARD: [u8; 19] =
    [0, 0, 0xFF, 0x0C, 0xF4, 0xD5, 0x4B, 1, 1, 0, 4, 8, 4, 0xDE, 0xAD, 0xBE, 0xEF, 0x96, 0];
const REST_LEN: usize = 256;

fuzz_target!(|bytes: &[u8]| {
    let mut frames = Frames::default();
    let rest = [0; REST_LEN];
    let mut last = None;
    for byte in bytes.iter().chain(&rest).chain(&CARD) {
        if let Some(frame) = frames.push(*byte) {
            if let Frame::Answer { data, .. } = &frame {
                let _ = target(data);
            }
            last = Some(frame);
        }
    }
    let Some(Frame::Answer { code: 0x4B, data }) = last else { panic!("the card is lost: {last:?}") };
    assert_eq!(target(&data), Ok(Some(&[0xDE, 0xAD, 0xBE, 0xEF][..])));
});
