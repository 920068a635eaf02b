//! Frames of chunks: the answer to a request for chunks.
//!
//! One frame for each chunk that was asked for, until the budget ends: a tag, the chunk's place in the request, and for a
//! chunk that is here its length and its bytes, deflated if that makes them fewer. A chunk that is longer than the answer
//! may be is told by its length. A reader knows each length before it allocates, takes only what it asked for, and each
//! chunk only under the name that its bytes have.
//! Format: docs/formats/sync.md.

use crate::{
    action::ArrivedChunk,
    pack::{Zlib, inflate},
    serve::ChunkSource,
};
use chunk::{MAX_CHUNK_BYTES, chunk_id};
use flate2::Decompress;
use model::ChunkId;
use std::collections::BTreeSet;

const ABSENT: u8 = 0;
const PLAIN: u8 = 1;
const DEFLATED: u8 = 2;
const LONGER: u8 = 3;

/// Tag, place, length as it is and length as it travels.
const FRAME_OVERHEAD: u64 = 1 + 2 + 4 + 4;

/// What a chunk counts for in a budget.
pub(crate) fn chunk_cost(length: u32) -> u64 {
    u64::from(length) + FRAME_OVERHEAD
}

/// Bytes that are not the answer to a request for chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// Cut short, or of an unknown form.
    #[error("a frame of a chunk is cut short or damaged")]
    Damaged,
    /// Longer than a chunk can be, or more together than was asked for.
    #[error("a chunk is longer than chunks are, or they are more than was asked for")]
    TooLarge,
    /// Nobody asked for it, or it came before.
    #[error("a chunk came that was not asked for, or twice")]
    Unasked,
    /// The bytes are not those of the name.
    #[error("a chunk's bytes are not those of its name")]
    Hash,
}

/// What came of a request for chunks. What is in neither list is to be asked for again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chunks {
    /// Those that came.
    pub here: Vec<ArrivedChunk>,
    /// Those that the peer does not have.
    pub absent: Vec<ChunkId>,
    /// Those that are longer than the answer was allowed to be, with their lengths as the peer says.
    pub longer: Vec<(ChunkId, u32)>,
}

/// Answers a request: up to `max_bytes` in any case, and up to `budget` after the first chunk.
pub fn write(source: &dyn ChunkSource, ids: &[ChunkId], max_bytes: u32, budget: u32) -> Vec<u8> {
    let mut writer = Writer { zlib: Zlib::default(), out: Vec::new(), spent: 0 };
    for (place, id) in ids.iter().enumerate() {
        let place = u16::try_from(place).expect("because a request names at most 256 chunks");
        let Some(plain) = source.get(id).filter(|plain| plain.len() <= MAX_CHUNK_BYTES as usize) else {
            writer.tag(ABSENT, place);
            continue;
        };
        let length = plain.len() as u32;
        let (whole, first) = (chunk_cost(length), writer.spent == 0);
        if whole > max_bytes.into() {
            writer.tag(LONGER, place);
            writer.out.extend(length.to_le_bytes());
        } else if first || writer.spent + whole <= max_bytes.min(budget).into() {
            writer.spent += whole;
            writer.chunk(place, &plain);
        } else {
            break;
        }
    }
    writer.out
}

struct Writer {
    zlib: Zlib,
    out: Vec<u8>,
    spent: u64,
}

impl Writer {
    fn tag(&mut self, tag: u8, place: u16) {
        self.out.push(tag);
        self.out.extend(place.to_le_bytes());
    }

    fn chunk(&mut self, place: u16, plain: &[u8]) {
        let start = self.out.len();
        self.tag(DEFLATED, place);
        self.out.extend((plain.len() as u32).to_le_bytes());
        let at = self.out.len();
        self.out.extend([0; 4]);
        if self.zlib.deflate(plain, &mut self.out) {
            let packed = (self.out.len() - at - 4) as u32;
            self.out[at..at + 4].copy_from_slice(&packed.to_le_bytes());
        } else {
            self.out[start] = PLAIN;
            self.out.truncate(at);
            self.out.extend_from_slice(plain);
        }
    }
}

/// Reads the answer to a request for `ids` that said `max_bytes`.
pub fn read(frames: &[u8], ids: &[ChunkId], max_bytes: u32) -> Result<Chunks, ChunkError> {
    let mut reader = Reader { rest: frames, left: max_bytes.into(), zlib: Decompress::new(true) };
    let (mut chunks, mut seen) = (Chunks::default(), BTreeSet::new());
    while !reader.rest.is_empty() {
        let tag = reader.take::<1>()?[0];
        let place = usize::from(u16::from_le_bytes(reader.take()?));
        let id = *ids.get(place).ok_or(ChunkError::Unasked)?;
        if !seen.insert(id) {
            return Err(ChunkError::Unasked);
        }
        match tag {
            ABSENT => chunks.absent.push(id),
            LONGER => chunks.longer.push((id, reader.longer(max_bytes)?)),
            _ => {
                let bytes = reader.chunk(tag)?;
                let named = chunk_id(&bytes) == id;
                chunks.here.extend(named.then_some(ArrivedChunk { id, bytes }));
                if !named {
                    return Err(ChunkError::Hash);
                }
            }
        }
    }
    Ok(chunks)
}

