//! A walk through a pack from its first byte, which trusts nothing: it finds every record that is whole, says
//! where bytes are damaged, and tells damage in the middle from a tail that was being written when the power
//! went.
//!
//! After a damaged header the walk searches for the next record's marker. What it takes for a record has two
//! right checksums; the name is checked by whoever reads the chunk.

use std::{io, ops::Range};

use super::record::{HEADER_BYTES, Header, MARKER};
use crate::disk::DiskFile;

const MAGIC: [u8; 8] = *b"LEDGPACK";
const VERSION: u32 = 1;

/// The length of what stands before a pack's first record: magic, version, checksum.
pub(super) const START_BYTES: usize = MAGIC.len() + 4 + 4;

/// How many bytes are read at a time in search of a marker.
const WINDOW_BYTES: usize = 64 << 10;

/// What a pack looks like as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// Stretches before `end` that hold no whole record.
    pub damage: Vec<Range<u64>>,
    /// Where the last whole record ends; what follows was torn off.
    pub end: u64,
}

/// The first bytes of a pack.
pub(super) fn start_bytes() -> [u8; START_BYTES] {
    let mut bytes = [0; START_BYTES];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    let sum = crc32c::crc32c(&bytes[..12]);
    bytes[12..].copy_from_slice(&sum.to_le_bytes());
    bytes
}

/// The version that a pack says it has, if its first bytes are whole.
pub(super) fn version(file: &dyn DiskFile, length: u64) -> io::Result<Option<u32>> {
    let mut bytes = [0; START_BYTES];
    if length < START_BYTES as u64 {
        return Ok(None);
    }
    file.read_exact_at(&mut bytes, 0)?;
    let number = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let whole = bytes[..8] == MAGIC && number(12) == crc32c::crc32c(&bytes[..12]);
    Ok(whole.then(|| number(8)))
}

/// Whether this program reads packs of that version.
pub(super) fn is_known(version: u32) -> bool {
    version == VERSION
}

/// Walks through the first `length` bytes and shows each whole record with its offset and data.
pub fn scan(
    file: &dyn DiskFile,
    length: u64,
    visit: &mut dyn FnMut(u64, &Header, Vec<u8>),
) -> io::Result<Shape> {
    let mut shape = Shape { damage: Vec::new(), end: 0 };
    if version(file, length)?.is_some() {
        shape.end = START_BYTES as u64;
    }
    let mut at = START_BYTES as u64;
    while at < length {
        at = match Header::read(file, at, length)? {
            Some(header) => {
                let data = header.read_data(file, at)?;
                let next = at + header.record_bytes();
                if header.fits(&data) {
                    shape.extend(at..next);
                    visit(at, &header, data);
                }
                next
            }
            None => search(file, at + 1, length)?,
        };
    }
    Ok(shape)
}

impl Shape {
    /// Adds a whole record; what lies between it and the one before is damage.
    fn extend(&mut self, record: Range<u64>) {
        if record.start > self.end {
            self.damage.push(self.end..record.start);
        }
        self.end = record.end;
    }
}

/// The next place from `at` on where a header stands, or `length`.
fn search(file: &dyn DiskFile, mut at: u64, length: u64) -> io::Result<u64> {
    let mut window = vec![0; WINDOW_BYTES];
    while at + HEADER_BYTES as u64 <= length {
        let filled = (length - at).min(WINDOW_BYTES as u64) as usize;
        file.read_exact_at(&mut window[..filled], at)?;
        for (index, bytes) in window[..filled].windows(HEADER_BYTES).enumerate() {
            if bytes.starts_with(&MARKER) && bytes.try_into().ok().and_then(Header::parse).is_some() {
                return Ok(at + index as u64);
            }
        }
        at += (filled - HEADER_BYTES + 1) as u64;
    }
    Ok(length)
}
