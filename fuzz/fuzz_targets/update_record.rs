//! Any bytes as the two places of the update record: an error, or a record that says again what it said.
#![no_main]

use libfuzzer_sys::fuzz_target;
use update::{RECORD_BYTES, Record, latest};

/// The checksum that no fuzzer guesses.
fn sealed(number: u64, text: &[u8]) -> Vec<u8> {
    let sum = crc32c::crc32c_append(crc32c::crc32c(format!("{number}\n").as_bytes()), text);
    let mut bytes = format!("ledger-update 1 {number} {} {sum:08x}\n", text.len()).into_bytes();
    bytes.extend_from_slice(text);
    bytes
}

fuzz_target!(|bytes: &[u8]| {
    let (first, second) = bytes.split_at(bytes.len() / 2);
    let _ = latest(first, second);
    for (number, place) in [(0, bytes.to_vec()), (7, sealed(7, bytes))] {
        let Ok((found, record)) = Record::parse(&place) else { continue };
        assert!(number == 0 || found == number);
        let again = record.to_bytes(found).expect("because it was read");
        assert_eq!(again.len(), RECORD_BYTES);
        assert_eq!(Record::parse(&again).expect("because we wrote it"), (found, record.clone()));
        assert_eq!(latest(&again, &[]).record, record);
    }
});
