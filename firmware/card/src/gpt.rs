//! The last partition of a GPT grown to the end of the disk (UEFI specification 2.10, section 5.3).
//!
//! The disk has two copies of the table, at its beginning and at its end. The new one is first written whole to the new
//! end and synced, then over the beginning: whenever the power goes, the copy at the beginning is whole, or the one at the
//! end is. Whoever reads the table must therefore look at both (U-Boot does; Linux with `gpt` on its command line).
//! Growing again is safe, and mends a first copy that was cut. The protective MBR is left as it is.

use std::io;

/// The size of a sector. Cards have no other.
pub const SECTOR_BYTES: usize = 512;
const FIRST: u64 = 1;
const SIGNATURE: &[u8] = b"EFI PART";
/// The table has at most so many sectors: 128 entries of 128 bytes, as every tool makes it.
const TABLE_SECTORS: u64 = 32;
/// Partitions end at such a boundary, as those of the image begin.
const ALIGNMENT: u64 = (4 << 20) / SECTOR_BYTES as u64;

// The header's fields; each begins where the one before it ends.
const HEADER_LENGTH: usize = 12;
const HEADER_SUM: usize = HEADER_LENGTH + 4;
const MY_SECTOR: usize = HEADER_SUM + 4 + 4;
const OTHER_SECTOR: usize = MY_SECTOR + 8;
const LAST_USABLE: usize = OTHER_SECTOR + 8 + 8;
const TABLE_AT: usize = LAST_USABLE + 8 + 16;
const ENTRIES: usize = TABLE_AT + 8;
const ENTRY_LENGTH: usize = ENTRIES + 4;
const TABLE_SUM: usize = ENTRY_LENGTH + 4;
const HEADER_END: usize = TABLE_SUM + 4;
// An entry's.
const ENTRY_FIRST: usize = 32;
const ENTRY_LAST: usize = ENTRY_FIRST + 8;
const ENTRY_END: usize = ENTRY_LAST + 8;

/// A disk, by sectors.
pub trait Disk {
    /// How many sectors it has.
    fn sectors(&self) -> io::Result<u64>;
    /// Fills `into` from this sector on.
    fn read(&self, sector: u64, into: &mut [u8]) -> io::Result<()>;
    /// Writes from this sector on.
    fn write(&mut self, sector: u64, bytes: &[u8]) -> io::Result<()>;
    /// What was written is on the disk when this returns.
    fn sync(&mut self) -> io::Result<()>;
}

/// The last partition, as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grown {
    /// Its number, from 1.
    pub number: usize,
    /// Its length in sectors.
    pub sectors: u64,
    /// Whether anything was written.
    pub changed: bool,
}

