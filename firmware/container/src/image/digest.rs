//! Readers and writers that hash and count what passes through them.

use sha2::{Digest, Sha256};
use std::io::{self, Read, Write};

/// Hashes, counts and limits what is read through it.
pub struct Hashing<R> {
    inner: R,
    hash: Sha256,
    count: u64,
    limit: u64,
}

impl<R: Read> Hashing<R> {
    /// Reads through `inner`; more than `limit` bytes are an error.
    pub fn new(inner: R, limit: u64) -> Self {
        Self { inner, hash: Sha256::new(), count: 0, limit }
    }

    /// Reads what is left, and tells SHA-256 in hex and length of the whole.
    pub fn finish(mut self) -> io::Result<(String, u64)> {
        io::copy(&mut self, &mut io::sink())?;
        Ok((hex(&self.hash.finalize()), self.count))
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hash.update(&buffer[..count]);
        self.count += count as u64;
        if self.count > self.limit {
            return Err(io::Error::other(format!("more than {} bytes", self.limit)));
        }
        Ok(count)
    }
}

/// Hashes and counts what is written, and keeps nothing of it.
#[derive(Default)]
pub struct HashingWriter {
    hash: Sha256,
    count: u64,
}

impl HashingWriter {
    /// SHA-256 in hex and length of the whole.
    pub fn finish(self) -> (String, u64) {
        (hex(&self.hash.finalize()), self.count)
    }
}

impl Write for HashingWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hash.update(bytes);
        self.count += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// SHA-256 in hex.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
