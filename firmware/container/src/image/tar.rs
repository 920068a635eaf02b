//! The image tar: the one form in which an image lies in the ledger (docs/formats/image.md).
//!
//! `config.json`, then `layers/0.tar`, `layers/1.tar` and so on, uncompressed, in a plain ustar. The headers
//! hold nothing but name and size, so the same image is the same bytes for ever, and two versions that share
//! layers or files share chunks. No hostile input here but lengths; readers check the digests.

use std::io::{self, Read, Write};
use tar::Header;

/// Tar's unit.
const BLOCK: u64 = 512;

/// The name of the configuration, always the first member.
pub const CONFIG: &str = "config.json";

/// The name of the layer with this number, counted from the lowest.
pub fn layer_name(number: usize) -> String {
    format!("layers/{number}.tar")
}

/// Writes an image tar member by member.
pub struct ImageTar<W: Write>(W);

impl<W: Write> ImageTar<W> {
    /// Begins with the configuration.
    pub fn begin(out: W, config: &[u8]) -> io::Result<Self> {
        let mut tar = Self(out);
        tar.append(CONFIG, config.len() as u64, config)?;
        Ok(tar)
    }

    /// Adds a member of exactly `size` bytes, read from `content`.
    pub fn append(&mut self, name: &str, size: u64, mut content: impl Read) -> io::Result<()> {
        self.append_with(name, size, |out| io::copy(&mut content, out).map(drop))
    }

    /// Adds a member of exactly `size` bytes, which `write` writes.
    pub fn append_with(
        &mut self,
        name: &str,
        size: u64,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut header = plain_header(size, 0o644);
        header.set_path(name)?;
        header.set_cksum();
        self.0.write_all(header.as_bytes())?;
        let mut exact = Exact { out: &mut self.0, left: size };
        write(&mut exact)?;
        if exact.left > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let padding = size.next_multiple_of(BLOCK) - size;
        self.0.write_all(&[0; BLOCK as usize][..padding as usize])
    }

    /// Writes the end: two empty blocks.
    pub fn end(mut self) -> io::Result<()> {
        self.0.write_all(&[0; 2 * BLOCK as usize])?;
        self.0.flush()
    }
}

/// A header that says nothing of who wrote it, or when, or where.
pub fn plain_header(size: u64, mode: u32) -> Header {
    let mut header = Header::new_ustar();
    header.set_size(size);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_entry_type(tar::EntryType::Regular);
    header
}

/// Lets just so many bytes through.
struct Exact<'a, W> {
    out: &'a mut W,
    left: u64,
}

impl<W: Write> Write for Exact<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let left = self.left.checked_sub(bytes.len() as u64);
        let left = left.ok_or_else(|| io::Error::other("more bytes than were announced"))?;
        let count = self.out.write(bytes)?;
        self.left = left + (bytes.len() - count) as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
