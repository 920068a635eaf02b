//! Large files: their chunks on this box, and the manifests that the ledger keeps in their place.
//!
//! A file that was put belongs to nobody until its manifest is in the ledger; for [`KEEP`] its chunks are held
//! against the collection. What the ledger needs is what the states at its branches' heads name; the chunks of a release's deltas are
//! named by the release's document.

mod deltas;
mod transit;

pub use transit::Transit;

use chunk::{Cutter, Manifest, ManifestError};
use ledger::{Kind, Objects, ReadError, State, StateError};
use model::{ChunkId, ObjectId, StatePath};
use std::{
    collections::HashSet,
    io::{self, Read, Write},
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use store::{
    GitObjects, RefError,
    chunks::{
        Chunks, Damage, GcError, GcReport, GetError, GetFileError, OpenError, Pin, PutError, PutFileError,
        VerifyError,
    },
    disk::{Disk, DiskError},
};

/// How long the chunks of a file that was put wait for their manifest.
const KEEP: Duration = Duration::from_secs(3600);

/// Chunks that lie elsewhere on this box than in the chunk store.
pub type Beside = Arc<dyn Fn(&ChunkId) -> Option<Vec<u8>> + Send + Sync>;

/// The large files of this box.
pub struct Blobs {
    chunks: Chunks,
    objects: Mutex<GitObjects>,
    waiting: Mutex<Vec<(Pin, Instant)>>,
    transit: Transit,
    beside: Mutex<Option<Beside>>,
}

/// A large file that cannot be put, had, looked through or collected.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The manifest cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The manifest is not in the ledger.
    #[error("the manifest {0} is not in the ledger")]
    Missing(ObjectId),
    /// The manifest is none.
    #[error("the manifest {id} cannot be used: {source}")]
    Manifest {
        /// Which.
        id: ObjectId,
        /// What is wrong.
        source: ManifestError,
    },
    /// The state of a branch cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// The branches cannot be read.
    #[error(transparent)]
    Ref(#[from] RefError),
    /// It was not kept.
    #[error(transparent)]
    Put(#[from] PutFileError),
    /// It cannot be had.
    #[error(transparent)]
    Get(#[from] GetFileError),
    /// The chunks cannot be looked through.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// A chunk of another box was not kept.
    #[error(transparent)]
    Keep(#[from] PutError),
    /// The disk failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The collection stopped.
    #[error(transparent)]
    Collect(#[from] GcError),
}

impl BlobError {
    /// Whether the disk has no room left.
    pub fn is_full(&self) -> bool {
        let mut next: Option<&(dyn std::error::Error + 'static)> = Some(self);
        while let Some(error) = next {
            if let Some(disk) = error.downcast_ref::<DiskError>() {
                return disk.is_full();
            }
            next = error.source();
        }
        false
    }
}

impl Blobs {
    /// Opens the chunks in `folder`, of the ledger that `objects` reads.
    pub fn open(folder: &Path, disk: Arc<dyn Disk>, objects: GitObjects) -> Result<Arc<Self>, OpenError> {
        let chunks = Chunks::open(folder, disk)?;
        let opened = chunks.opened();
        if !opened.damage.is_empty() {
            tracing::error!(damage = ?opened.damage, "chunks are damaged: `ledgerctl blob verify` tells which");
        }
        let (objects, waiting, transit) = (Mutex::new(objects), Mutex::default(), Transit::default());
        Ok(Arc::new(Self { chunks, objects, waiting, transit, beside: Mutex::default() }))
    }

    /// Cuts and keeps a file. How many chunks were new comes with its manifest.
    pub fn put(&self, reader: impl Read, cutter: Cutter) -> Result<(Manifest, u64), BlobError> {
        let pin = self.chunks.pin();
        let before = self.chunks.usage().chunks;
        let manifest = self.chunks.put_file(reader, cutter, &mut |_| {})?;
        let new = self.chunks.usage().chunks.saturating_sub(before);
        self.hold(pin);
        Ok((manifest, new as u64))
    }

    /// Keeps one chunk that is no piece of a file, such as a delta's; durable on return.
    pub fn put_chunk(&self, bytes: &[u8]) -> Result<ChunkId, BlobError> {
        let pin = self.chunks.pin();
        let id = self.chunks.put(bytes)?;
        self.chunks.sync()?;
        self.hold(pin);
        Ok(id)
    }

    /// What was put is kept from the collection for a while.
    fn hold(&self, pin: Pin) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|(_, since)| since.elapsed() < KEEP);
        waiting.push((pin, Instant::now()));
    }

    /// The manifest that is stored as an object.
    pub fn manifest(&self, id: &ObjectId) -> Result<Manifest, BlobError> {
        let object = self.reader().read(id)?.filter(|object| object.kind == Kind::Blob);
        let bytes = object.ok_or(BlobError::Missing(*id))?.bytes;
        Manifest::parse(&bytes).map_err(|source| BlobError::Manifest { id: *id, source })
    }

    /// The file of a manifest, to read from its beginning.
    pub fn read(&self, id: &ObjectId) -> Result<BlobReader<'_>, BlobError> {
        Ok(self.read_file(self.manifest(id)?))
    }

    /// The file of a manifest that is at hand, to read from its beginning.
    pub fn read_file(&self, manifest: Manifest) -> BlobReader<'_> {
        BlobReader { chunks: &self.chunks, list: manifest.chunks.into_iter(), piece: Vec::new(), at: 0 }
    }

    /// Writes the file of a manifest; each chunk and the whole are verified.
    pub fn write(&self, manifest: &Manifest, into: impl Write) -> Result<(), BlobError> {
        Ok(self.chunks.get_file(manifest, into, &mut |_| {})?)
    }

    /// A chunk for another box; none if it is not here or damaged.
    pub fn chunk(&self, id: &ChunkId) -> Option<Vec<u8>> {
        self.chunks.get(id).ok().or_else(|| {
            let beside = self.beside.lock().unwrap_or_else(PoisonError::into_inner).clone();
            beside.and_then(|beside| beside(id))
        })
    }

    /// Whether the chunk store has it.
    pub fn stores(&self, id: &ChunkId) -> bool {
        self.chunks.contains(id).unwrap_or(false)
    }

    /// Where chunks lie besides.
    pub fn lie_beside(&self, beside: Beside) {
        *self.beside.lock().unwrap_or_else(PoisonError::into_inner) = Some(beside);
    }

    /// The chunks that only pass through.
    pub fn transit(&self) -> &Transit {
        &self.transit
    }

    /// Keeps chunks that came from other boxes; durable on return.
    pub fn keep(&self, chunks: &[Vec<u8>]) -> Result<(), BlobError> {
        chunks.iter().try_for_each(|bytes| self.chunks.put(bytes).map(|_| ()))?;
        Ok(self.chunks.sync()?)
    }

    /// The chunks of these files that are not here with their lengths, in the order of the files.
    pub fn missing<'a>(
        &self,
        manifests: impl IntoIterator<Item = &'a ObjectId>,
    ) -> Result<Vec<(ChunkId, u32)>, BlobError> {
        let (mut missing, mut seen) = (Vec::new(), HashSet::new());
        for manifest in manifests {
            for (id, length) in self.manifest(manifest)?.chunks {
                if seen.insert(id) && !self.chunks.contains(&id)? {
                    missing.push((id, length));
                }
            }
        }
        Ok(missing)
    }

    /// How many bytes all packs have.
    pub fn bytes(&self) -> u64 {
        self.chunks.usage().bytes
    }

    /// Reads every chunk and compares it with its name. `progress` hears how many bytes are done.
    /// Then looks for what the branches need and nobody has: a chunk that was damaged before is one of these.
    pub fn verify(&self, progress: &mut dyn FnMut(u64)) -> Result<Looked, BlobError> {
        let report = self.chunks.verify(progress)?;
        let known: HashSet<ChunkId> = report.damaged.iter().filter_map(|damage| damage.id).collect();
        let mut bad: Vec<String> = report.damaged.iter().map(damage_text).collect();
        for id in self.needed(|state, path| Ok(!is_of_a_system(state, path)?))?.difference(&known) {
            if !self.chunks.contains(id).map_err(VerifyError)? {
                bad.push(format!("chunk {id} is needed and missing"));
            }
        }
        bad.sort();
        Ok(Looked { good: report.chunks, bad })
    }

    /// Removes chunks that no branch needs.
    pub fn collect(&self) -> Result<GcReport, BlobError> {
        let _pin = self.chunks.pin();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|(_, since)| since.elapsed() < KEEP);
        drop(waiting);
        let mut needed = self.needed(|_, _| Ok(true))?;
        needed.extend(self.of_deltas()?);
        Ok(self.chunks.gc(&needed)?)
    }

    /// The chunks of the files of all branches, of those that are `wanted`.
    fn needed(
        &self,
        wanted: impl Fn(&State<'_>, &StatePath) -> Result<bool, StateError>,
    ) -> Result<HashSet<ChunkId>, BlobError> {
        let objects = self.objects();
        let (mut needed, mut seen) = (HashSet::new(), HashSet::new());
        for head in objects.refs()?.into_values() {
            let state = State::at(&objects, head)?;
            for path in state.list("")?.into_iter().filter(|path| path.as_str().ends_with(".manifest")) {
                let Some(id) = state.id_of(&path)? else { continue };
                if wanted(&state, &path)? && seen.insert(id) {
                    needed.extend(self.manifest(&id)?.chunks.into_iter().map(|(id, _)| id));
                }
            }
        }
        Ok(needed)
    }

    /// The chunks of the deltas that releases of the branches offer, as far as their lists are here.
    fn of_deltas(&self) -> Result<HashSet<ChunkId>, BlobError> {
        let objects = self.objects();
        let mut found = HashSet::new();
        for head in objects.refs()?.into_values() {
            found.extend(deltas::chunks_of_deltas(&State::at(&objects, head)?, &|id| self.chunk(id))?);
        }
        Ok(found)
    }

    /// The ledger's objects, for a reader of its own.
    pub fn objects(&self) -> GitObjects {
        self.reader().clone()
    }

    fn reader(&self) -> MutexGuard<'_, GitObjects> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a manifest is that of a part of an operating system: boxes have it in a slot, and in the store only who published it.
fn is_of_a_system(state: &State<'_>, manifest: &StatePath) -> Result<bool, StateError> {
    let Some(release) = release_of(manifest) else { return Ok(false) };
    let kind =
        |document: model::Document| document.get(&["kind"]).and_then(|kind| kind.as_str()) == Some(SYSTEM);
    Ok(state.document(&release)?.is_some_and(kind))
}

/// What a release of an operating system says of itself.
pub(crate) const SYSTEM: &str = "system";

/// The document of the release that a manifest belongs to: `images/<image>/<channel>/<version>/<part>.manifest`.
pub(crate) fn release_of(manifest: &StatePath) -> Option<StatePath> {
    let parts: Vec<&str> = manifest.as_str().split('/').collect();
    match parts.as_slice() {
        ["images", image, channel, version, _] => {
            format!("images/{image}/{channel}/{version}/release.toml").parse().ok()
        }
        _ => None,
    }
}

/// What a look at every chunk found.
#[derive(Debug)]
pub struct Looked {
    /// Chunks that are whole.
    pub good: u64,
    /// What is wrong, one line each.
    pub bad: Vec<String>,
}

fn damage_text(damage: &Damage) -> String {
    let chunk = damage.id.map_or_else(|| "an unknown chunk".into(), |id| format!("chunk {id}"));
    format!("{chunk} is damaged: {} bytes at {} of {}", damage.bytes, damage.offset, damage.pack.display())
}

/// A file read chunk by chunk.
pub struct BlobReader<'a> {
    chunks: &'a Chunks,
    list: std::vec::IntoIter<(ChunkId, u32)>,
    piece: Vec<u8>,
    at: usize,
}

impl Read for BlobReader<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.at == self.piece.len() {
            let Some((id, length)) = self.list.next() else { return Ok(0) };
            self.piece = self.chunks.get(&id).map_err(|error: GetError| io::Error::other(error))?;
            self.at = 0;
            if self.piece.len() != length as usize {
                return Err(io::Error::other(format!(
                    "chunk {id} has another length than the manifest says"
                )));
            }
        }
        let length = into.len().min(self.piece.len() - self.at);
        into[..length].copy_from_slice(&self.piece[self.at..self.at + length]);
        self.at += length;
        Ok(length)
    }
}
