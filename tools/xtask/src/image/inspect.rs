//! A finished card, looked at as the ROM and U-Boot will: what can be known of a board that no machine here plays.
//!
//! The partition table by sgdisk, numbers and places of the partitions, the old table beside it, the files that lie before the
//! partitions, and the files of the first partition and of both slots, read back out of the card. An error says what is amiss.

use super::board::Board;
use crate::shell::{Done, command, output};
use imager::{
    card::{self, FIRST_BYTES},
    firmware::Source,
};
use std::{
    fs::{self, File},
    io::{Read, Seek, SeekFrom},
    os::unix::fs::FileExt,
    path::Path,
};

const SECTOR_BYTES: u64 = 512;
/// The partition table itself: a sector for the old one, a header, 32 sectors of entries.
const TABLE_BYTES: u64 = 34 * SECTOR_BYTES;
/// The old table: four entries of 16 bytes, then a mark.
const OLD_ENTRIES: usize = 446;
const OLD_MARK: [u8; 2] = [0x55, 0xaa];

/// Looks at the card that was laid out in `folder`.
pub fn card(board: &Board, source: &Source, image: &Path, folder: &Path) -> Done {
    table(board, image)?;
    before_the_partitions(board, source, image)?;
    files(image, &folder.join("boot.files"), begin(board, "boot"))?;
    for slot in ["boot-a", "boot-b"] {
        files(image, &folder.join("slot.files"), begin(board, slot))?;
    }
    Ok(())
}

fn begin(board: &Board, partition: &str) -> u64 {
    card::begin(&board.card, partition)
}

/// The numbers and places of the partitions are those that the boot script and the ROM rely on.
fn table(board: &Board, image: &Path) -> Done {
    let sgdisk = |args: &[&str]| output(command("/usr/sbin/sgdisk").args(args).arg(image));
    if !sgdisk(&["-v"])?.contains("No problems found") {
        return Err(format!("{}: the partition table is not in order", image.display()).into());
    }
    for (at, name) in card::NAMES.iter().enumerate() {
        let said = sgdisk(&["-i", &(at + 1).to_string()])?;
        let first = format!("First sector: {} ", begin(board, name) / SECTOR_BYTES);
        if !said.contains(&format!("Partition name: '{name}'")) || !said.contains(&first) {
            return Err(format!("partition {} is not {name}, or elsewhere:\n{said}", at + 1).into());
        }
    }
    let mut sector = [0; SECTOR_BYTES as usize];
    File::open(image)?.read_exact_at(&mut sector, 0)?;
    if board.card.hybrid && !is_hybrid(&sector) {
        return Err("the old partition table does not begin with the first partition".into());
    }
    Ok(())
}

/// The first partition as FAT32, active; then what keeps hands off the GPT.
fn is_hybrid(sector: &[u8]) -> bool {
    let Some((entries, mark)) = sector.get(OLD_ENTRIES..).and_then(|rest| rest.split_at_checked(64)) else {
        return false;
    };
    let first = (FIRST_BYTES / SECTOR_BYTES) as u32;
    entries[0] == 0x80
        && entries[4] == 0x0c
        && entries[8..12] == first.to_le_bytes()
        && entries[16 + 4] == 0xee
        && mark == OLD_MARK
}

/// They are there, and none lies over the table, another one, or the first partition.
fn before_the_partitions(board: &Board, source: &Source, image: &Path) -> Done {
    let mut card = File::open(image)?;
    let mut free = TABLE_BYTES;
    for raw in &board.firmware.raw {
        let wanted = source.raw(&raw.file)?;
        let begin = raw.kib << 10;
        let end = begin + wanted.len() as u64;
        if begin < free || end > FIRST_BYTES {
            return Err(format!("{} does not fit at {} KiB", raw.file, raw.kib).into());
        }
        free = end;
        let mut there = vec![0; wanted.len()];
        card.seek(SeekFrom::Start(begin))?;
        card.read_exact(&mut there)?;
        if there != wanted {
            return Err(format!("{} is not what lies at {} KiB", raw.file, raw.kib).into());
        }
    }
    Ok(())
}

/// The files of a folder are those of the FAT at this place, byte for byte; trees and scripts begin as such.
fn files(image: &Path, folder: &Path, at: u64) -> Done {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let wanted = fs::read(entry.path())?;
        let mut copy = command("mcopy");
        copy.arg("-i").arg(format!("{}@@{at}", image.display())).args([&format!("::{name}"), "-"]);
        let there = copy.output().map_err(|e| format!("mcopy: {e}"))?;
        if !there.status.success() || there.stdout != wanted || !begins_as(&name, &wanted) {
            return Err(format!("{name} on the card at byte {at} is not what it should be").into());
        }
    }
    Ok(())
}

/// The first bytes of a kind of file, by its name.
fn begins_as(name: &str, bytes: &[u8]) -> bool {
    let magic: &[u8] = match name.rsplit('.').next() {
        Some("dtb") => &[0xd0, 0x0d, 0xfe, 0xed],
        Some("scr") => &[0x27, 0x05, 0x19, 0x56],
        _ => &[],
    };
    bytes.starts_with(magic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_table_is_hybrid_if_it_begins_with_the_first_partition() {
        let mut sector = vec![0; 512];
        sector[446] = 0x80;
        sector[450] = 0x0c;
        sector[454..458].copy_from_slice(&8192_u32.to_le_bytes());
        sector[466] = 0xee;
        sector[510..].copy_from_slice(&OLD_MARK);
        assert!(is_hybrid(&sector));
        for at in [446, 450, 455, 466, 511] {
            let mut other = sector.clone();
            other[at] ^= 1;
            assert!(!is_hybrid(&other), "byte {at}");
        }
        assert!(!is_hybrid(&[0; 100]));
    }

    #[test]
    fn a_tree_is_known_by_its_first_bytes() {
        assert!(begins_as("x.dtb", &[0xd0, 0x0d, 0xfe, 0xed, 0]) && begins_as("zImage", b"any"));
        assert!(!begins_as("x.dtb", b"d00dfeed") && !begins_as("boot.scr", b"echo"));
    }
}
