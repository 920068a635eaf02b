//! Writes a pack, object by object.

use super::{CHECKSUM_BYTES, HEADER_BYTES, MAGIC, VERSION, code};
use flate2::{Compress, Compression, FlushCompress, Status};
use ledger::{Kind, Object};
use sha2::{Digest, Sha256};

/// A pack in the making.
pub struct PackWriter {
    bytes: Vec<u8>,
    count: u32,
    /// For what shrinks: files and blocks. One for all objects, since making one costs more than a small object.
    deflate: Compress,
    /// For folders, which are mostly ids: these do not shrink.
    store: Compress,
}

impl Default for PackWriter {
    fn default() -> Self {
        Self::new()
    }
}

impl PackWriter {
    /// An empty pack.
    pub fn new() -> Self {
        let deflate = Compress::new(Compression::fast(), true);
        let store = Compress::new(Compression::none(), true);
        let bytes = [&MAGIC[..], &VERSION, &[0; 4]].concat();
        Self { bytes, count: 0, deflate, store }
    }

    /// Puts an object in; each only once, which is for the caller to see to.
    pub fn add(&mut self, object: &Object) {
        header(&mut self.bytes, code(object.kind), object.bytes.len());
        let zlib = if object.kind == Kind::Tree { &mut self.store } else { &mut self.deflate };
        compress(zlib, &object.bytes, &mut self.bytes);
        self.count += 1;
    }

    /// How many objects are in it.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// The pack.
    pub fn finish(mut self) -> Vec<u8> {
        self.bytes[HEADER_BYTES - 4..HEADER_BYTES].copy_from_slice(&self.count.to_be_bytes());
        let checksum: [u8; CHECKSUM_BYTES] = Sha256::digest(&self.bytes).into();
        self.bytes.extend(checksum);
        self.bytes
    }
}

/// Kind and size: four bits of the size in the first byte, then seven a byte, the lowest first.
fn header(out: &mut Vec<u8>, code: u8, size: usize) {
    let (mut byte, mut rest) = ((code << 4) | (size & 0x0f) as u8, size >> 4);
    while rest > 0 {
        out.push(byte | 0x80);
        (byte, rest) = ((rest & 0x7f) as u8, rest >> 7);
    }
    out.push(byte);
}

/// Appends the zlib stream of `plain`.
pub(crate) fn compress(zlib: &mut Compress, plain: &[u8], out: &mut Vec<u8>) {
    zlib.reset();
    loop {
        let done = zlib.total_in() as usize;
        // zlib's own bound is length / 1000 and some bytes; once is enough.
        out.reserve(plain.len() - done + plain.len() / 512 + 64);
        let status = zlib
            .compress_vec(&plain[done..], out, FlushCompress::Finish)
            .expect("because compressing is never in a wrong state after a reset");
        if status == Status::StreamEnd {
            return;
        }
    }
}
