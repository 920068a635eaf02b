//! What can go wrong with chunks, one enum per operation.

use std::{io, path::PathBuf};

use chunk::ManifestError;
use model::ChunkId;

use crate::disk::DiskError;

/// Why the chunks cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The disk refused.
    #[error("the chunks cannot be opened")]
    Disk(#[from] DiskError),
    /// A pack of a format that came after this program.
    #[error("{} is a chunk pack of version {version}, made by newer software: update this box", pack.display())]
    Newer {
        /// The file.
        pack: PathBuf,
        /// What it says.
        version: u32,
    },
}

/// Why a chunk was not kept.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// Longer than any cutter makes.
    #[error("a chunk of {0} bytes is longer than {max}", max = chunk::MAX_CHUNK_BYTES)]
    TooLong(usize),
    /// The disk refused; what was kept before is still there.
    #[error("the chunk was not kept")]
    Disk(#[from] DiskError),
    /// zstd found no memory.
    #[error("the compressor cannot start")]
    Compressor(#[source] io::Error),
}

/// Why a chunk cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum GetError {
    /// It is not here.
    #[error("chunk {0} is not on this box")]
    Missing(ChunkId),
    /// It is here, but its bytes are not those that its name stands for.
    #[error("chunk {id} is damaged in {} at byte {offset}: fetch it again from another box", pack.display())]
    Damaged {
        /// Which.
        id: ChunkId,
        /// The file.
        pack: PathBuf,
        /// Where its record begins.
        offset: u64,
    },
    /// The disk refused.
    #[error("chunk {id} cannot be read")]
    Disk {
        /// Which.
        id: ChunkId,
        /// What was done to which file.
        source: DiskError,
    },
}

impl GetError {
    /// Whether another box can help: the chunk is not here, or no longer.
    pub fn is_missing_or_damaged(&self) -> bool {
        matches!(self, Self::Missing(_) | Self::Damaged { .. })
    }
}

/// Why a file was not kept as chunks.
#[derive(Debug, thiserror::Error)]
pub enum PutFileError {
    /// The file's own fault.
    #[error("the file cannot be read to its end")]
    Read(#[source] io::Error),
    /// A chunk was not kept.
    #[error("the file was not kept")]
    Put(#[from] PutError),
    /// The chunks make no manifest.
    #[error("the file cannot have a manifest")]
    Manifest(#[from] ManifestError),
}

/// Why a file cannot be had from its chunks.
#[derive(Debug, thiserror::Error)]
pub enum GetFileError {
    /// A chunk cannot be had.
    #[error("chunk {number} of {count} cannot be had")]
    Get {
        /// Counted from 1.
        number: usize,
        /// How many the file has.
        count: usize,
        /// Which, and why.
        source: GetError,
    },
    /// The manifest is wrong about a chunk.
    #[error("chunk {id} has {got} bytes, but the manifest says {said}")]
    Length {
        /// Which.
        id: ChunkId,
        /// As it is.
        got: usize,
        /// As the manifest says.
        said: u32,
    },
    /// The manifest is wrong about the whole.
    #[error("the chunks are whole, but together they are not the file that the manifest names")]
    Whole,
    /// The receiver's fault.
    #[error("the file cannot be written")]
    Write(#[source] io::Error),
}

/// Why looking through all packs stopped.
#[derive(Debug, thiserror::Error)]
#[error("the chunks cannot all be looked at")]
pub struct VerifyError(#[from] pub DiskError);

/// Why a collection stopped. Nothing reachable is lost by it; it can be started again.
#[derive(Debug, thiserror::Error)]
#[error("the collection stopped before its end: nothing that is needed was removed, start it again")]
pub struct GcError(#[from] pub DiskError);
