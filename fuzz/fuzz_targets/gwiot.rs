//! Any bytes at any pace: no panic, and a whole frame after a silence is always read.
#![no_main]

use board::reader::{Decoder, Gwiot7941e, Reading};
use libfuzzer_sys::fuzz_target;
use model::{CardNumber, Millis};

/// A recorded frame and its card.
const FRAME: [u8; 10] = [0x02, 0x0A, 0x02, 0x11, 0x00, 0x0D, 0xEF, 0x80, 0x7B, 0x03];
const CARD: u64 = 0x11_000D_EF80;

fuzz_target!(|steps: Vec<(u8, u8)>| {
    let (mut decoder, mut at) = (Gwiot7941e::new(), Millis(0));
    for (byte, gap) in steps {
        at = at.plus(u64::from(gap));
        decoder.push(byte, at);
    }
    at = at.plus(1_000);
    let last = FRAME.iter().filter_map(|byte| decoder.push(*byte, at)).last();
    assert_eq!(last, Some(Reading::Card(CardNumber::new(CARD))));
});