struct Reader<'a> {
    rest: &'a [u8],
    left: u64,
    zlib: Decompress,
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], ChunkError> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(ChunkError::Damaged)?;
        self.rest = rest;
        Ok(*bytes)
    }

    fn slice(&mut self, length: usize) -> Result<&[u8], ChunkError> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(ChunkError::Damaged)?;
        self.rest = rest;
        Ok(bytes)
    }

    fn chunk(&mut self, tag: u8) -> Result<Vec<u8>, ChunkError> {
        match tag {
            PLAIN => {
                let length = self.length()?;
                self.slice(length).map(<[u8]>::to_vec)
            }
            DEFLATED => {
                let length = self.length()?;
                let packed = u32::from_le_bytes(self.take()?) as usize;
                let (packed, rest) = self.rest.split_at_checked(packed).ok_or(ChunkError::Damaged)?;
                self.rest = rest;
                let (bytes, used) = inflate(&mut self.zlib, packed, length).ok_or(ChunkError::Damaged)?;
                if used == packed.len() { Ok(bytes) } else { Err(ChunkError::Damaged) }
            }
            _ => Err(ChunkError::Damaged),
        }
    }

    /// The length of a chunk that came, which is held to the limits before anything is allocated.
    fn length(&mut self) -> Result<usize, ChunkError> {
        let length = u32::from_le_bytes(self.take()?);
        let left = self.left.checked_sub(chunk_cost(length)).ok_or(ChunkError::TooLarge)?;
        if length > MAX_CHUNK_BYTES {
            return Err(ChunkError::TooLarge);
        }
        self.left = left;
        Ok(length as usize)
    }

    /// The length of a chunk that did not fit, which must be true of it.
    fn longer(&mut self, max_bytes: u32) -> Result<u32, ChunkError> {
        let length = u32::from_le_bytes(self.take()?);
        let fits = chunk_cost(length) <= max_bytes.into() || length > MAX_CHUNK_BYTES;
        if fits { Err(ChunkError::Damaged) } else { Ok(length) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    struct Source(HashMap<ChunkId, Vec<u8>>);

    impl ChunkSource for Source {
        fn get(&self, id: &ChunkId) -> Option<Vec<u8>> {
            self.0.get(id).cloned()
        }
    }

    fn source(chunks: &[Vec<u8>]) -> (Source, Vec<ChunkId>) {
        let ids = chunks.iter().map(|plain| chunk_id(plain)).collect();
        (Source(chunks.iter().map(|plain| (chunk_id(plain), plain.clone())).collect()), ids)
    }

    fn noise(length: usize) -> Vec<u8> {
        (0..length as u32).map(|n| blake3::hash(&n.to_le_bytes()).as_bytes()[0]).collect()
    }

    #[test]
    fn chunks_come_back_and_absent_ones_are_named() {
        let (source, mut ids) = source(&[Vec::new(), b"abc".to_vec(), vec![7; 100_000], noise(5000)]);
        let absent = ChunkId::new([5; 32]);
        ids.insert(1, absent);
        let frames = write(&source, &ids, 1 << 20, 1 << 20);
        assert!(frames.len() < 7000, "what repeats itself is deflated");
        let chunks = read(&frames, &ids, 1 << 20).unwrap();
        assert_eq!(chunks.absent, [absent]);
        let found: Vec<ChunkId> = chunks.here.iter().map(|chunk| chunk.id).collect();
        assert_eq!(found, [ids[0], ids[2], ids[3], ids[4]]);
        assert!(chunks.here.iter().all(|chunk| source.0[&chunk.id] == chunk.bytes));
    }

    #[test]
    fn an_answer_ends_at_its_budget_and_has_one_chunk_at_least() {
        let (source, ids) = source(&[noise(1000), noise(1001), noise(1002)]);
        for (budget, count) in [(0, 1), (1500, 1), (2100, 2), (1 << 20, 3)] {
            let chunks = read(&write(&source, &ids, 1 << 20, budget), &ids, 1 << 20).unwrap();
            assert_eq!(chunks.here.len(), count, "with {budget} bytes");
        }
    }

    #[test]
    fn other_bytes_unasked_chunks_and_lengths_that_lie_are_refused() {
        let (source, ids) = source(&[noise(100)]);
        let frames = write(&source, &ids, 1000, 1000);
        let other = [chunk_id(b"other")];
        assert_eq!(read(&frames, &other, 1000), Err(ChunkError::Hash));
        assert_eq!(read(&frames, &[], 1000), Err(ChunkError::Unasked));
        assert_eq!(read(&frames.repeat(2), &ids, 1000), Err(ChunkError::Unasked));
        for end in 1..frames.len() {
            assert!(read(&frames[..end], &ids, 1000).is_err(), "cut at {end}");
        }
        let longer = read(&write(&source, &ids, 50, 1000), &ids, 50).unwrap().longer;
        assert_eq!(longer, [(ids[0], 100)]);
        let lie = [&[DEFLATED, 0, 0][..], &u32::MAX.to_le_bytes(), &[0; 8]].concat();
        assert_eq!(read(&lie, &ids, 1000), Err(ChunkError::TooLarge));
    }

    proptest! {
        #[test]
        fn any_frames_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let (_, ids) = source(&[b"a".to_vec(), b"b".to_vec()]);
            if let Ok(chunks) = read(&bytes, &ids, 1 << 16) {
                prop_assert!(chunks.here.iter().all(|chunk| chunk_id(&chunk.bytes) == chunk.id));
            }
        }
    }
}
