//! Chunk packs on disk: `FOLDER/<n>.pack`, and `FOLDER/<n>.index` beside each pack that is full.
//!
//! Packs are only ever appended to. A chunk is durable once [`Chunks::sync`] returned; before that a power cut
//! may take it, and only it. Every chunk is checked against its name when it is read: damage is an error
//! that names the place, and heals when the chunk is put again. Compressed and hashed bytes come and go
//! through the `Disk` port. One process at a time opens a folder. Format: `docs/formats/chunk-pack.md`.

mod error;
mod file;
mod gc;
mod index;
mod open;
mod packs;
mod pins;
mod places;
mod record;
mod scan;
mod verify;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chunk::{MAX_CHUNK_BYTES, chunk_id};
pub use error::{GcError, GetError, GetFileError, OpenError, PutError, PutFileError, VerifyError};
pub use gc::GcReport;
use model::ChunkId;
pub use open::{Opened, TornTail};
use packs::{Found, Packs};
pub use pins::Pin;
use pins::Pins;
pub use record::Header as RecordHeader;
use record::Packer;
pub use scan::{Shape, scan};
pub use verify::{Damage, VerifyReport};

use crate::disk::{Disk, DiskError};

/// A pack is full at this size: a 32 GB card has a thousand, and collecting one copies at most half of it.
const PACK_BYTES: u64 = 32 << 20;

/// The chunks of this box. Shared between threads by reference.
pub struct Chunks {
    packs: Mutex<Packs>,
    pins: Pins,
    opened: Opened,
}

/// How much there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Records in all packs, whether or not anything reaches them.
    pub chunks: usize,
    /// Files.
    pub packs: usize,
    /// Length of all packs in bytes.
    pub bytes: u64,
}

impl Chunks {
    /// Opens the packs in `folder` (`DIR/chunks` of a box), makes it if it is not there, and repairs what a power
    /// cut left behind: see [`Chunks::opened`].
    pub fn open(folder: &Path, disk: Arc<dyn Disk>) -> Result<Self, OpenError> {
        Self::open_with(folder, disk, PACK_BYTES)
    }

    /// As [`Chunks::open`], with packs that are full at another size.
    pub fn open_with(folder: &Path, disk: Arc<dyn Disk>, pack_bytes: u64) -> Result<Self, OpenError> {
        let (packs, opened) = open::open(folder, disk, pack_bytes)?;
        Ok(Self { packs: Mutex::new(packs), pins: Pins::default(), opened })
    }

    /// What opening found and mended.
    pub fn opened(&self) -> &Opened {
        &self.opened
    }

    /// Keeps a chunk; durable after the next [`Chunks::sync`]. A chunk that is here already costs nothing.
    pub fn put(&self, plain: &[u8]) -> Result<ChunkId, PutError> {
        let id = chunk_id(plain);
        if !self.keep_if_here(&id)? {
            let mut packer = Packer::new().map_err(PutError::Compressor)?;
            self.put_new(&mut packer, id, plain)?;
        }
        Ok(id)
    }

    /// Whether the chunk is here; if so, a running pin holds it from now on.
    fn keep_if_here(&self, id: &ChunkId) -> Result<bool, DiskError> {
        self.pins.note(id);
        self.lock().contains(id)
    }

    fn put_new(&self, packer: &mut Packer, id: ChunkId, plain: &[u8]) -> Result<(), PutError> {
        if plain.len() > MAX_CHUNK_BYTES as usize {
            return Err(PutError::TooLong(plain.len()));
        }
        let record = packer.pack(id, plain);
        let mut packs = self.lock();
        if !packs.contains(&id)? {
            packs.append(&record)?;
        }
        Ok(())
    }

    /// The chunk's bytes, checked against its name.
    pub fn get(&self, id: &ChunkId) -> Result<Vec<u8>, GetError> {
        // The files are taken while the lock is held: a collection that removes one then does no harm.
        let found = self.lock().find(id).map_err(|source| GetError::Disk { id: *id, source })?;
        let mut failed = GetError::Missing(*id);
        for found in found {
            match self.read(id, &found) {
                Ok(Some(plain)) => return Ok(plain),
                Ok(None) => {}
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    /// The chunk if it lies there; `None` if another one does. A damaged record is forgotten, so that the chunk
    /// can be put again.
    fn read(&self, id: &ChunkId, found: &Found) -> Result<Option<Vec<u8>>, GetError> {
        let pack = || self.lock().path(found.place.pack);
        let refused =
            |source| GetError::Disk { id: *id, source: DiskError { doing: "read", path: pack(), source } };
        let plain = match found.header().map_err(refused)? {
            Some(header) if header.id != *id => return Ok(None),
            Some(header) => header.unpack(found.data(&header).map_err(refused)?),
            None => None,
        };
        if plain.is_none() {
            self.lock().places.remove(&found.place);
        }
        let offset = u64::from(found.place.offset);
        plain.map(Some).ok_or_else(|| GetError::Damaged { id: *id, pack: pack(), offset })
    }

    /// Whether the chunk is here. It says nothing of damage: only [`Chunks::get`] and [`Chunks::verify`] do.
    pub fn contains(&self, id: &ChunkId) -> Result<bool, DiskError> {
        self.lock().contains(id)
    }

    /// Makes everything that was put durable. After an error nothing can be put until the folder is opened anew,
    /// and what was put since the last good sync must be put again.
    pub fn sync(&self) -> Result<(), DiskError> {
        self.lock().sync()
    }

    /// Holds what is put from now on against [`Chunks::gc`], until the pin is dropped.
    pub fn pin(&self) -> Pin {
        self.pins.hold()
    }

    /// How much there is.
    pub fn usage(&self) -> Usage {
        self.lock().usage()
    }

    fn lock(&self) -> MutexGuard<'_, Packs> {
        self.packs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Chunks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunks").field("opened", &self.opened).finish_non_exhaustive()
    }
}

/// The number of a file in the folder, if it is a file of ours with that ending.
fn number(path: &Path, ending: &str) -> Option<u32> {
    let digits = path.file_name()?.to_str()?.strip_suffix(ending)?;
    let plain = digits.len() >= 6 && digits.bytes().all(|b| b.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}

fn path_of(folder: &Path, number: u32, ending: &str) -> PathBuf {
    folder.join(format!("{number:06}{ending}"))
}
