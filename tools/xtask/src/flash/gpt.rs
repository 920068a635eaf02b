//! The first partition of an image: just so much of its GPT as says where the settings go.
//!
//! UEFI specification 2.10, 5.3. Checksums are not looked at: the image was made here, and a wrong file fails by its names.

const SECTOR_BYTES: u64 = 512;
const HEADER: usize = 512;
const ENTRIES_AT: usize = HEADER + 72;
const ENTRY_FIRST: usize = 32;
const ENTRY_LAST: usize = ENTRY_FIRST + 8;
const ENTRY_NAME: usize = ENTRY_LAST + 16;
const NAME_CHARS: usize = 36;

/// A partition.
#[derive(Debug, PartialEq)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// Where it begins, in bytes.
    pub begin: u64,
    /// How long it is.
    pub bytes: u64,
}

impl Part {
    /// Where what follows begins.
    pub fn end(&self) -> u64 {
        self.begin.saturating_add(self.bytes)
    }
}

/// The partition with number 1, if this is the beginning of a disk with a GPT.
pub fn first(head: &[u8]) -> Option<Part> {
    if head.get(HEADER..)?.get(..8)? != b"EFI PART" {
        return None;
    }
    let entry = usize::try_from(number(head, ENTRIES_AT)?.checked_mul(SECTOR_BYTES)?).ok()?;
    let entry = head.get(entry..)?;
    let (begin, last) = (number(entry, ENTRY_FIRST)?, number(entry, ENTRY_LAST)?);
    let sectors = last.checked_sub(begin)?.checked_add(1)?;
    let name = entry.get(ENTRY_NAME..)?.get(..2 * NAME_CHARS)?;
    let chars = name.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    let name = String::from_utf16_lossy(&chars.take_while(|unit| *unit != 0).collect::<Vec<_>>());
    Some(Part { name, begin: begin.checked_mul(SECTOR_BYTES)?, bytes: sectors.checked_mul(SECTOR_BYTES)? })
}

fn number(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..)?.get(..8)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_first_partition_is_found_where_sgdisk_put_it() {
        let folder = tempfile::tempdir().unwrap();
        let image = super::super::source::tests::image(folder.path());
        let part = first(&std::fs::read(image).unwrap()).unwrap();
        assert_eq!(part, Part { name: "boot".into(), begin: 1 << 20, bytes: 4 << 20 });
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_partition_or_none(mut head in proptest::collection::vec(any::<u8>(), 0..4096), at in 0u64..20) {
            if head.len() > ENTRIES_AT + 8 {
                head[HEADER..HEADER + 8].copy_from_slice(b"EFI PART");
                head[ENTRIES_AT..ENTRIES_AT + 8].copy_from_slice(&at.to_le_bytes());
            }
            if let Some(part) = first(&head) {
                prop_assert!(part.end() >= part.begin);
            }
        }
    }
}
