//! Any bytes as a disk with a partition table: an error, or a table that does not change when it is grown again.
#![no_main]

use card::{Disk, SECTOR_BYTES, grow};
use libfuzzer_sys::fuzz_target;
use std::io;

/// Some sectors more than a table takes twice.
const SECTORS: usize = 80;
const HEADER_BYTES: usize = 92;

struct Memory(Vec<u8>);

impl Disk for Memory {
    fn sectors(&self) -> io::Result<u64> {
        Ok((self.0.len() / SECTOR_BYTES) as u64)
    }

    fn read(&self, sector: u64, into: &mut [u8]) -> io::Result<()> {
        let at = sector as usize * SECTOR_BYTES;
        into.copy_from_slice(self.0.get(at..at + into.len()).ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write(&mut self, sector: u64, bytes: &[u8]) -> io::Result<()> {
        let at = sector as usize * SECTOR_BYTES;
        let place = self.0.get_mut(at..at + bytes.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        place.copy_from_slice(bytes);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// No fuzzer guesses a checksum: the header's own, and that of the entries behind it.
fn sum(disk: &mut [u8]) {
    let (header, entries) = disk[SECTOR_BYTES..].split_at_mut(SECTOR_BYTES);
    header[..12].copy_from_slice(b"EFI PART\x00\x00\x01\x00");
    header[12..16].copy_from_slice(&92u32.to_le_bytes());
    header[24..32].copy_from_slice(&1u64.to_le_bytes());
    header[72..80].copy_from_slice(&2u64.to_le_bytes());
    header[80..84].copy_from_slice(&128u32.to_le_bytes());
    header[84..88].copy_from_slice(&128u32.to_le_bytes());
    header[88..92].copy_from_slice(&crc32fast::hash(&entries[..32 * SECTOR_BYTES]).to_le_bytes());
    header[16..20].fill(0);
    let sum = crc32fast::hash(&header[..HEADER_BYTES]);
    header[16..20].copy_from_slice(&sum.to_le_bytes());
}

fuzz_target!(|bytes: &[u8]| {
    let mut disk = Memory(bytes.to_vec());
    let _ = grow(&mut disk);
    let mut disk = bytes.to_vec();
    disk.resize(SECTORS * SECTOR_BYTES, 0);
    sum(&mut disk);
    let mut disk = Memory(disk);
    if let Ok(grown) = grow(&mut disk) {
        let again = grow(&mut disk).expect("because it was grown just now");
        assert_eq!((again.number, again.sectors, again.changed), (grown.number, grown.sectors, false));
    }
});
