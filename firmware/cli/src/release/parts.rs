//! The parts of a release: stretches of files, cut into chunks that lie on this box.
//!
//! A file system that does not come to its verity root is refused before anything is kept: no box could ever start it.

use crate::{
    error::{Result, refused},
    link::Shelf,
};
use anyhow::Context;
use chunk::{Cutter, Manifest};
use model::{ManifestId, Name};
use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::PathBuf,
};
use update::{Part, TreeHasher, Verity, manifest_id};

const PIECE: usize = 1 << 20;

/// A part before it is cut: where its bytes lie.
#[derive(Debug, Clone)]
pub struct Raw {
    /// Its name in the release.
    pub name: Name,
    /// The file that has it.
    pub file: PathBuf,
    /// From this byte on.
    pub offset: u64,
    /// So many bytes.
    pub size: u64,
    /// Its hash tree, if dm-verity reads it.
    pub verity: Option<Verity>,
}

/// A part in chunks.
pub struct Cut {
    /// What the release says of it.
    pub part: Part,
    /// Its chunks.
    pub manifest: Manifest,
    /// The manifest's text.
    pub text: String,
    /// So many chunks were not here before.
    pub new_chunks: u64,
    /// Where its bytes lie.
    pub raw: Raw,
}

impl Raw {
    /// Its bytes, from the first one.
    pub fn open(&self) -> Result<impl Read + Send + 'static> {
        let cannot = || format!("cannot read {}", self.file.display());
        let mut file = File::open(&self.file).with_context(cannot)?;
        file.seek(SeekFrom::Start(self.offset)).with_context(cannot)?;
        Ok(file.take(self.size))
    }

    /// What the release says of it but for its manifest, which there is not yet.
    pub fn to_come(&self) -> Part {
        let manifest = ManifestId::new([0; 32]);
        Part { name: self.name.clone(), size: self.size, manifest, verity: self.verity.clone() }
    }

    /// All of its bytes.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(usize::try_from(self.size)?);
        self.open()?.read_to_end(&mut bytes).with_context(|| format!("cannot read {}", self.name))?;
        Ok(bytes)
    }

    /// Refused if its bytes do not come to the verity root that it is said to have.
    pub fn check(&self) -> Result {
        let Some(verity) = &self.verity else { return Ok(()) };
        let mut hasher = TreeHasher::new(verity.blocks);
        let (mut reader, mut piece) = (self.open()?, vec![0; PIECE]);
        loop {
            match reader.read(&mut piece).with_context(|| format!("cannot read {}", self.name))? {
                0 => break,
                length => hasher.update(&piece[..length]),
            }
        }
        if verity.fits(hasher) {
            return Ok(());
        }
        Err(refused(
            format!("{} does not fit the verity root that bundle.toml names", self.name),
            "the bundle is damaged or was put together wrongly: build the image again",
        ))
    }
}

/// Cuts a part and keeps its chunks.
pub fn cut(shelf: &Shelf<'_>, raw: Raw) -> Result<Cut> {
    let progress = shelf.progress("publishing", raw.size);
    let stored = shelf
        .cut(Box::new(raw.open()?), Cutter::default(), progress)
        .with_context(|| format!("cannot keep {}", raw.name))?;
    let manifest = Manifest::parse(stored.manifest.as_bytes())?;
    anyhow::ensure!(manifest.size == raw.size, "{} changed while it was read", raw.file.display());
    let part = Part { manifest: manifest_id(stored.manifest.as_bytes()), ..raw.to_come() };
    Ok(Cut { part, manifest, text: stored.manifest, new_chunks: stored.new_chunks, raw })
}
