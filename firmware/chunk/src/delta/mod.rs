//! From an older file to a newer one, in few bytes.
//!
//! For the chunks that the old file does not have, a delta names *segments*: which chunks one makes, which ranges of the old
//! file are to be read for it, and the one chunk, a zstd frame, that has to be fetched. Segments stand alone: any of them can be
//! fetched, made and checked without the others, in memory that is bounded by the limits below. What is made
//! counts by its chunks' names alone, so a wrong old file, a broken or a hostile delta costs time and nothing else. Format:
//! `docs/formats/delta.md`; why it is so: `docs/decisions/0018-delta.md`. Files and threads are the caller's.

mod decode;
mod document;
mod encode;
mod frame;
mod similar;

pub use decode::{Decoder, Made, MakeError, MismatchError};
pub use document::{Delta, DeltaError, Segment};
pub use encode::{EncodeError, Encoder, Source};
pub use frame::ZstdError;

use crate::MAX_CHUNK_BYTES;

/// The longest delta, in bytes of text.
pub const MAX_DELTA_BYTES: usize = 4 << 20;
/// The most segments of a delta.
pub const MAX_SEGMENTS: usize = 20_000;
/// The most bytes of the old file that a segment reads: a box has them in memory, together with the segment and its frame.
pub const MAX_PREFIX_BYTES: u64 = 16 << 20;
/// The most bytes that a segment makes.
pub const MAX_SEGMENT_BYTES: u32 = MAX_CHUNK_BYTES;
/// The longest frame: it travels as a chunk.
pub const MAX_FRAME_BYTES: u32 = MAX_CHUNK_BYTES;
