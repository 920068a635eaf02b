//! Any keys at any pace: no panic, and a number typed after a silence is always read.
#![no_main]

use board::reader::{Reading, Wedge};
use board::spec::Digits;
use libfuzzer_sys::fuzz_target;
use model::{CardNumber, Millis};

fuzz_target!(|input: (bool, Vec<(u16, i32, u8)>)| {
    let (hex, steps) = input;
    let mut wedge = Wedge::new(if hex { Digits::Hex } else { Digits::Decimal });
    let mut at = Millis(0);
    for (code, value, gap) in steps {
        at = at.plus(u64::from(gap));
        wedge.push(code, value, at);
    }
    at = at.plus(1_000);
    // The keys 7 and Enter.
    assert_eq!(wedge.push(8, 1, at), None);
    assert_eq!(wedge.push(28, 1, at), Some(Reading::Card(CardNumber::new(7))));
});
