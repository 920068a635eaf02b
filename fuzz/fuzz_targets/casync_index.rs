//! An index of casync's that parses is one that we can write again, and a hostile chunk has its name or is none.
#![no_main]

use chunk::casync::{Index, chunk_name, unpack};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(index) = Index::parse(data) {
        assert_eq!(Index::parse(&index.to_bytes()), Ok(index));
    }
    let name = chunk_name(b"wanted");
    if let Ok(plain) = unpack(name, 6, data) {
        assert_eq!(plain, b"wanted");
    }
});
