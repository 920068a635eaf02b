//! A manifest that parses is the one that would be written, and agrees with itself.
#![no_main]

use chunk::Manifest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(manifest) = Manifest::parse(data) {
        assert_eq!(manifest.to_text().as_bytes(), data);
        assert_eq!(manifest.chunks.iter().map(|(_, length)| u64::from(*length)).sum::<u64>(), manifest.size);
    }
});
