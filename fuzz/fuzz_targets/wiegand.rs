//! Any bits at any pace: no panic, and the decoder is empty after a silence.
#![no_main]

use board::reader::Wiegand;
use libfuzzer_sys::fuzz_target;
use model::Millis;

fuzz_target!(|steps: Vec<(bool, u8)>| {
    let (mut decoder, mut at) = (Wiegand::new(), Millis(0));
    for (bit, gap) in steps {
        at = at.plus(u64::from(gap));
        decoder.push(bit, at);
    }
    let pending = decoder.deadline();
    assert_eq!(decoder.tick(at.plus(1_000)).is_some(), pending.is_some());
    assert_eq!(decoder.deadline(), None);
});
