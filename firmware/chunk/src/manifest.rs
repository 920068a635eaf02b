//! The list of a file's chunks, which stands in the ledger in the file's place.
//!
//! Canonical text (`docs/formats/manifest.md`): one file cut by one cutter has one manifest, byte for byte,
//! and [`Manifest::parse`] takes nothing that [`Manifest::to_text`] would not write. It is checked against
//! itself (sizes add up, lengths fit the cutter); whether the chunks are at hand is the store's affair.

use std::fmt::Write;

use model::ChunkId;

use crate::{
    Cutter, CutterError,
    text::{Lines, WrongLine, decimal, named},
};

/// The longest manifest, in bytes of text.
pub const MAX_MANIFEST_BYTES: usize = 16 << 20;
/// The most chunks of a file: as many lines as surely fit.
pub const MAX_CHUNKS: usize = 200_000;

const FIRST_LINE: &str = "manifest 1";

/// A file as its chunks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// What cut it.
    pub cutter: Cutter,
    /// Its length in bytes.
    pub size: u64,
    /// BLAKE3 over the whole file.
    pub hash: [u8; 32],
    /// Name and length in bytes of each chunk, in the file's order.
    pub chunks: Vec<(ChunkId, u32)>,
}

/// Why bytes are no manifest, or chunks make none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// Over [`MAX_MANIFEST_BYTES`].
    #[error("a manifest of {0} bytes is longer than {MAX_MANIFEST_BYTES}")]
    TooLong(usize),
    /// Over [`MAX_CHUNKS`].
    #[error("the file has more than {MAX_CHUNKS} chunks: choose a cutter with larger sizes")]
    TooManyChunks,
    /// The first line is another.
    #[error("this is no manifest: its first line is not \"{FIRST_LINE}\"")]
    NotAManifest,
    /// A line has not the form that its place asks for.
    #[error("line {line} of the manifest is not \"{wanted}\" as we write it")]
    Line {
        /// Counted from 1.
        line: usize,
        /// The form.
        wanted: &'static str,
    },
    /// The cutter is none of ours.
    #[error("line 2 of the manifest names a cutter that cannot be used")]
    Cutter(#[source] CutterError),
    /// A chunk that this cutter does not make.
    #[error("chunk {number} is {length} bytes long, which {cutter} does not make there")]
    Length {
        /// Counted from 0.
        number: usize,
        /// In bytes.
        length: u32,
        /// The manifest's.
        cutter: Cutter,
    },
    /// The lengths do not add up.
    #[error("the chunks have {chunks} bytes together but the file is said to have {size}")]
    Size {
        /// The sum.
        chunks: u64,
        /// What the manifest says.
        size: u64,
    },
}

impl Manifest {
    /// The canonical text.
    pub fn to_text(&self) -> String {
        let mut text = String::with_capacity(160 + 73 * self.chunks.len());
        let hash = hex::encode(self.hash);
        let head = format!("{FIRST_LINE}\ncutter {}\nsize {}\nblake3 {hash}\n", self.cutter, self.size);
        text.push_str(&head);
        for (id, length) in &self.chunks {
            writeln!(text, "{id} {length}").expect("because a string takes everything");
        }
        text
    }

    /// Reads the canonical text and checks it against itself.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        if bytes.len() > MAX_MANIFEST_BYTES {
            return Err(ManifestError::TooLong(bytes.len()));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| ManifestError::NotAManifest)?;
        let mut lines = Lines::of(text);
        if lines.next() != Some(FIRST_LINE) {
            return Err(ManifestError::NotAManifest);
        }
        let cutter = lines.field("cutter ", "cutter NAME:MIN:AVG:MAX", Some)?;
        let cutter = cutter.parse().map_err(ManifestError::Cutter)?;
        let size = lines.field("size ", "size BYTES", decimal::<u64>)?;
        let hash = lines.field("blake3 ", "blake3 HASH", |hash| hash.parse::<ChunkId>().ok())?;
        let mut builder = Builder::new(cutter);
        while !lines.is_at_end() {
            let (id, length) = lines.field("", "CHUNK-ID BYTES", named)?;
            builder.push(id, length)?;
        }
        builder.finish(*hash.as_bytes()).of_size(size)
    }

    fn of_size(self, size: u64) -> Result<Self, ManifestError> {
        if self.size == size { Ok(self) } else { Err(ManifestError::Size { chunks: self.size, size }) }
    }
}

impl From<WrongLine> for ManifestError {
    fn from(WrongLine { line, wanted }: WrongLine) -> Self {
        Self::Line { line, wanted }
    }
}

/// Gathers the chunks of a file that is being cut.
#[derive(Debug, Clone)]
pub struct Builder {
    cutter: Cutter,
    size: u64,
    chunks: Vec<(ChunkId, u32)>,
}

impl Builder {
    /// No chunks yet.
    pub fn new(cutter: Cutter) -> Self {
        Self { cutter, size: 0, chunks: Vec::new() }
    }

