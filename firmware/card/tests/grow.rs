//! The table grown: sgdisk is the judge of it, and the power goes between any two sectors.
#![allow(clippy::unwrap_used, reason = "clippy's allowance for tests does not reach their helpers")]

use card::{Disk, GrowError, SECTOR_BYTES, grow};
use std::{
    fs, io,
    process::{Command, Output},
};
use tempfile::TempDir;

const SGDISK: &str = "/usr/sbin/sgdisk";
const MIB: usize = 1 << 20;

/// A disk in memory whose power goes after so many sectors.
#[derive(Clone)]
struct Memory {
    bytes: Vec<u8>,
    sectors_left: usize,
}

impl Disk for Memory {
    fn sectors(&self) -> io::Result<u64> {
        Ok((self.bytes.len() / SECTOR_BYTES) as u64)
    }

    fn read(&self, sector: u64, into: &mut [u8]) -> io::Result<()> {
        let at = sector as usize * SECTOR_BYTES;
        into.copy_from_slice(self.bytes.get(at..at + into.len()).ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write(&mut self, sector: u64, bytes: &[u8]) -> io::Result<()> {
        for (number, piece) in bytes.chunks(SECTOR_BYTES).enumerate() {
            let left = self.sectors_left.checked_sub(1);
            self.sectors_left = left.ok_or_else(|| io::Error::other("the power went"))?;
            let at = (sector as usize + number) * SECTOR_BYTES;
            self.bytes[at..at + piece.len()].copy_from_slice(piece);
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn sgdisk(args: &[&str]) -> Output {
    let output = Command::new(SGDISK).args(args).output();
    output.unwrap_or_else(|e| panic!("{SGDISK} (Debian package gdisk): {e}"))
}

/// A card of 20 MiB with two partitions, put onto one of 36 MiB.
fn card() -> Memory {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("card");
    fs::File::create(&path).unwrap().set_len(20 * MIB as u64).unwrap();
    let made = sgdisk(&["-n1:4M:+4M", "-c1:boot", "-n2:8M:+8M", "-c2:data", path.to_str().unwrap()]);
    assert!(made.status.success(), "{made:?}");
    let mut bytes = fs::read(&path).unwrap();
    bytes.resize(36 * MIB, 0);
    Memory { bytes, sectors_left: usize::MAX }
}

/// What sgdisk says of a disk.
fn judged(disk: &Memory) -> String {
    let folder: TempDir = tempfile::tempdir().unwrap();
    let path = folder.path().join("card");
    fs::write(&path, &disk.bytes).unwrap();
    let path = path.to_str().unwrap();
    let text = |output: Output| String::from_utf8_lossy(&output.stdout).into_owned();
    text(sgdisk(&["-v", path])) + &text(sgdisk(&["-i2", path]))
}

#[test]
fn the_last_partition_takes_the_whole_card_and_sgdisk_finds_no_fault() {
    let mut disk = card();
    let grown = grow(&mut disk).unwrap();
    assert_eq!((grown.number, grown.sectors, grown.changed), (2, (24 * MIB / SECTOR_BYTES) as u64, true));
    let said = judged(&disk);
    assert!(said.contains("No problems found"), "{said}");
    assert!(said.contains("Partition name: 'data'"), "{said}");
}

#[test]
fn growing_again_writes_nothing() {
    let mut disk = card();
    let grown = grow(&mut disk).unwrap();
    let before = disk.bytes.clone();
    let again = grow(&mut disk).unwrap();
    assert_eq!((again.sectors, again.changed), (grown.sectors, false));
    assert!(disk.bytes == before);
}

#[test]
fn the_power_may_go_after_any_sector() {
    let card = card();
    let mut whole = card.clone();
    grow(&mut whole).unwrap();
    for sectors in 0..66 {
        let mut disk = Memory { sectors_left: sectors, ..card.clone() };
        assert!(matches!(grow(&mut disk), Err(GrowError::Disk("write", _))), "{sectors} of 66 sectors");
        // The next start finds a table, and ends what was begun.
        disk.sectors_left = usize::MAX;
        grow(&mut disk).unwrap();
        assert!(disk.bytes == whole.bytes, "cut after {sectors} sectors");
    }
}

#[test]
fn a_disk_without_a_table_is_left_alone() {
    for size in [0, SECTOR_BYTES, MIB] {
        let mut disk = Memory { bytes: vec![0; size], sectors_left: 0 };
        assert!(grow(&mut disk).is_err(), "{size} bytes");
    }
    let mut damaged = card();
    damaged.bytes[SECTOR_BYTES + 20] ^= 1;
    damaged.sectors_left = 0;
    assert!(matches!(grow(&mut damaged), Err(GrowError::NoTable)), "its backup is not at the card's end");
}
