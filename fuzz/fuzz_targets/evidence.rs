//! Any bytes as evidence of a double vote: an error, or what is written again as it came.
#![no_main]

use ledger::finality::Evidence;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(evidence) = Evidence::parse(bytes) {
        assert_eq!(evidence.to_bytes(), bytes);
        // Whoever can make this pass by chance has forged two signatures.
        let _ = evidence.check();
    }
});
