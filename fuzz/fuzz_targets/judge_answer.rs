//! A judge's answer, as a stranger's program writes it.
#![no_main]

use ledger::{MAX_REASONS, Outcome};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match Outcome::parse(bytes) {
        Ok(Outcome::Fail(reasons)) => {
            assert!((1..=MAX_REASONS).contains(&reasons.len()));
            assert!(reasons.iter().all(|reason| !reason.is_empty() && !reason.contains('\n')));
        }
        Ok(outcome) => assert!(outcome.is_pass(), "a judge cannot say of itself that it is broken"),
        Err(_) => {}
    }
});
