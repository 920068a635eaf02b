//! The index of one file (`.caibx`), as casync 2 and desync write it; byte map in `docs/formats/casync.md`.
//!
//! Numbers are little-endian. What is read is checked against itself: offsets rise, chunks are within the sizes that the header
//! names, the end agrees with the length. Indexes of folders (`.caidx`) and those named by SHA-256 are refused.

use super::ChunkName;
use crate::{MAX_CHUNK_BYTES, MAX_CHUNKS};

/// The longest index.
pub const MAX_INDEX_BYTES: usize = HEAD_BYTES + MAX_CHUNKS * ITEM_BYTES + TAIL_BYTES;

const HEADER_BYTES: usize = 48;
const HEAD_BYTES: usize = HEADER_BYTES + 16;
const ITEM_BYTES: usize = 40;
const TAIL_BYTES: usize = 40;

const INDEX: u64 = 0x9682_4d9c_7b12_9ff9;
const TABLE: u64 = 0xe75b_9e11_2f17_417d;
const TAIL: u64 = 0x4b4f_050e_5549_ecd1;
/// Chunks are named by SHA-512/256.
const BY_SHA512_256: u64 = 0x2000_0000_0000_0000;
/// What casync sets besides for a single file; it says nothing about one.
const USUAL: u64 = 0x9000_0000_0000_0000;

/// A file as casync knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// Shortest, average and longest chunk in bytes, as the cutter was told.
    pub sizes: [u64; 3],
    /// Name and length in bytes of each chunk, in the file's order.
    pub chunks: Vec<(ChunkName, u32)>,
}

/// Why bytes are no index that we read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// Over [`MAX_INDEX_BYTES`].
    #[error("an index of {0} bytes is longer than {MAX_INDEX_BYTES}")]
    TooLong(usize),
    /// Another file.
    #[error("this is no index of casync's (.caibx)")]
    NotAnIndex,
    /// SHA-256.
    #[error("the index names chunks by another hash than SHA-512/256: make it anew with --digest=sha512-256")]
    Digest,
    /// Too long for us.
    #[error(
        "the index has chunks of up to {0} bytes, and the longest that can be taken is {MAX_CHUNK_BYTES}"
    )]
    Sizes(u64),
    /// Ends out of order, or a chunk beyond the longest.
    #[error("chunk {0} of the index does not follow the one before it within the sizes that the index names")]
    Chunk(usize),
    /// The last lines do not fit.
    #[error("the index is cut short or damaged at its end")]
    Tail,
}

impl Index {
    /// The file's length in bytes.
    pub fn size(&self) -> u64 {
        self.chunks.iter().map(|(_, length)| u64::from(*length)).sum()
    }

    /// The bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let [min, avg, max] = self.sizes;
        let table_bytes = (HEAD_BYTES - HEADER_BYTES + self.chunks.len() * ITEM_BYTES + TAIL_BYTES) as u64;
        let head = [HEADER_BYTES as u64, INDEX, BY_SHA512_256 | USUAL, min, avg, max, u64::MAX, TABLE];
        let tail = [0, 0, HEADER_BYTES as u64, table_bytes, TAIL];
        let mut bytes: Vec<u8> = head.iter().flat_map(|word| word.to_le_bytes()).collect();
        let mut end = 0u64;
        for (name, length) in &self.chunks {
            end += u64::from(*length);
            bytes.extend(end.to_le_bytes());
            bytes.extend(name.0);
        }
        bytes.extend(tail.iter().flat_map(|word| word.to_le_bytes()));
        bytes
    }

    /// Reads the bytes and checks them against themselves.
    pub fn parse(bytes: &[u8]) -> Result<Self, IndexError> {
        if bytes.len() > MAX_INDEX_BYTES {
            return Err(IndexError::TooLong(bytes.len()));
        }
        let (head, rest) = bytes.split_at_checked(HEAD_BYTES).ok_or(IndexError::NotAnIndex)?;
        let sizes = head_sizes(&words(head))?;
        let items = rest.len().checked_sub(TAIL_BYTES).filter(|items| items % ITEM_BYTES == 0);
        let (items, tail) = rest.split_at(items.ok_or(IndexError::Tail)?);
        let table_bytes = (bytes.len() - HEADER_BYTES) as u64;
        if words(tail) != [0, 0, HEADER_BYTES as u64, table_bytes, TAIL] {
            return Err(IndexError::Tail);
        }
        Ok(Self { sizes, chunks: chunks(items, sizes[2])? })
    }
}

