//! A chunk in a store of casync's: its name, where it lies, and its bytes, which are one zstd frame.
//!
//! That is what is written, as casync and desync write it. Read are gzip's as well (`casync --compression=gzip`) and plain ones
//! (`desync --uncompressed`); what a file is shows in its first bytes, whatever it is called. xz is not read.

use std::{
    fmt,
    io::{self, Read},
};

use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha512_256};

/// zstd's, as casync does it.
const LEVEL: i32 = 3;

/// How files of the three kinds of packing begin.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
const GZIP: [u8; 2] = [0x1f, 0x8b];
const XZ: [u8; 6] = [0xfd, b'7', b'z', b'X', b'Z', 0];

/// SHA-512/256 over a chunk's plain bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChunkName(pub [u8; 32]);

/// Why a store's file is not the chunk.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// zstd or gzip failed.
    #[error("chunk {name} cannot be unpacked: it is damaged or longer than the index says")]
    Unpack {
        /// Which one.
        name: ChunkName,
        /// The unpacker's word.
        source: io::Error,
    },
    /// xz.
    #[error("chunk {0} is packed by xz, which is not read: make the store anew with --compression=zstd")]
    Xz(ChunkName),
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
        format!("{}.cacnk", self.path_plain())
    }

    /// Where it lies in a store of `desync --uncompressed`.
    pub fn path_plain(&self) -> String {
        let name = self.to_string();
        format!("{}/{name}", &name[..4])
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
    let whole = |plain: &[u8]| plain.len() == length as usize && chunk_name(plain) == name;
    if whole(file) {
        return Ok(file.to_vec());
    }
    if file.starts_with(&XZ) {
        return Err(StoreError::Xz(name));
    }
    let plain = if file.starts_with(&ZSTD) {
        zstd::bulk::decompress(file, length as usize)
    } else if file.starts_with(&GZIP) {
        gunzip(file, length)
    } else {
        return Err(StoreError::Damaged(name));
    };
    let plain = plain.map_err(|source| StoreError::Unpack { name, source })?;
    if whole(&plain) { Ok(plain) } else { Err(StoreError::Damaged(name)) }
}

/// One byte more than the length at most, by which too long a file shows.
fn gunzip(file: &[u8], length: u32) -> io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    MultiGzDecoder::new(file).take(u64::from(length) + 1).read_to_end(&mut plain)?;
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
        assert!(matches!(unpack(name, length, &file[..10]), Err(StoreError::Unpack { .. })));
        assert!(matches!(unpack(name, length, b"no frame"), Err(StoreError::Damaged(_))));
    }

    #[test]
    fn plain_and_gzipped_chunks_are_read_and_xz_is_named() {
        let plain = b"a chunk of a chunk of a chunk";
        let (name, length) = (chunk_name(plain), plain.len() as u32);
        assert_eq!(unpack(name, length, plain).unwrap(), plain);
        let mut gzip = Vec::new();
        flate2::read::GzEncoder::new(plain.as_slice(), flate2::Compression::fast())
            .read_to_end(&mut gzip)
            .unwrap();
        assert_eq!(unpack(name, length, &gzip).unwrap(), plain);
        assert!(matches!(unpack(name, length - 1, &gzip), Err(StoreError::Damaged(_))));
        assert!(matches!(unpack(name, length, &gzip[..12]), Err(StoreError::Unpack { .. })));
        assert!(matches!(unpack(name, length, &XZ), Err(StoreError::Xz(_))));
    }
}
