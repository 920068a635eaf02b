//! The publisher's side: which chunks the old file lacks, and the shortest frames that make them.
//!
//! Both files are in memory (mapped, as a rule). Segments do not depend on each other, so the caller may make them on several
//! threads and in any order. Each one is unpacked again and compared before it is handed out. A segment that is not
//! shorter than its chunks are when each is packed alone is dropped: those chunks then travel as they are.

use std::{collections::HashSet, ops::Range};

use model::ChunkId;

use super::{
    Segment,
    frame::{self, ZstdError},
    similar::Index,
};
use crate::{Manifest, chunk_id};

/// What a segment may read of the old file, in bytes. Half of the limit, so that 16 MiB are enough on a box.
const PREFIX_BYTES: u64 = 8 << 20;
/// What a segment makes, in bytes, unless one chunk is longer.
const SEGMENT_BYTES: u64 = 4 << 20;

/// A file, and the manifest that was made of it.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// All of it.
    pub bytes: &'a [u8],
    /// Its manifest.
    pub manifest: &'a Manifest,
}

/// Why there is no delta.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// Bytes and manifest are not of one file.
    #[error("the manifest is of a file of {manifest} bytes, and this one has {bytes}")]
    OtherFile {
        /// What the manifest says.
        manifest: u64,
        /// What is there.
        bytes: u64,
    },
    /// zstd failed.
    #[error("cannot pack segment {segment}")]
    Pack {
        /// Counted from 0.
        segment: usize,
        /// zstd's word.
        source: ZstdError,
    },
    /// What was packed does not unpack to what it was.
    #[error("segment {0} was packed and did not come out as it was")]
    NotTheSame(usize),
}

/// Makes the segments of one delta.
pub struct Encoder<'a> {
    old: Source<'a>,
    new: Source<'a>,
    index: Index,
    /// The chunks of each segment.
    segments: Vec<Vec<Range<usize>>>,
    /// Where each chunk of the new file begins, and its end.
    offsets: Vec<usize>,
}

impl<'a> Encoder<'a> {
    /// Looks through the old file.
    pub fn new(old: Source<'a>, new: Source<'a>) -> Result<Self, EncodeError> {
        old.check()?;
        new.check()?;
        let mut offsets = vec![0];
        for (_, length) in &new.manifest.chunks {
            offsets.push(offsets[offsets.len() - 1] + *length as usize);
        }
        let segments = segments(old.manifest, new.manifest);
        Ok(Self { old, new, index: Index::of(old.bytes), segments, offsets })
    }

    /// How many segments there may be.
    pub fn segments(&self) -> usize {
        self.segments.len()
    }

    /// Makes one, with its frame; nothing if its chunks are shorter alone.
    pub fn encode(&self, segment: usize) -> Result<Option<(Segment, Vec<u8>)>, EncodeError> {
        let chunks = &self.segments[segment];
        let plain = self.runs(chunks).collect::<Vec<_>>().concat();
        let prefix = self.index.like(self.runs(chunks), PREFIX_BYTES);
        let frame = self.packed(segment, &prefix, &plain)?;
        let frame_bytes = u32::try_from(frame.len()).unwrap_or(u32::MAX);
        let made = Segment { frame: chunk_id(&frame), frame_bytes, chunks: chunks.clone(), prefix };
        Ok((frame.len() + made.text_bytes() < self.bytes_alone(chunks)).then_some((made, frame)))
    }

    /// The frame, which was seen to unpack.
    fn packed(&self, segment: usize, prefix: &[Range<u64>], plain: &[u8]) -> Result<Vec<u8>, EncodeError> {
        let ranges = prefix.iter().map(|range| &self.old.bytes[range.start as usize..range.end as usize]);
        let before = ranges.collect::<Vec<_>>().concat();
        let failed = |source| EncodeError::Pack { segment, source };
        let frame = frame::pack(&before, plain).map_err(failed)?;
        let mut again = Vec::with_capacity(plain.len());
        frame::unpack(&before, &frame, &mut again).map_err(failed)?;
        if again == plain { Ok(frame) } else { Err(EncodeError::NotTheSame(segment)) }
    }

    /// What the chunks take when each is packed alone.
    fn bytes_alone(&self, chunks: &[Range<usize>]) -> usize {
        let chunks = chunks.iter().cloned().flatten();
        chunks.map(|chunk| frame::length_alone(self.run(&(chunk..chunk + 1)))).sum()
    }

    fn runs(&self, chunks: &[Range<usize>]) -> impl Iterator<Item = &'a [u8]> {
        chunks.iter().map(|run| self.run(run))
    }

    /// The bytes of a run of chunks.
    fn run(&self, chunks: &Range<usize>) -> &'a [u8] {
        &self.new.bytes[self.offsets[chunks.start]..self.offsets[chunks.end]]
    }
}

impl Source<'_> {
    fn check(&self) -> Result<(), EncodeError> {
        let bytes = self.bytes.len() as u64;
        if self.manifest.size == bytes {
            return Ok(());
        }
        Err(EncodeError::OtherFile { manifest: self.manifest.size, bytes })
    }
}

/// The chunks that the old file lacks, in segments.
fn segments(old: &Manifest, new: &Manifest) -> Vec<Vec<Range<usize>>> {
    let mut known: HashSet<ChunkId> = old.chunks.iter().map(|(id, _)| *id).collect();
    let mut segments: Vec<Vec<Range<usize>>> = Vec::new();
    let mut bytes = u64::MAX;
    for (number, (id, length)) in new.chunks.iter().enumerate() {
        // A chunk that the new file has twice is made once.
        if !known.insert(*id) {
            continue;
        }
        if bytes.saturating_add(u64::from(*length)) > SEGMENT_BYTES {
            segments.push(Vec::new());
            bytes = 0;
        }
        bytes += u64::from(*length);
        let segment = segments.last_mut().expect("because the first chunk began a segment");
        match segment.last_mut().filter(|run| run.end == number) {
            Some(run) => run.end = number + 1,
            None => segment.push(number..number + 1),
        }
    }
    segments
}
