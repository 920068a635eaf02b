//! Reads a pack strictly, object by object.

use super::{CHECKSUM_BYTES, HEADER_BYTES, MAGIC, VERSION, cost, kind_of};
use flate2::{Decompress, FlushDecompress, Status};
use ledger::Object;
use sha2::{Digest, Sha256};

/// Bytes that are no pack, or not one that is taken here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PackError {
    /// Shorter than a header and a checksum, or another magic or version.
    #[error("the pack has no header of version 2")]
    Header,
    /// Damaged on its way.
    #[error("the pack's checksum is wrong")]
    Checksum,
    /// More than was asked for.
    #[error("the pack holds more than the {limit} bytes that were asked for")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// A delta, a tag, or no kind at all.
    #[error(
        "object {index} of the pack is of kind {code}: only blocks, folders and files are taken, no deltas"
    )]
    Kind {
        /// Its place, from 0.
        index: u32,
        /// Git's number of the kind.
        code: u8,
    },
    /// Its bytes cannot be unpacked, or are not as many as it says.
    #[error("object {index} of the pack is damaged")]
    Object {
        /// Its place, from 0.
        index: u32,
    },
    /// Bytes between the last object and the checksum.
    #[error("{bytes} bytes follow the last object of the pack")]
    Trailing {
        /// How many.
        bytes: usize,
    },
    /// The same object again.
    #[error("object {index} of the pack was in it before")]
    Twice {
        /// Its place, from 0.
        index: u32,
    },
}

/// A pack being read. The checksum is right when there is one.
pub struct PackReader<'a> {
    rest: &'a [u8],
    index: u32,
    count: u32,
    limit: u64,
    left: u64,
    inflate: Decompress,
}

impl<'a> PackReader<'a> {
    /// Opens a pack whose objects may [cost](super::cost) `limit` together.
    pub fn open(bytes: &'a [u8], limit: u64) -> Result<Self, PackError> {
        let body = bytes.len().checked_sub(CHECKSUM_BYTES).ok_or(PackError::Header)?;
        let (body, checksum) = bytes.split_at(body);
        let (header, rest) = body.split_at_checked(HEADER_BYTES).ok_or(PackError::Header)?;
        let (start, count) = header.split_at(HEADER_BYTES - 4);
        if start[..4] != *MAGIC || start[4..] != VERSION {
            return Err(PackError::Header);
        }
        let count = u32::from_be_bytes(count.try_into().map_err(|_| PackError::Header)?);
        if u64::from(count).saturating_mul(cost(0)) > limit {
            return Err(PackError::TooLarge { limit });
        }
        if Sha256::digest(body)[..] != *checksum {
            return Err(PackError::Checksum);
        }
        Ok(Self { rest, index: 0, count, limit, left: limit, inflate: Decompress::new(true) })
    }

    /// The next object; `None` after the last, when nothing follows it.
    pub fn next_object(&mut self) -> Result<Option<Object>, PackError> {
        if self.index == self.count {
            return match self.rest.len() {
                0 => Ok(None),
                bytes => Err(PackError::Trailing { bytes }),
            };
        }
        let (code, size) = self.header()?;
        let kind = kind_of(code).ok_or(PackError::Kind { index: self.index, code })?;
        let bytes = self.unpack(size)?;
        self.index += 1;
        Ok(Some(Object { kind, bytes }))
    }

    /// The place of the object that was read last.
    pub(crate) fn last_index(&self) -> u32 {
        self.index.saturating_sub(1)
    }

    fn damaged(&self) -> PackError {
        PackError::Object { index: self.index }
    }

    fn header(&mut self) -> Result<(u8, usize), PackError> {
        let mut byte = self.byte()?;
        let (code, mut size, mut shift) = ((byte >> 4) & 7, u64::from(byte & 0x0f), 4);
        while byte & 0x80 != 0 {
            byte = self.byte()?;
            // One spelling a size: no byte that adds nothing, and none beyond any limit.
            if shift > 32 || byte == 0 {
                return Err(self.damaged());
            }
            size |= u64::from(byte & 0x7f) << shift;
            shift += 7;
        }
        let size = usize::try_from(size).map_err(|_| self.damaged())?;
        self.left = self.left.checked_sub(cost(size)).ok_or(PackError::TooLarge { limit: self.limit })?;
        Ok((code, size))
    }

    fn byte(&mut self) -> Result<u8, PackError> {
        let (byte, rest) = self.rest.split_first().ok_or(self.damaged())?;
        self.rest = rest;
        Ok(*byte)
    }

    fn unpack(&mut self, size: usize) -> Result<Vec<u8>, PackError> {
        let (plain, used) = inflate(&mut self.inflate, self.rest, size).ok_or(self.damaged())?;
        self.rest = &self.rest[used..];
        Ok(plain)
    }
}

/// Unpacks a zlib stream of exactly `size` bytes; gives them and how many bytes the stream has.
pub(crate) fn inflate(zlib: &mut Decompress, packed: &[u8], size: usize) -> Option<(Vec<u8>, usize)> {
    zlib.reset(true);
    // One more than there may be: so the stream's end is always reached, and one that goes on is seen.
    let mut plain = vec![0; size + 1];
    let status = zlib.decompress(packed, &mut plain, FlushDecompress::Finish).ok()?;
    if status != Status::StreamEnd || zlib.total_out() != size as u64 {
        return None;
    }
    plain.truncate(size);
    Some((plain, usize::try_from(zlib.total_in()).ok()?))
}
