//! Writes a pack, object by object.

use super::{CHECKSUM_BYTES, HEADER_BYTES, MAGIC, VERSION, code};
use flate2::{Compress, Compression, FlushCompress, Status};
use ledger::{Kind, Object};
use sha2::{Digest, Sha256};

/// A pack in the making.
pub struct PackWriter {
    bytes: Vec<u8>,
    count: u32,
    zlib: Zlib,
}

impl Default for PackWriter {
    fn default() -> Self {
        Self::new()
    }
}

impl PackWriter {
    /// An empty pack.
    pub fn new() -> Self {
        let bytes = [&MAGIC[..], &VERSION, &[0; 4]].concat();
        Self { bytes, count: 0, zlib: Zlib::default() }
    }

    /// Puts an object in; each only once, which is for the caller to see to.
    pub fn add(&mut self, object: &Object) {
        header(&mut self.bytes, code(object.kind), object.bytes.len());
        // Folders are mostly ids, which do not shrink.
        match object.kind {
            Kind::Tree => self.zlib.keep(&object.bytes, &mut self.bytes),
            Kind::Blob | Kind::Commit => self.zlib.shrink(&object.bytes, &mut self.bytes),
        }
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

/// The compressors, for all objects of an answer: making one costs more than a small object does.
pub(crate) struct Zlib {
    fast: Compress,
    none: Compress,
}

impl Default for Zlib {
    fn default() -> Self {
        let (fast, none) = (Compression::fast(), Compression::none());
        Self { fast: Compress::new(fast, true), none: Compress::new(none, true) }
    }
}

impl Zlib {
    /// Appends the zlib stream of `plain`; as it is, if it does not shrink.
    pub(crate) fn shrink(&mut self, plain: &[u8], out: &mut Vec<u8>) {
        if !self.deflate(plain, out) {
            self.keep(plain, out);
        }
    }

    /// Appends the zlib stream of `plain` if that is shorter; gives whether it is.
    pub(crate) fn deflate(&mut self, plain: &[u8], out: &mut Vec<u8>) -> bool {
        let start = out.len();
        compress(&mut self.fast, plain, out);
        let shorter = out.len() - start < plain.len();
        if !shorter {
            out.truncate(start);
        }
        shorter
    }

    /// Appends the zlib stream of `plain` as it is.
    pub(crate) fn keep(&mut self, plain: &[u8], out: &mut Vec<u8>) {
        compress(&mut self.none, plain, out);
    }
}

fn compress(zlib: &mut Compress, plain: &[u8], out: &mut Vec<u8>) {
    zlib.reset();
    loop {
        let done = zlib.total_in() as usize;
        out.reserve(plain.len() - done + plain.len() / 16 + 64);
        let status = zlib
            .compress_vec(&plain[done..], out, FlushCompress::Finish)
            .expect("because compressing is never in a wrong state after a reset");
        if status == Status::StreamEnd {
            return;
        }
    }
}
