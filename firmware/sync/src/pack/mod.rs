//! Git packs of version 2 with SHA-256, written and read without deltas.
//!
//! A pack is an answer, not a file: small, in memory, whole objects only. What is written here git's own
//! `index-pack --strict` takes; what is read here is stricter than git: no deltas, no tags, no object twice, nothing after
//! the checksum, and never more bytes than were asked for, which is known before they are unpacked.
//! Format: gitformat-pack(5).

mod read;
mod write;

pub use read::{PackError, PackReader};
pub use write::PackWriter;
pub(crate) use {read::inflate, write::Zlib};

use ledger::Kind;

const MAGIC: &[u8; 4] = b"PACK";
const VERSION: [u8; 4] = 2_u32.to_be_bytes();
const HEADER_BYTES: usize = 12;
const CHECKSUM_BYTES: usize = 32;

/// What an object counts for beside its bytes: its header, zlib's, and its place in memory.
pub const OBJECT_OVERHEAD: u64 = 64;

/// What an object counts for in a budget. Its place in a pack is never larger: zlib adds some bytes to each block of
/// what does not shrink.
pub fn cost(bytes: usize) -> u64 {
    let bytes = bytes as u64;
    bytes + bytes / 256 + OBJECT_OVERHEAD
}

const COMMIT: u8 = 1;
const TREE: u8 = 2;
const BLOB: u8 = 3;

const fn code(kind: Kind) -> u8 {
    match kind {
        Kind::Commit => COMMIT,
        Kind::Tree => TREE,
        Kind::Blob => BLOB,
    }
}

const fn kind_of(code: u8) -> Option<Kind> {
    match code {
        COMMIT => Some(Kind::Commit),
        TREE => Some(Kind::Tree),
        BLOB => Some(Kind::Blob),
        _ => None,
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
