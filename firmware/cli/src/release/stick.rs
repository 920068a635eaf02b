//! A folder that carries releases to boxes that no network reaches, on an USB stick as a rule (docs/formats/stick.md).
//!
//! Documents lie in it as in the ledger, and chunks by their names. Nothing on a stick is believed: a chunk counts by its name, a manifest by its hash in
//! the release, the release by its signatures. A file is written beside its place and renamed, and what is there and whole is not written again.

use crate::error::{Hint, Result, refused};
use anyhow::{Context, ensure};
use chunk::{MAX_CHUNK_BYTES, MAX_MANIFEST_BYTES, Manifest, chunk_id};
use model::{ChunkId, Document, MAX_DOCUMENT_BYTES, StatePath};
use std::{
    fs::{self, File},
    io::{self, ErrorKind, Read, Write},
    path::{Path, PathBuf},
    vec::IntoIter,
};
use update::{Approval, MAX_RELEASE_BYTES, Release, manifest_id};

const IMAGES: &str = "images";
const CHUNKS: &str = "chunks";
const DOCUMENT: &str = "release.toml";
const SIGNED: &str = "signed";
/// Image, channel, version.
const DEPTH: usize = 3;

/// The folder.
pub struct Stick {
    folder: PathBuf,
}

/// A release on a stick, whose parts fit it. Who signed it is another question.
pub struct Carried {
    /// What it says.
    pub release: Release,
    /// Its document.
    pub text: Vec<u8>,
    /// Where it lies, here and in the ledger.
    pub folder: StatePath,
    /// The manifests of its parts, in their order, with their texts.
    pub manifests: Vec<(Manifest, Vec<u8>)>,
    /// Its signatures, by the names of their files.
    pub approvals: Vec<(String, Approval)>,
}

/// How a chunk lies on a stick.
pub enum Lies {
    /// Whole.
    Whole(Vec<u8>),
    /// Not at all.
    Missing,
    /// With other bytes than its name says, or so that they cannot be read.
    Damaged(PathBuf),
}

impl Stick {
    /// A folder that is there, or will be.
    pub fn at(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// The releases on it, the oldest of each channel first.
    pub fn releases(&self) -> Result<Vec<Carried>> {
        let mut folders = vec![(self.folder.join(IMAGES), IMAGES.to_owned())];
        for _ in 0..DEPTH {
            let below =
                folders.iter().map(|(folder, path)| below(folder, path)).collect::<Result<Vec<_>>>()?;
            folders = below.concat();
        }
        folders.retain(|(folder, _)| folder.join(DOCUMENT).is_file());
        let carried = folders.iter().map(|(folder, path)| read(folder, path));
        let mut carried: Vec<Carried> = carried.collect::<Result<_>>()?;
        let key =
            |it: &Carried| (it.release.image.clone(), it.release.channel.clone(), it.release.version.clone());
        carried.sort_by_key(key);
        if carried.is_empty() {
            return Err(refused(
                format!("there is no release in {}", self.folder.display()),
                "name the folder that ledgerctl image export wrote: the one with images and chunks in it",
            ));
        }
        Ok(carried)
    }

    /// Where a chunk lies.
    fn place(&self, id: &ChunkId) -> PathBuf {
        let name = id.to_string();
        self.folder.join(CHUNKS).join(&name[..2]).join(name)
    }

    /// A chunk, looked at.
    pub fn chunk(&self, id: &ChunkId) -> Lies {
        let path = self.place(id);
        match bytes(&path, MAX_CHUNK_BYTES as usize) {
            Ok(bytes) if chunk_id(&bytes) == *id => Lies::Whole(bytes),
            Err(error) if error.kind() == ErrorKind::NotFound => Lies::Missing,
            _ => Lies::Damaged(path),
        }
    }

    /// Writes a chunk, unless it is there and whole. Whether it was written.
    pub fn put_chunk(&self, id: &ChunkId, bytes: impl FnOnce() -> Result<Vec<u8>>) -> Result<bool> {
        if matches!(self.chunk(id), Lies::Whole(_)) {
            return Ok(false);
        }
        let bytes = bytes()?;
        write(&self.place(id), &bytes).map(|()| true)
    }

    /// Writes a file of the ledger.
    pub fn put_file(&self, path: &StatePath, bytes: &[u8]) -> Result {
        write(&self.folder.join(path.as_str()), bytes)
    }

    /// The bytes of these chunks, one behind the other.
    pub fn reader(&self, manifest: &Manifest) -> impl Read + Send + 'static {
        let stick = Self { folder: self.folder.clone() };
        Chunks { stick, left: manifest.chunks.clone().into_iter(), piece: Vec::new(), at: 0 }
    }
}

