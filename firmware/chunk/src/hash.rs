//! Names by content: BLAKE3, 32 bytes, no key.

use model::ChunkId;

/// The name of a chunk: BLAKE3 over its plain bytes.
pub fn chunk_id(plain: &[u8]) -> ChunkId {
    ChunkId::new(*blake3::hash(plain).as_bytes())
}

/// BLAKE3 over a whole file, piece by piece.
#[derive(Debug, Clone, Default)]
pub struct FileHasher(blake3::Hasher);

impl FileHasher {
    /// A hasher that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the file.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash of all bytes so far.
    pub fn finish(&self) -> [u8; 32] {
        *self.0.finalize().as_bytes()
    }
}
