//! Any bytes as the two copies of an environment: an error, or variables that say again what they said.
#![no_main]

use libfuzzer_sys::fuzz_target;
use slots::{ENV_HEADER_BYTES, Env, Pair};

fuzz_target!(|bytes: &[u8]| {
    let (first, second) = bytes.split_at(bytes.len() / 2);
    let _ = Pair::parse(first, second);
    // No fuzzer guesses a checksum: the same bytes with theirs.
    let mut copy = bytes.to_vec();
    if copy.len() < ENV_HEADER_BYTES {
        return;
    }
    let sum = crc32fast::hash(&copy[ENV_HEADER_BYTES..]);
    copy[..4].copy_from_slice(&sum.to_le_bytes());
    let (flag, env) = Env::parse(&copy).expect("because the checksum is right");
    assert_eq!(flag, copy[4]);
    let again = env.to_bytes(flag, copy.len() + 2).expect("because it came from as many bytes");
    assert_eq!(Env::parse(&again), Ok((flag, env)));
});
