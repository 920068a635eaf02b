//! Writes a pack, object by object.

use super::{CHECKSUM_BYTES, HEADER_BYTES, MAGIC, VERSION, code};
use flate2::{Compress, Compression, FlushCompress, Status};
use ledger::{Kind, Object};
use sha2::{Digest, Sha256};

/// The most bytes of a stored block of zlib.
const STORED_MAX: usize = 0xffff;
/// The largest prime below 2^16.
const ADLER: u32 = 65_521;
/// So many bytes are added up before the sums must be reduced (zlib's NMAX).
const ADLER_PART: usize = 5552;

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
            Kind::Tree => keep(&object.bytes, &mut self.bytes),
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

/// The compressor, for all objects of an answer: making one costs more than a small object does.
pub(crate) struct Zlib(Compress);

impl Default for Zlib {
    fn default() -> Self {
        Self(Compress::new(Compression::fast(), true))
    }
}

impl Zlib {
    /// Appends the zlib stream of `plain`; as it is, if it does not shrink.
    pub(crate) fn shrink(&mut self, plain: &[u8], out: &mut Vec<u8>) {
        if !self.deflate(plain, out) {
            keep(plain, out);
        }
    }

    /// Appends the zlib stream of `plain` if that is shorter; gives whether it is.
    pub(crate) fn deflate(&mut self, plain: &[u8], out: &mut Vec<u8>) -> bool {
        let start = out.len();
        compress(&mut self.0, plain, out);
        let shorter = out.len() - start < plain.len();
        if !shorter {
            out.truncate(start);
        }
        shorter
    }
}

/// Appends the zlib stream (RFC 1950) of `plain` in stored blocks (RFC 1951, 3.2.4): nothing is searched in it.
fn keep(plain: &[u8], out: &mut Vec<u8>) {
    out.extend([0x78, 0x01]);
    let mut blocks = plain.chunks(STORED_MAX).peekable();
    if blocks.peek().is_none() {
        out.extend([1, 0, 0, 0xff, 0xff]);
    }
    while let Some(block) = blocks.next() {
        let length = block.len() as u16;
        out.push(u8::from(blocks.peek().is_none()));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend_from_slice(block);
    }
    out.extend(adler32(plain).to_be_bytes());
}

/// The checksum of a zlib stream (RFC 1950, 9).
fn adler32(bytes: &[u8]) -> u32 {
    let (mut a, mut b) = (1_u32, 0_u32);
    for part in bytes.chunks(ADLER_PART) {
        for byte in part {
            a += u32::from(*byte);
            b += a;
        }
        (a, b) = (a % ADLER, b % ADLER);
    }
    (b << 16) | a
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
