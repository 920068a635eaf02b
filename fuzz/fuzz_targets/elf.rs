//! Any bytes as a program: nothing, or a machine that is one of ours. What is no ELF file is never one.
#![no_main]

use container::image::Platform;
use libfuzzer_sys::fuzz_target;

// The images keep this to themselves, so the file is taken as it is.
#[path = "../../firmware/container/src/image/elf.rs"]
mod elf;

fuzz_target!(|bytes: &[u8]| {
    if let Some(elf) = elf::inspect(bytes) {
        assert!(bytes.starts_with(b"\x7fELF"));
        assert_eq!(elf.platform.os, "linux");
        assert!(["amd64", "arm64", "arm"].contains(&elf.platform.architecture.as_str()));
    }
});
