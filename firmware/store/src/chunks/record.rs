//! One chunk in a pack: a header of 56 bytes, then the data (`docs/formats/chunk-pack.md`).
//!
//! The header's own checksum tells a header from other bytes, the data's tells a torn write at once, and the
//! chunk's name (BLAKE3) has the last word when it is read. Lengths are bounded before anything is allocated.

use std::io;

use chunk::{MAX_CHUNK_BYTES, chunk_id};
use model::ChunkId;
use zstd::bulk::{Compressor, Decompressor};

use crate::disk::DiskFile;

/// The first bytes of each record.
pub(super) const MARKER: [u8; 4] = *b"chnk";

// Offsets of the header's fields, each from the one before.
const ID: usize = MARKER.len();
const PLAIN: usize = ID + 32;
const STORED: usize = PLAIN + 4;
const ENCODING: usize = STORED + 4;
const DATA_SUM: usize = ENCODING + 4;
const HEADER_SUM: usize = DATA_SUM + 4;

/// The header's length in bytes.
pub(super) const HEADER_BYTES: usize = HEADER_SUM + 4;

const RAW: [u8; 4] = [0, 0, 0, 0];
const ZSTD: [u8; 4] = [1, 0, 0, 0];
const ZSTD_LEVEL: i32 = 3;

/// What stands before a chunk's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The chunk's name.
    pub id: ChunkId,
    /// Length of the chunk in bytes.
    pub plain: u32,
    /// Length of the data in the pack in bytes.
    pub stored: u32,
    compressed: bool,
    data_sum: u32,
}

impl Header {
    pub(super) fn parse(bytes: &[u8; HEADER_BYTES]) -> Option<Self> {
        let number = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        if bytes[..ID] != MARKER || number(HEADER_SUM) != crc32c::crc32c(&bytes[..HEADER_SUM]) {
            return None;
        }
        let compressed = bytes[ENCODING..DATA_SUM] == ZSTD;
        let (plain, stored) = (number(PLAIN), number(STORED));
        let lengths_fit = if compressed { stored < plain } else { stored == plain };
        if (!compressed && bytes[ENCODING..DATA_SUM] != RAW) || !lengths_fit || plain > MAX_CHUNK_BYTES {
            return None;
        }
        let id = ChunkId::new(bytes[ID..PLAIN].try_into().ok()?);
        Some(Self { id, plain, stored, compressed, data_sum: number(DATA_SUM) })
    }

    fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..ID].copy_from_slice(&MARKER);
        bytes[ID..PLAIN].copy_from_slice(self.id.as_bytes());
        bytes[PLAIN..STORED].copy_from_slice(&self.plain.to_le_bytes());
        bytes[STORED..ENCODING].copy_from_slice(&self.stored.to_le_bytes());
        bytes[ENCODING..DATA_SUM].copy_from_slice(if self.compressed { &ZSTD } else { &RAW });
        bytes[DATA_SUM..HEADER_SUM].copy_from_slice(&self.data_sum.to_le_bytes());
        let sum = crc32c::crc32c(&bytes[..HEADER_SUM]);
        bytes[HEADER_SUM..].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// Reads the header at `offset` of a pack of `length` bytes; `None` if no whole record begins there.
    pub(super) fn read(file: &dyn DiskFile, offset: u64, length: u64) -> io::Result<Option<Self>> {
        let Some(room) = length.checked_sub(offset + HEADER_BYTES as u64) else { return Ok(None) };
        let mut bytes = [0; HEADER_BYTES];
        file.read_exact_at(&mut bytes, offset)?;
        Ok(Self::parse(&bytes).filter(|header| u64::from(header.stored) <= room))
    }

    /// Reads the data that belongs to this header at `offset`.
    pub(super) fn read_data(&self, file: &dyn DiskFile, offset: u64) -> io::Result<Vec<u8>> {
        let mut data = vec![0; self.stored as usize];
        file.read_exact_at(&mut data, offset + HEADER_BYTES as u64)?;
        Ok(data)
    }

    /// Header and data in bytes.
    pub(super) fn record_bytes(&self) -> u64 {
        HEADER_BYTES as u64 + u64::from(self.stored)
    }

    /// Whether these are the bytes that were written.
    pub(super) fn fits(&self, data: &[u8]) -> bool {
        crc32c::crc32c(data) == self.data_sum
    }

    /// The plain chunk, if the data has the name that the header gives it.
    pub(super) fn unpack(&self, data: Vec<u8>) -> Option<Vec<u8>> {
        let plain = if self.compressed {
            Decompressor::new().and_then(|mut zstd| zstd.decompress(&data, self.plain as usize)).ok()?
        } else {
            data
        };
        (chunk_id(&plain) == self.id).then_some(plain)
    }

    /// A record as it stands in a pack.
    pub(super) fn with_data(self, data: &[u8]) -> Record {
        Record { header: self, bytes: [&self.to_bytes(), data].concat() }
    }
}