/// The folders in a folder, with their paths; none if it is not there.
fn below(folder: &Path, path: &str) -> Result<Vec<(PathBuf, String)>> {
    let cannot = || format!("cannot read {}", folder.display());
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.with_context(cannot)?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.with_context(cannot)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() {
            found.push((entry.path(), format!("{path}/{name}")));
        }
    }
    Ok(found)
}

/// A release, every part of which is what it says.
fn read(folder: &Path, path: &str) -> Result<Carried> {
    let text = part(folder, DOCUMENT, MAX_RELEASE_BYTES)?;
    let named = || damaged(&folder.join(DOCUMENT));
    let release = Release::parse(&text).hint(named, AGAIN)?;
    ensure!(release.folder()?.as_str() == path, "{} says that it belongs to {}", named(), release.folder()?);
    let mut manifests = Vec::new();
    for one in &release.parts {
        let name = format!("{}.manifest", one.name);
        let text = part(folder, &name, MAX_MANIFEST_BYTES)?;
        let manifest = Manifest::parse(&text).ok().filter(|_| manifest_id(&text) == one.manifest);
        let manifest = manifest.ok_or_else(|| refused(damaged(&folder.join(&name)), AGAIN))?;
        manifests.push((manifest, text));
    }
    let approvals = approvals(&folder.join(SIGNED))?;
    Ok(Carried { folder: release.folder()?, release, text, manifests, approvals })
}

const AGAIN: &str = "nothing was imported; write it anew from a good copy: ledgerctl image export, which leaves whole files as they are";

fn damaged(path: &Path) -> String {
    format!("{} is damaged", path.display())
}

fn part(folder: &Path, name: &str, most: usize) -> Result<Vec<u8>> {
    let path = folder.join(name);
    bytes(&path, most).hint(|| format!("cannot read {}", path.display()), AGAIN)
}

/// The signatures. A file that has none counts for nothing and does no harm, as in the ledger.
fn approvals(folder: &Path) -> Result<Vec<(String, Approval)>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.with_context(|| format!("cannot read {}", folder.display()))?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let document = bytes(&path, MAX_DOCUMENT_BYTES).ok().and_then(|text| Document::parse(&text).ok());
        let signature = document.and_then(|it| Some(it.get(&["signature"])?.as_str()?.to_owned()));
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        found.extend(stem.zip(signature.map(|signature| Approval { signature })));
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(found)
}

/// A file of at most so many bytes.
fn bytes(path: &Path, most: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > most { Err(io::Error::from(ErrorKind::FileTooLarge)) } else { Ok(bytes) }
}

/// Beside its place, on the disk, and then renamed.
fn write(path: &Path, bytes: &[u8]) -> Result {
    let cannot = || format!("cannot write {}", path.display());
    let room =
        "the stick must be there, writable, and have room; what was written stays, and the export goes on";
    let beside = path.with_extension("part");
    let written = || {
        fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
        let mut file = File::create(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    written().hint(cannot, room)
}

/// A part, chunk by chunk.
struct Chunks {
    stick: Stick,
    left: IntoIter<(ChunkId, u32)>,
    piece: Vec<u8>,
    at: usize,
}

impl Read for Chunks {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.at == self.piece.len() {
            let Some((id, _)) = self.left.next() else { return Ok(0) };
            let Lies::Whole(bytes) = self.stick.chunk(&id) else {
                return Err(io::Error::other(damaged(&self.stick.place(&id))));
            };
            (self.piece, self.at) = (bytes, 0);
        }
        let length = into.len().min(self.piece.len() - self.at);
        into[..length].copy_from_slice(&self.piece[self.at..self.at + length]);
        self.at += length;
        Ok(length)
    }
}
