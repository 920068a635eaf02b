//! The box's side: a segment's chunks from its frame and the old file.
//!
//! Memory is the ranges of the old file, the frame and what is made: 32 MiB at the limits, and far less of what
//! [`Encoder`](super::Encoder) writes. A chunk is handed out only if it has its name; if any of a segment has not, none is.

use std::{collections::TryReserveError, io, ops::Range};

use model::ChunkId;

use super::{
    Delta, MAX_SEGMENT_BYTES, Segment,
    frame::{self, ZstdError},
};
use crate::{Manifest, chunk_id};

/// A delta that fits the new file's manifest.
#[derive(Debug)]
pub struct Decoder<'a> {
    delta: &'a Delta,
    new: &'a Manifest,
}

/// Why a delta does not belong to a manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MismatchError {
    /// It makes another file.
    #[error("the delta makes another file than the manifest names")]
    OtherFile,
    /// It makes chunks that the file has not.
    #[error("segment {segment} makes chunks up to {chunk} of a file that has {of}")]
    NoSuchChunk {
        /// Counted from 0.
        segment: usize,
        /// The first number behind those that it makes.
        chunk: usize,
        /// The file's chunks.
        of: usize,
    },
    /// Over [`MAX_SEGMENT_BYTES`].
    #[error("segment {segment} makes {bytes} bytes at once, and the most is {MAX_SEGMENT_BYTES}")]
    TooLong {
        /// Counted from 0.
        segment: usize,
        /// In bytes.
        bytes: u64,
    },
}

/// Why a segment's chunks were not made.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// The delta has no such segment.
    #[error("the delta has no segment {0}")]
    NoSuchSegment(usize),
    /// The frame is not the one that the delta names.
    #[error("the frame of segment {0} is another chunk than the one that the delta names")]
    OtherFrame(usize),
    /// No memory.
    #[error("there is no memory for {0} bytes")]
    Memory(u64, #[source] TryReserveError),
    /// The old file cannot be read.
    #[error("cannot read the old file at byte {offset}")]
    Old {
        /// Where the range begins.
        offset: u64,
        /// What the reader said.
        source: io::Error,
    },
    /// zstd refused the frame.
    #[error("cannot unpack segment {segment}: its frame is damaged, or the old file is another one")]
    Frame {
        /// Counted from 0.
        segment: usize,
        /// zstd's word.
        source: ZstdError,
    },
    /// What was made is no chunk of the new file.
    #[error("chunk {chunk} came out wrong: the old file is another one or is damaged, or the delta is")]
    WrongChunk {
        /// Its number in the manifest, counted from 0.
        chunk: usize,
    },
}

/// Chunks of the new file, each of which has its name.
#[derive(Debug)]
pub struct Made {
    bytes: Vec<u8>,
    chunks: Vec<(usize, ChunkId, Range<usize>)>,
}

impl<'a> Decoder<'a> {
    /// Checks that the delta makes chunks of this file, and not too many at once.
    pub fn new(delta: &'a Delta, new: &'a Manifest) -> Result<Self, MismatchError> {
        if delta.new != new.hash {
            return Err(MismatchError::OtherFile);
        }
        for (segment, each) in delta.segments.iter().enumerate() {
            let end = each.chunks.last().map_or(0, |chunks| chunks.end);
            if end > new.chunks.len() {
                return Err(MismatchError::NoSuchChunk { segment, chunk: end, of: new.chunks.len() });
            }
            let bytes = each.numbers().map(|number| u64::from(new.chunks[number].1)).sum();
            if bytes > u64::from(MAX_SEGMENT_BYTES) {
                return Err(MismatchError::TooLong { segment, bytes });
            }
        }
        Ok(Self { delta, new })
    }

    /// Makes a segment's chunks. `old` fills a buffer with the old file's bytes from an offset on, or fails.
    pub fn make(
        &self,
        segment: usize,
        frame: &[u8],
        old: impl FnMut(u64, &mut [u8]) -> io::Result<()>,
    ) -> Result<Made, MakeError> {
        let wanted = self.delta.segments.get(segment).ok_or(MakeError::NoSuchSegment(segment))?;
        if chunk_id(frame) != wanted.frame {
            return Err(MakeError::OtherFrame(segment));
        }
        let prefix = prefix(wanted, old)?;
        let mut bytes = room(wanted.numbers().map(|number| u64::from(self.new.chunks[number].1)).sum())?;
        frame::unpack(&prefix, frame, &mut bytes).map_err(|source| MakeError::Frame { segment, source })?;
        self.check(wanted, bytes)
    }

    fn check(&self, wanted: &Segment, bytes: Vec<u8>) -> Result<Made, MakeError> {
        let (mut chunks, mut start) = (Vec::new(), 0);
        for number in wanted.numbers() {
            let (id, length) = self.new.chunks[number];
            let range = start..start + length as usize;
            start = range.end;
            if bytes.get(range.clone()).map(chunk_id) != Some(id) {
                return Err(MakeError::WrongChunk { chunk: number });
            }
            chunks.push((number, id, range));
        }
        Ok(Made { bytes, chunks })
    }
}

/// The bytes of the old file that a segment leans on.
fn prefix(
    segment: &Segment,
    mut old: impl FnMut(u64, &mut [u8]) -> io::Result<()>,
) -> Result<Vec<u8>, MakeError> {
    let mut prefix = room(segment.prefix_bytes())?;
    for range in &segment.prefix {
        let start = prefix.len();
        prefix.resize(start + (range.end - range.start) as usize, 0);
        old(range.start, &mut prefix[start..])
            .map_err(|source| MakeError::Old { offset: range.start, source })?;
    }
    Ok(prefix)
}

fn room(bytes: u64) -> Result<Vec<u8>, MakeError> {
    let mut room = Vec::new();
    room.try_reserve_exact(bytes as usize).map_err(|source| MakeError::Memory(bytes, source))?;
    Ok(room)
}

impl Made {
    /// Number in the manifest, name and bytes of each.
    pub fn chunks(&self) -> impl Iterator<Item = (usize, ChunkId, &[u8])> {
        self.chunks.iter().map(|(number, id, range)| (*number, *id, &self.bytes[range.clone()]))
    }
}