/// A chunk, ready to be appended to a pack.
pub(super) struct Record {
    pub header: Header,
    pub bytes: Vec<u8>,
}

/// Makes records; reused, because setting zstd up costs as much as a small chunk.
pub(super) struct Packer(Compressor<'static>);

impl Packer {
    pub fn new() -> io::Result<Self> {
        Compressor::new(ZSTD_LEVEL).map(Self)
    }

    /// Compresses where that saves at least a sixteenth.
    pub fn pack(&mut self, id: ChunkId, plain: &[u8]) -> Record {
        let worth = plain.len() - plain.len().div_ceil(16);
        let mut bytes = vec![0; HEADER_BYTES + plain.len()];
        // A compressed chunk that does not fit into `worth` bytes is an error of zstd's, and the reason to keep it raw.
        let packed = self.0.compress_to_buffer(plain, &mut bytes[HEADER_BYTES..HEADER_BYTES + worth]).ok();
        let stored = packed.unwrap_or(plain.len());
        if packed.is_none() {
            bytes[HEADER_BYTES..].copy_from_slice(plain);
        }
        bytes.truncate(HEADER_BYTES + stored);
        let header = Header {
            id,
            plain: plain.len() as u32,
            stored: stored as u32,
            compressed: packed.is_some(),
            data_sum: crc32c::crc32c(&bytes[HEADER_BYTES..]),
        };
        bytes[..HEADER_BYTES].copy_from_slice(&header.to_bytes());
        Record { header, bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(plain: &[u8]) -> Record {
        Packer::new().unwrap().pack(chunk_id(plain), plain)
    }

    fn header_of(bytes: &[u8]) -> Option<Header> {
        Header::parse(bytes[..HEADER_BYTES].try_into().unwrap())
    }

    #[test]
    fn a_record_goes_there_and_back() {
        let noise: Vec<u8> = (0..200u32).flat_map(|i| *blake3_of(i)).collect();
        for plain in [b"".to_vec(), b"x".to_vec(), vec![7; 100_000], noise] {
            let record = record(&plain);
            let header = header_of(&record.bytes).unwrap();
            assert_eq!(header, record.header);
            assert!(header.fits(&record.bytes[HEADER_BYTES..]));
            assert_eq!(header.unpack(record.bytes[HEADER_BYTES..].to_vec()), Some(plain));
        }
    }

    fn blake3_of(number: u32) -> Box<[u8; 32]> {
        Box::new(*chunk_id(&number.to_le_bytes()).as_bytes())
    }

    #[test]
    fn what_compresses_is_compressed_and_what_does_not_is_left_alone() {
        assert!(record(&[7; 100_000]).header.compressed);
        let noise: Vec<u8> = (0..200u32).flat_map(|i| *blake3_of(i)).collect();
        assert!(!record(&noise).header.compressed);
    }

    #[test]
    fn a_header_with_any_bit_turned_is_no_header() {
        let record = record(&[7; 1000]);
        for bit in 0..HEADER_BYTES * 8 {
            let mut bytes = record.bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(header_of(&bytes), None, "bit {bit}");
        }
    }

    #[test]
    fn a_header_that_claims_too_much_is_no_header_though_its_sum_is_right() {
        let good = record(b"some bytes").header;
        for bad in [
            Header { plain: MAX_CHUNK_BYTES + 1, stored: MAX_CHUNK_BYTES + 1, ..good },
            Header { plain: u32::MAX, compressed: true, ..good },
            Header { plain: 5, ..good },
            Header { compressed: true, ..good },
        ] {
            assert_eq!(header_of(&bad.to_bytes()), None, "{bad:?}");
        }
    }

    #[test]
    fn data_of_another_name_is_not_handed_out() {
        let header = Header { id: chunk_id(b"another"), ..record(b"one").header };
        assert_eq!(header.unpack(b"one".to_vec()), None);
    }
}
