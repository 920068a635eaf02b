//! As much of an ELF file as tells for which machine it is, and whether it needs a loader from elsewhere.
//!
//! Layout: System V ABI, chapter 4 (ELF header) and 5 (program header). Only little-endian files, since no
//! board of ours runs others.

use super::Platform;

const MACHINE_X86_64: u16 = 62;
const MACHINE_AARCH64: u16 = 183;
const MACHINE_ARM: u16 = 40;
/// A program header of this type names the loader of a dynamically linked program.
const PT_INTERP: u32 = 3;

/// What an ELF file says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elf {
    /// The machine that it is for.
    pub platform: Platform,
    /// Whether it needs a loader, and so shared libraries, to run.
    pub is_dynamic: bool,
}

/// Reads an ELF header; `None` for anything else, such as a script.
pub fn inspect(bytes: &[u8]) -> Option<Elf> {
    if !bytes.starts_with(b"\x7fELF") || bytes.get(5) != Some(&1) {
        return None;
    }
    let is_64 = bytes.get(4) == Some(&2);
    let machine = number(bytes, 18, 2)? as u16;
    let (architecture, variant) = match machine {
        MACHINE_X86_64 => ("amd64", ""),
        MACHINE_AARCH64 => ("arm64", "v8"),
        MACHINE_ARM => ("arm", "v7"),
        _ => return None,
    };
    // e_phoff, e_phentsize, e_phnum
    let (start, length, count) = if is_64 {
        (number(bytes, 32, 8)?, number(bytes, 54, 2)?, number(bytes, 56, 2)?)
    } else {
        (number(bytes, 28, 4)?, number(bytes, 42, 2)?, number(bytes, 44, 2)?)
    };
    let header = |n: u64| number(bytes, start.checked_add(n * length)?.try_into().ok()?, 4);
    let is_dynamic = (0..count).any(|n| header(n) == Some(u64::from(PT_INTERP)));
    let platform =
        Platform { os: "linux".into(), architecture: architecture.into(), variant: variant.into() };
    Some(Elf { platform, is_dynamic })
}

fn number(bytes: &[u8], at: usize, length: usize) -> Option<u64> {
    let field = bytes.get(at..at.checked_add(length)?)?;
    Some(field.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_test_is_for_this_machine() {
        let bytes = std::fs::read("/proc/self/exe").unwrap();
        let elf = inspect(&bytes).unwrap();
        assert_eq!(elf.platform, Platform::host());
        assert!(elf.is_dynamic, "the test program is linked to the system's libraries");
    }

    #[test]
    fn scripts_and_rubble_are_no_programs() {
        for bytes in [b"#!/bin/sh".as_slice(), b"\x7fELF", b"\x7fELF\x02\x01", &[0; 100]] {
            assert_eq!(inspect(bytes), None);
        }
    }
}
