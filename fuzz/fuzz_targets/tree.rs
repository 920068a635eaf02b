//! Any bytes as a folder: an error, or a folder that is written as it was read.
#![no_main]

use ledger::Folder;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(folder) = Folder::parse(bytes) {
        assert_eq!(folder.encode(), bytes);
        for (name, entry) in folder.iter() {
            assert_eq!(folder.get(name.as_str()), Some(entry));
        }
    }
});
