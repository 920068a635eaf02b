//! Any bytes as the file of a note: no panic, and what is taken is what stands before its checksum.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| {
    if let Some(note) = store::unwrap_note(file.to_vec()) {
        assert_eq!(note, file[..file.len() - 4]);
    }
});