/// The partition could not grow. The table is as whole as before.
#[derive(Debug, thiserror::Error)]
pub enum GrowError {
    /// The disk.
    #[error("cannot {0} the disk")]
    Disk(&'static str, #[source] io::Error),
    /// Neither copy is a table, or it is none that we would have written.
    #[error("the disk has no whole GPT of 128 entries")]
    NoTable,
    /// The table is empty.
    #[error("the disk has no partition")]
    NoPartition,
}

/// A copy of the table: its header and its entries.
#[derive(Clone, PartialEq, Eq)]
struct Table {
    header: Vec<u8>,
    entries: Vec<u8>,
}

/// Grows the last partition to the end of the disk. Says how long it is, also when it had that length before.
pub fn grow(disk: &mut impl Disk) -> Result<Grown, GrowError> {
    let sectors = disk.sectors().map_err(|error| GrowError::Disk("measure", error))?;
    // The protective MBR, two headers, two tables.
    if sectors < 3 + 2 * TABLE_SECTORS {
        return Err(GrowError::NoTable);
    }
    let end = sectors - 1;
    let first = read(disk, FIRST, end)?;
    let before = match &first {
        Some(table) => table.clone(),
        None => read(disk, end, end)?.ok_or(GrowError::NoTable)?,
    };
    let (number, mut table) = (last_partition(&before)?, before);
    let length = stretch(&mut table, number, end);
    let (at_start, at_end) = (placed(&table, FIRST, end), placed(&table, end, end));
    let changed = first.as_ref() != Some(&at_start);
    if changed {
        write(disk, end - TABLE_SECTORS, &[&at_end.entries[..], &at_end.header[..]].concat())?;
        write(disk, FIRST, &[&at_start.header[..], &at_start.entries[..]].concat())?;
    }
    Ok(Grown { number: number + 1, sectors: length, changed })
}

fn write(disk: &mut impl Disk, sector: u64, bytes: &[u8]) -> Result<(), GrowError> {
    disk.write(sector, bytes).map_err(|error| GrowError::Disk("write", error))?;
    disk.sync().map_err(|error| GrowError::Disk("sync", error))
}

/// The copy whose header is in this sector, if it is whole.
fn read(disk: &impl Disk, sector: u64, end: u64) -> Result<Option<Table>, GrowError> {
    let sectors = |sector, count: u64| {
        let mut bytes = vec![0; count as usize * SECTOR_BYTES];
        disk.read(sector, &mut bytes).map_err(|error| GrowError::Disk("read", error)).map(|()| bytes)
    };
    let header = sectors(sector, 1)?;
    let at = number(&header, TABLE_AT);
    if !is_header(&header, sector) || at > end - TABLE_SECTORS {
        return Ok(None);
    }
    let entries = sectors(at, TABLE_SECTORS)?;
    let whole = sum_at(&header, TABLE_SUM) == crc32fast::hash(&entries);
    Ok(whole.then_some(Table { header, entries }))
}

fn is_header(header: &[u8], sector: u64) -> bool {
    let mut unsummed = header.get(..HEADER_END).unwrap_or_default().to_vec();
    if !unsummed.starts_with(SIGNATURE) || sum_at(header, HEADER_LENGTH) as usize != HEADER_END {
        return false;
    }
    unsummed[HEADER_SUM..HEADER_SUM + 4].fill(0);
    let usual = u64::from(sum_at(header, ENTRIES)) * u64::from(sum_at(header, ENTRY_LENGTH))
        == TABLE_SECTORS * SECTOR_BYTES as u64;
    usual
        && sum_at(header, ENTRY_LENGTH) == 128
        && crc32fast::hash(&unsummed) == sum_at(header, HEADER_SUM)
        && number(header, MY_SECTOR) == sector
}

/// The index of the partition that ends last.
fn last_partition(table: &Table) -> Result<usize, GrowError> {
    let entries = table.entries.chunks(128).enumerate();
    let used = entries.filter(|(_, entry)| entry[..16] != [0; 16]);
    let last = used.max_by_key(|(_, entry)| number(entry, ENTRY_LAST));
    last.map(|(index, _)| index).ok_or(GrowError::NoPartition)
}

/// Moves the end of a partition to the last boundary before the end of the disk; never back. Its length.
fn stretch(table: &mut Table, index: usize, end: u64) -> u64 {
    let entry = &mut table.entries[index * 128..][..ENTRY_END];
    let (first, last) = (number(entry, ENTRY_FIRST), number(entry, ENTRY_LAST));
    let boundary = (end - TABLE_SECTORS) / ALIGNMENT * ALIGNMENT;
    let last = last.max(boundary.saturating_sub(1));
    put(entry, ENTRY_LAST, last);
    (last - first.min(last)).saturating_add(1)
}

/// The table as it is written with its header at a sector.
fn placed(table: &Table, sector: u64, end: u64) -> Table {
    let mut header = table.header.clone();
    let (other, entries) = if sector == FIRST { (end, FIRST + 1) } else { (FIRST, end - TABLE_SECTORS) };
    put(&mut header, MY_SECTOR, sector);
    put(&mut header, OTHER_SECTOR, other);
    put(&mut header, LAST_USABLE, end - TABLE_SECTORS - 1);
    put(&mut header, TABLE_AT, entries);
    header[TABLE_SUM..HEADER_END].copy_from_slice(&crc32fast::hash(&table.entries).to_le_bytes());
    header[HEADER_SUM..HEADER_SUM + 4].fill(0);
    let sum = crc32fast::hash(&header[..HEADER_END]);
    header[HEADER_SUM..HEADER_SUM + 4].copy_from_slice(&sum.to_le_bytes());
    Table { header, entries: table.entries.clone() }
}

fn number(bytes: &[u8], at: usize) -> u64 {
    bytes[at..at + 8].iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn sum_at(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4].iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

fn put(bytes: &mut [u8], at: usize, number: u64) {
    bytes[at..at + 8].copy_from_slice(&number.to_le_bytes());
}
