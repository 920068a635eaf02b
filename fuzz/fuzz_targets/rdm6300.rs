//! Any bytes at any pace: no panic, and a broken wire cannot flood a log.
#![no_main]

use board::reader::{Decoder, Rdm6300, Reading};
use libfuzzer_sys::fuzz_target;
use model::Millis;

/// A silence of this length begins a new burst.
const SILENCE_MS: u8 = 200;

fuzz_target!(|steps: Vec<(u8, u8)>| {
    for mut decoder in [Rdm6300::new(), Rdm6300::plain()] {
        let (mut at, mut complaints) = (Millis(0), 0);
        for (byte, gap) in &steps {
            at = at.plus(u64::from(*gap));
            if *gap >= SILENCE_MS {
                complaints = 0;
            }
            match decoder.push(*byte, at) {
                Some(Reading::Bad(_)) => complaints += 1,
                Some(Reading::Card(_)) => complaints = 0,
                None => {}
            }
            assert!(complaints <= 1, "two complaints in one burst");
        }
    }
});
