//! One zstd frame whose matches may reach back into a prefix that both sides have.
//!
//! zstd calls it a reference prefix: bytes that are thought of as standing right before the first byte of the frame's content
//! and are not in the frame. Both directions work in one call with all bytes in memory, so that the decoder keeps no
//! window of its own: its memory is the prefix, the frame and the content, and some 160 KiB.

use zstd::zstd_safe::{self, CCtx, CParameter, DCtx, ErrorCode, compress_bound, get_error_name};

use super::{MAX_PREFIX_BYTES, MAX_SEGMENT_BYTES};

/// zstd's, from 1 to 22: publishing is done once and fetching on every box.
const LEVEL: i32 = 19;
/// That of the chunk packs.
const LEVEL_ALONE: i32 = 3;
/// The window reaches over the longest prefix and the longest segment.
const WINDOW_LOG: u32 = (MAX_PREFIX_BYTES + MAX_SEGMENT_BYTES as u64).next_power_of_two().ilog2();

/// zstd's word for what it did not like.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("zstd says: {0}")]
pub struct ZstdError(&'static str);

impl From<ErrorCode> for ZstdError {
    fn from(code: ErrorCode) -> Self {
        Self(get_error_name(code))
    }
}

/// The frame of `plain` behind `prefix`.
pub(super) fn pack(prefix: &[u8], plain: &[u8]) -> Result<Vec<u8>, ZstdError> {
    let mut zstd = CCtx::try_create().ok_or(NO_MEMORY)?;
    for parameter in [
        CParameter::CompressionLevel(LEVEL),
        CParameter::WindowLog(WINDOW_LOG),
        CParameter::EnableLongDistanceMatching(true),
        // The chunks in it are checked by their names.
        CParameter::ChecksumFlag(false),
    ] {
        zstd.set_parameter(parameter)?;
    }
    zstd.ref_prefix(prefix)?;
    let mut frame = Vec::with_capacity(compress_bound(plain.len()));
    zstd.compress2(&mut frame, plain)?;
    Ok(frame)
}

/// How long a chunk is when it is packed without any prefix, or left as it is where that is shorter.
pub(super) fn length_alone(chunk: &[u8]) -> usize {
    let mut frame = Vec::with_capacity(compress_bound(chunk.len()));
    let packed = zstd_safe::compress(&mut frame, chunk, LEVEL_ALONE);
    packed.unwrap_or(chunk.len()).min(chunk.len())
}

/// Fills an empty `plain` with what `pack` was given, if prefix and frame are the same; at most as much as it has room for.
pub(super) fn unpack(prefix: &[u8], frame: &[u8], plain: &mut Vec<u8>) -> Result<(), ZstdError> {
    let mut zstd = DCtx::try_create().ok_or(NO_MEMORY)?;
    zstd.ref_prefix(prefix)?;
    zstd.decompress(plain, frame)?;
    Ok(())
}

const NO_MEMORY: ZstdError = ZstdError("no memory");
