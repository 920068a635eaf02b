//! Any bytes as grubenv: an error, or variables that say again what they said.
#![no_main]

use libfuzzer_sys::fuzz_target;
use slots::{GRUBENV_BYTES, GrubVars};

fuzz_target!(|bytes: &[u8]| {
    let mut block = b"# GRUB Environment Block\n".to_vec();
    block.extend_from_slice(bytes);
    block.resize(GRUBENV_BYTES, b'#');
    for bytes in [bytes, &block] {
        let Ok(mut vars) = GrubVars::parse(bytes) else { continue };
        if let Ok(again) = vars.to_bytes() {
            assert_eq!(GrubVars::parse(&again), Ok(vars.clone()));
        }
        if let Ok(slots) = vars.slots() {
            vars.set_slots(&slots).expect("because the names are ours");
            assert_eq!(vars.slots(), Ok(slots));
        }
    }
});
