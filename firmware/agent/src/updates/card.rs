//! The two slots on this box's card: parts of releases, read, written and read back.
//!
//! The part `root.erofs` lies in the partition `root-a` or `root-b`: the part's name up to its first dot, and the slot's
//! letter (docs/formats/slots.md). A partition stays open once it was used, for Linux writes out everything when the last
//! one closes it. Memory is one chunk at a time.

use crate::boot::{BootError, Booted};
use chunk::{Manifest, chunk_id};
use model::Name;
use rustix::fs::{Advice, fadvise};
use slots::{Refusal, Slot, Slots};
use std::{
    collections::{BTreeSet, HashMap},
    fs::File,
    io::{self, Seek, SeekFrom},
    os::unix::fs::FileExt,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use update::{Place, TreeHasher, Verb, Verity};

/// The card cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum CardError {
    /// The boot state, or the search for a partition.
    #[error(transparent)]
    Boot(#[from] BootError),
    /// The release has a part that the card has no room for.
    #[error("the card has no partition {0}")]
    NoPartition(String),
    /// It does not fit.
    #[error("the part {part} has {bytes} bytes, and its partition {room}")]
    TooLong {
        /// Which.
        part: Name,
        /// Its length.
        bytes: u64,
        /// The partition's.
        room: u64,
    },
    /// A partition.
    #[error("cannot {doing} {}", path.display())]
    Partition {
        /// What we were doing, as a verb.
        doing: &'static str,
        /// To which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A partition that is open.
#[derive(Debug)]
struct Open {
    path: PathBuf,
    file: File,
}

/// The card that the box runs from.
#[derive(Debug)]
pub struct Card {
    running: Slot,
    cmdline: String,
    booted: Mutex<Booted>,
    open: Mutex<HashMap<(Slot, Name), Arc<Open>>>,
}

/// What is there of a part that was read back.
pub struct Reading {
    /// The chunks that are not right.
    pub bad: BTreeSet<usize>,
    /// Whether the hash tree has the top that it should have; true where there is none.
    pub root_fits: bool,
}

impl Card {
    /// The card of this boot.
    pub fn new(booted: Booted) -> Self {
        let (running, cmdline) = (booted.running, booted.cmdline.clone());
        Self { running, cmdline, booted: Mutex::new(booted), open: Mutex::default() }
    }

    /// The slot that runs.
    pub fn running(&self) -> Slot {
        self.running
    }

    /// What the kernel was told.
    pub fn cmdline(&self) -> &str {
        &self.cmdline
    }

    /// The boot state; one that was lost is begun anew with the running slot.
    pub fn slots(&self) -> Result<Slots, CardError> {
        Ok(self.booted().slots_or_new()?)
    }

    /// Changes the boot state, durably: as it is now, and whether the verb was refused.
    pub fn boot(&self, verb: Verb) -> Result<(Slots, Result<(), Refusal>), CardError> {
        let mut booted = self.booted();
        if verb == Verb::Commit {
            return Ok((booted.commit()?, Ok(())));
        }
        match booted.change(|slots| verb.apply(slots, self.running)) {
            Ok(slots) => Ok((slots, Ok(()))),
            Err(BootError::Refused(refusal)) => Ok((booted.slots_or_new()?, Err(refusal))),
            Err(error) => Err(error.into()),
        }
    }

    /// How long the partition of a part is, in bytes.
    pub fn room(&self, slot: Slot, part: &Name) -> Result<u64, CardError> {
        let open = self.part(slot, part)?;
        (&open.file).seek(SeekFrom::End(0)).map_err(|source| open.failed("measure", source))
    }

    /// Fills a buffer from a part.
    pub fn read(&self, slot: Slot, part: &Name, offset: u64, into: &mut [u8]) -> Result<(), CardError> {
        let open = self.part(slot, part)?;
        open.file.read_exact_at(into, offset).map_err(|source| open.failed("read", source))
    }

    /// Writes a chunk at its place in the slot that does not run.
    pub fn write(&self, part: &Name, place: &Place, bytes: &[u8]) -> Result<(), CardError> {
        let open = self.part(self.running.other(), part)?;
        open.file.write_all_at(bytes, place.offset).map_err(|source| open.failed("write", source))
    }

    /// Makes durable what was written of a part.
    pub fn sync(&self, part: &Name) -> Result<(), CardError> {
        let open = self.part(self.running.other(), part)?;
        open.file.sync_all().map_err(|source| open.failed("sync", source))
    }

    /// The chunks of a part that are right in the slot that does not run.
    pub fn look(&self, part: &Name, manifest: &Manifest) -> Result<BTreeSet<usize>, CardError> {
        let mut right = BTreeSet::new();
        self.chunks(self.running.other(), part, manifest, &mut |number, is_right, _| {
            right.extend(is_right.then_some(number));
        })?;
        Ok(right)
    }

    /// Whether the slot that runs holds just this part.
    pub fn holds(&self, part: &Name, manifest: &Manifest) -> Result<bool, CardError> {
        let mut all = true;
        self.chunks(self.running, part, manifest, &mut |_, is_right, _| all &= is_right)?;
        Ok(all)
    }

    /// The same as [`Card::look`] from the card itself, past the page cache, and the other way round, with the top of the hash tree.
    pub fn read_back(
        &self,
        part: &Name,
        manifest: &Manifest,
        verity: Option<&Verity>,
    ) -> Result<Reading, CardError> {
        let target = self.running.other();
        self.sync(part)?;
        self.drop_cache(target, part)?;
        let mut hasher = verity.map(|verity| TreeHasher::new(verity.blocks));
        let mut bad = BTreeSet::new();
        self.chunks(target, part, manifest, &mut |number, is_right, bytes| {
            bad.extend((!is_right).then_some(number));
            if let Some(hasher) = &mut hasher {
                hasher.update(bytes);
            }
        })?;
        self.drop_cache(target, part)?;
        let root_fits = verity.zip(hasher).is_none_or(|(verity, hasher)| verity.fits(hasher));
        Ok(Reading { bad, root_fits })
    }

    /// What is synced is forgotten by Linux, so that the next read asks the card.
    fn drop_cache(&self, slot: Slot, part: &Name) -> Result<(), CardError> {
        let open = self.part(slot, part)?;
        let dropped = fadvise(&open.file, 0, None, Advice::DontNeed);
        dropped.map_err(|error| open.failed("read past the cache of", error.into()))
    }

    /// Reads a part chunk by chunk: number, whether it has its name, bytes.
    fn chunks(
        &self,
        slot: Slot,
        part: &Name,
        manifest: &Manifest,
        see: &mut dyn FnMut(usize, bool, &[u8]),
    ) -> Result<(), CardError> {
        let (mut offset, mut bytes) = (0, Vec::new());
        for (number, (id, length)) in manifest.chunks.iter().enumerate() {
            bytes.resize(*length as usize, 0);
            self.read(slot, part, offset, &mut bytes)?;
            see(number, chunk_id(&bytes) == *id, &bytes);
            offset += u64::from(*length);
        }
        Ok(())
    }

    fn part(&self, slot: Slot, part: &Name) -> Result<Arc<Open>, CardError> {
        let key = (slot, part.clone());
        let mut all = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = all.get(&key) {
            return Ok(open.clone());
        }
        let name = partition_of(part, slot);
        let path = self.booted().partition(&name)?.ok_or(CardError::NoPartition(name))?;
        let file = File::options().read(true).write(slot != self.running).open(&path);
        let file =
            file.map_err(|source| CardError::Partition { doing: "open", path: path.clone(), source })?;
        let open = Arc::new(Open { path, file });
        all.insert(key, open.clone());
        Ok(open)
    }

    fn booted(&self) -> MutexGuard<'_, Booted> {
        self.booted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn failed(&self, doing: &'static str, source: io::Error) -> CardError {
        CardError::Partition { doing, path: self.path.clone(), source }
    }
}

/// The partition of a part in a slot.
fn partition_of(part: &Name, slot: Slot) -> String {
    let stem = part.as_str().split('.').next().unwrap_or_default();
    format!("{stem}-{}", slot.to_string().to_lowercase())
}
