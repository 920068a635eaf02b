//! A chunk in a store of casync's: its name, where it lies, and its bytes, which are one zstd frame.

use std::{fmt, io};

use sha2::{Digest, Sha512_256};

/// zstd's, as casync does it.
const LEVEL: i32 = 3;

/// SHA-512/256 over a chunk's plain bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChunkName(pub [u8; 32]);

/// Why a store's file is not the chunk.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// zstd failed.
    #[error("chunk {name} cannot be unpacked: it is damaged or longer than the index says")]
    Unpack {
        /// Which one.
        name: ChunkName,
        /// zstd's word.
        source: io::Error,
    },
    /// Other bytes.
    #[error("chunk {0} is damaged: its bytes have another name or length")]
    Damaged(ChunkName),
}

/// The name of a chunk.
pub fn chunk_name(plain: &[u8]) -> ChunkName {
    ChunkName(Sha512_256::digest(plain).into())
}

impl ChunkName {
    /// Where it lies in a store, with `/` between folder and file.
    pub fn path(&self) -> String {
        let name = self.to_string();
        format!("{}/{name}.cacnk", &name[..4])
    }
}

impl fmt::Display for ChunkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// The bytes of a chunk's file.
pub fn pack(plain: &[u8]) -> io::Result<Vec<u8>> {
    zstd::bulk::compress(plain, LEVEL)
}

/// A chunk from its file: as long as its index says, and with its name.
pub fn unpack(name: ChunkName, length: u32, file: &[u8]) -> Result<Vec<u8>, StoreError> {
    let plain = zstd::bulk::decompress(file, length as usize);
    let plain = plain.map_err(|source| StoreError::Unpack { name, source })?;
    if plain.len() != length as usize || chunk_name(&plain) != name {
        return Err(StoreError::Damaged(name));
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_sha_512_256() {
        // FIPS 180-4, the example "abc" of SHA-512/256.
        let name = "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23";
        assert_eq!(chunk_name(b"abc").to_string(), name);
        assert_eq!(chunk_name(b"abc").path(), format!("5304/{name}.cacnk"));
    }

    #[test]
    fn a_chunk_goes_there_and_back_and_no_other_bytes_do() {
        let plain = b"a chunk of a chunk of a chunk";
        let (name, length) = (chunk_name(plain), plain.len() as u32);
        let file = pack(plain).unwrap();
        assert_eq!(unpack(name, length, &file).unwrap(), plain);
        assert!(matches!(unpack(chunk_name(b"x"), length, &file), Err(StoreError::Damaged(_))));
        assert!(matches!(unpack(name, length + 1, &file), Err(StoreError::Damaged(_))));
        assert!(matches!(unpack(name, length - 1, &file), Err(StoreError::Unpack { .. })));
        assert!(matches!(unpack(name, length, b"no frame"), Err(StoreError::Unpack { .. })));
    }
}