fn head_sizes(head: &[u64]) -> Result<[u64; 3], IndexError> {
    match *head {
        [length, INDEX, flags, min, avg, max, u64::MAX, TABLE] if length == HEADER_BYTES as u64 => {
            if flags & BY_SHA512_256 == 0 {
                return Err(IndexError::Digest);
            }
            if max > u64::from(MAX_CHUNK_BYTES) {
                return Err(IndexError::Sizes(max));
            }
            Ok([min, avg, max])
        }
        _ => Err(IndexError::NotAnIndex),
    }
}

fn chunks(items: &[u8], max: u64) -> Result<Vec<(ChunkName, u32)>, IndexError> {
    let mut start = 0;
    let item = |(number, item): (usize, &[u8])| {
        let (end, name) = item.split_at(8);
        let end = words(end)[0];
        let length = end.checked_sub(std::mem::replace(&mut start, end));
        let length =
            length.filter(|length| (1..=max).contains(length)).and_then(|length| length.try_into().ok());
        let name = name.try_into().map(ChunkName).ok();
        name.zip(length).ok_or(IndexError::Chunk(number))
    };
    items.chunks_exact(ITEM_BYTES).enumerate().map(item).collect()
}

fn words(bytes: &[u8]) -> Vec<u64> {
    let (words, _) = bytes.as_chunks::<8>();
    words.iter().map(|word| u64::from_le_bytes(*word)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::casync::chunk_name;

    fn index() -> Index {
        let chunks = vec![(chunk_name(b"one"), 70), (chunk_name(b"two"), 64), (chunk_name(b"end"), 1)];
        Index { sizes: [64, 64, 128], chunks }
    }

    fn changed(at: usize, word: u64) -> IndexError {
        let mut bytes = index().to_bytes();
        bytes[at..at + 8].copy_from_slice(&word.to_le_bytes());
        Index::parse(&bytes).unwrap_err()
    }

    #[test]
    fn bytes_go_there_and_back() {
        assert_eq!(Index::parse(&index().to_bytes()).unwrap(), index());
        assert_eq!(index().size(), 135);
        let empty = Index { chunks: vec![], ..index() };
        assert_eq!(Index::parse(&empty.to_bytes()).unwrap(), empty);
    }

    #[test]
    fn what_does_not_agree_with_itself_is_refused_with_the_reason() {
        assert_eq!(changed(8, TABLE), IndexError::NotAnIndex);
        assert_eq!(changed(16, USUAL), IndexError::Digest);
        assert_eq!(changed(40, 9 << 20), IndexError::Sizes(9 << 20));
        let (first, second) = (HEAD_BYTES, HEAD_BYTES + ITEM_BYTES);
        assert_eq!(changed(first, 0), IndexError::Chunk(0));
        assert_eq!(changed(first, 129), IndexError::Chunk(0));
        assert_eq!(changed(second, 70), IndexError::Chunk(1));
        assert_eq!(changed(second, u64::MAX), IndexError::Chunk(1));
        assert_eq!(changed(index().to_bytes().len() - 16, 0), IndexError::Tail);
    }

    #[test]
    fn an_index_cut_short_at_any_byte_is_refused() {
        let bytes = index().to_bytes();
        for end in 0..bytes.len() {
            assert!(Index::parse(&bytes[..end]).is_err(), "cut at {end}");
        }
    }
}
