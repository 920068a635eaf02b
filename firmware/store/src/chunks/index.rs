//! The index of a pack that is full: its chunks sorted by name, so that opening reads no data.
//!
//! Derived from the pack and checked by a checksum and by the pack's length: an index that does not fit is
//! made anew from the pack. Byte map in `docs/formats/chunk-pack.md`.

use model::ChunkId;

use super::{record::HEADER_BYTES, scan::START_BYTES};

const MAGIC: [u8; 8] = *b"LEDGCIDX";
const VERSION: u32 = 1;

const PACK_BYTES: usize = MAGIC.len() + 4;
const COUNT: usize = PACK_BYTES + 8;
const ENTRIES: usize = COUNT + 4;
const ENTRY_BYTES: usize = 32 + 4 + 4;
const SUM_BYTES: usize = 4;

/// Where a chunk lies in a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub id: ChunkId,
    /// Of the header, from the pack's first byte.
    pub offset: u32,
    /// Of the data, without the header.
    pub stored: u32,
}

impl Entry {
    pub fn record_bytes(&self) -> u64 {
        HEADER_BYTES as u64 + u64::from(self.stored)
    }
}

/// The longest index that a pack of this length can have, in bytes.
pub(super) fn longest(pack_bytes: u64) -> u64 {
    (ENTRIES + SUM_BYTES) as u64 + pack_bytes / HEADER_BYTES as u64 * ENTRY_BYTES as u64
}

/// The index of a pack of `pack_bytes` with these chunks.
pub(super) fn to_bytes(pack_bytes: u64, entries: &[Entry]) -> Vec<u8> {
    let mut sorted = entries.to_vec();
    sorted.sort_unstable();
    let mut bytes = Vec::with_capacity(ENTRIES + ENTRY_BYTES * sorted.len() + SUM_BYTES);
    bytes.extend(MAGIC);
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend(pack_bytes.to_le_bytes());
    bytes.extend((sorted.len() as u32).to_le_bytes());
    for entry in sorted {
        bytes.extend(entry.id.as_bytes());
        bytes.extend(entry.offset.to_le_bytes());
        bytes.extend(entry.stored.to_le_bytes());
    }
    bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
    bytes
}

/// The chunks, if this is a whole index of a pack of `pack_bytes`.
pub(super) fn parse(bytes: &[u8], pack_bytes: u64) -> Option<Vec<Entry>> {
    let (content, sum) = bytes.split_last_chunk::<SUM_BYTES>()?;
    if u32::from_le_bytes(*sum) != crc32c::crc32c(content) || content.len() < ENTRIES {
        return None;
    }
    let (head, entries) = content.split_at(ENTRIES);
    let count = u32::from_le_bytes(head[COUNT..ENTRIES].try_into().ok()?);
    let fits = head[..8] == MAGIC
        && head[8..PACK_BYTES] == VERSION.to_le_bytes()
        && head[PACK_BYTES..COUNT] == pack_bytes.to_le_bytes()
        && entries.len() as u64 == u64::from(count) * ENTRY_BYTES as u64;
    if !fits {
        return None;
    }
    let entries: Vec<Entry> = entries.chunks_exact(ENTRY_BYTES).map(entry).collect::<Option<_>>()?;
    let inside = |e: &Entry| {
        u64::from(e.offset) >= START_BYTES as u64 && u64::from(e.offset) + e.record_bytes() <= pack_bytes
    };
    (entries.is_sorted() && entries.iter().all(inside)).then_some(entries)
}

fn entry(bytes: &[u8]) -> Option<Entry> {
    let (id, numbers) = bytes.split_first_chunk::<32>()?;
    let (offset, stored) = numbers.split_first_chunk::<4>()?;
    Some(Entry {
        id: ChunkId::new(*id),
        offset: u32::from_le_bytes(*offset),
        stored: u32::from_le_bytes(stored.try_into().ok()?),
    })
}

#[cfg(test)]
mod tests {
    use chunk::chunk_id;

    use super::*;

    fn entries() -> Vec<Entry> {
        let entry = |i: u32| Entry { id: chunk_id(&[i as u8]), offset: 16 + 100 * i, stored: 44 };
        let mut entries: Vec<Entry> = (0..9).map(entry).collect();
        entries.sort();
        entries
    }

    #[test]
    fn an_index_goes_there_and_back() {
        let bytes = to_bytes(916, &entries());
        assert_eq!(parse(&bytes, 916), Some(entries()));
        assert!(bytes.len() as u64 <= longest(916));
    }

    #[test]
    fn an_index_with_any_byte_turned_or_cut_off_is_none() {
        let good = to_bytes(916, &entries());
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x20;
            assert_eq!(parse(&bad, 916), None, "byte {at}");
            assert_eq!(parse(&good[..at], 916), None, "cut at {at}");
        }
    }

    #[test]
    fn the_index_of_a_pack_of_another_length_is_none() {
        assert_eq!(parse(&to_bytes(916, &entries()), 917), None);
    }
}
