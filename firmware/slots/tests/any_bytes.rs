//! Any bytes as a boot loader's file: an error or a state, never a panic. The fuzz targets ask the same for longer.

use proptest::prelude::*;
use slots::{ENV_HEADER_BYTES, Env, GRUBENV_BYTES, GrubVars, Pair, Partitions, chosen, parse_autoboot};

/// Bytes of which such files are made, and a few that they are not.
fn likely_bytes(length: usize) -> impl Strategy<Value = Vec<u8>> {
    let alphabet = b"ABORDELFT_KYG=\0\n\\#[]12390 \xff".to_vec();
    proptest::collection::vec(proptest::sample::select(alphabet), 0..length)
}

proptest! {
    #[test]
    fn an_environment_says_again_what_it_said(mut copy in likely_bytes(80)) {
        let _ = Pair::parse(&copy, &copy);
        if copy.len() >= ENV_HEADER_BYTES {
            let sum = crc32fast::hash(&copy[ENV_HEADER_BYTES..]);
            copy[..4].copy_from_slice(&sum.to_le_bytes());
            let (flag, env) = Env::parse(&copy).unwrap();
            let again = env.to_bytes(flag, copy.len() + 2).unwrap();
            prop_assert_eq!(Env::parse(&again), Ok((flag, env)));
        }
    }

    #[test]
    fn grubenv_says_again_what_it_said(bytes in likely_bytes(200)) {
        let mut block = b"# GRUB Environment Block\n".to_vec();
        block.extend_from_slice(&bytes);
        block.resize(GRUBENV_BYTES, b'#');
        let vars = GrubVars::parse(&block).unwrap();
        // A last line without an end has all of the padding in it, and no room for its end.
        if let Ok(again) = vars.to_bytes() {
            prop_assert_eq!(GrubVars::parse(&again), Ok(vars));
        }
        prop_assert!(GrubVars::parse(&bytes).is_err());
    }

    #[test]
    fn autoboot_txt_of_anybody_is_no_panic(mut bytes in likely_bytes(600)) {
        let partitions = Partitions::new(2, 3).unwrap();
        chosen(&bytes, true);
        prop_assert!(parse_autoboot(&bytes, partitions).is_err());
        bytes.resize(512, b'\n');
        prop_assert!(parse_autoboot(&bytes, partitions).is_err());
    }
}