    /// Adds the file's next chunk.
    pub fn push(&mut self, id: ChunkId, length: u32) -> Result<(), ManifestError> {
        if self.chunks.len() == MAX_CHUNKS {
            return Err(ManifestError::TooManyChunks);
        }
        if let Some(&(_, before)) = self.chunks.last() {
            self.check_length(self.chunks.len() - 1, before, self.cutter.sizes().min())?;
        }
        self.check_length(self.chunks.len(), length, 1)?;
        self.size += u64::from(length);
        self.chunks.push((id, length));
        Ok(())
    }

    fn check_length(&self, number: usize, length: u32, min: u32) -> Result<(), ManifestError> {
        if (min..=self.cutter.sizes().max()).contains(&length) {
            return Ok(());
        }
        Err(ManifestError::Length { number, length, cutter: self.cutter })
    }

    /// The manifest of a file that has this hash.
    pub fn finish(self, hash: [u8; 32]) -> Manifest {
        let Self { cutter, size, chunks } = self;
        Manifest { cutter, size, hash, chunks }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FileHasher, chunk_id};

    fn manifest() -> Manifest {
        let mut builder = Builder::new("rabin:4:64:64".parse().unwrap());
        let mut whole = FileHasher::new();
        for piece in [b"one piece".as_slice(), b"another piece", b"end"] {
            builder.push(chunk_id(piece), piece.len() as u32).unwrap();
            whole.update(piece);
        }
        builder.finish(whole.finish())
    }

    fn changed(from: &str, to: &str) -> ManifestError {
        let text = manifest().to_text();
        assert!(text.contains(from), "{from:?} is not in {text}");
        Manifest::parse(text.replacen(from, to, 1).as_bytes()).unwrap_err()
    }

    #[test]
    fn text_goes_there_and_back() {
        let text = manifest().to_text();
        assert_eq!(Manifest::parse(text.as_bytes()).unwrap(), manifest());
        assert!(text.starts_with("manifest 1\ncutter rabin:4:64:64\nsize 25\nblake3 "), "{text}");
        assert_eq!(text.lines().count(), 7);
    }

    #[test]
    fn an_empty_file_has_a_manifest() {
        let empty = Builder::new(Cutter::default()).finish(FileHasher::new().finish());
        assert_eq!(Manifest::parse(empty.to_text().as_bytes()).unwrap(), empty);
    }

    #[test]
    fn what_we_would_not_write_is_refused_with_its_line() {
        let wrong_line = |from, to, line| match changed(from, to) {
            ManifestError::Line { line: at, .. } => assert_eq!(at, line, "{from:?} -> {to:?}"),
            other => panic!("{from:?} -> {to:?} gave {other:?}"),
        };
        wrong_line("cutter ", "", 2);
        wrong_line("size 25", "size 025", 3);
        wrong_line("size 25", "size +25", 3);
        wrong_line("size 25\n", "", 3);
        wrong_line("blake3 ", "blake3 AB", 4);
        wrong_line(" 9\n", "  9\n", 5);
        wrong_line(" 9\n", " 9\r\n", 5);
        wrong_line(" 9\n", " 9\n\n", 6);
        wrong_line(" 3\n", " 3", 7);
        wrong_line(" 3\n", " 99999999999\n", 7);
    }

    #[test]
    fn the_first_line_tells_a_manifest_from_any_other_file() {
        assert_eq!(changed("manifest 1", "manifest 2"), ManifestError::NotAManifest);
        for other in [b"".as_slice(), b"manifest 1", b"\xff\xfe", b"#!/bin/sh\n"] {
            assert_eq!(Manifest::parse(other), Err(ManifestError::NotAManifest));
        }
    }

    #[test]
    fn lengths_that_the_cutter_does_not_make_are_refused() {
        assert!(matches!(changed(" 9\n", " 0\n"), ManifestError::Length { number: 0, length: 0, .. }));
        assert!(matches!(changed(" 13\n", " 3\n"), ManifestError::Length { number: 1, length: 3, .. }));
        assert!(matches!(changed(" 3\n", " 65\n"), ManifestError::Length { number: 2, length: 65, .. }));
    }

    #[test]
    fn sizes_that_do_not_add_up_are_refused() {
        assert_eq!(changed("size 25", "size 26"), ManifestError::Size { chunks: 25, size: 26 });
    }

    #[test]
    fn a_manifest_cut_short_at_any_byte_is_refused() {
        let text = manifest().to_text();
        for end in 0..text.len() {
            assert!(Manifest::parse(&text.as_bytes()[..end]).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn a_cutter_that_makes_too_many_chunks_is_named_as_the_reason() {
        let mut builder = Builder::new("rabin:1:64:64".parse().unwrap());
        for _ in 0..MAX_CHUNKS {
            builder.push(chunk_id(b"x"), 1).unwrap();
        }
        assert_eq!(builder.push(chunk_id(b"x"), 1), Err(ManifestError::TooManyChunks));
        const { assert!(73 * MAX_CHUNKS + 1000 < MAX_MANIFEST_BYTES) };
    }
}
