//! The store of one home: events in, blocks out, references moved, nothing acknowledged ever lost.
//!
//! Not the ledger's rules: whoever calls [`Store::commit`] has checked the block. An event lives in the
//! write-ahead log from [`Store::append`] until a block that holds it is durable and [`Store::events_in_blocks`]
//! said so; when the store opens, the node's own branch tells which events are in blocks, so a crash between the
//! two loses none and doubles none. Order of a commit: pack, index, folder, then each reference in the order given.
//! See docs/decisions/0005-durability.md.

use crate::{
    consolidate::{self, Consolidated},
    disk::{Disk, DiskError, Doing},
    git::{self, GitObjects, OpenRepositoryError},
    lock::{Lock, LockError},
    notes::{NoteError, Notes},
    pack::{self, PackError},
    progress::{self, ProgressError},
    refs::{self, RefError},
    repository,
    wal::{self, Damage, Wal, WalError},
};
use ledger::NewObjects;
use model::{BlockId, Event, KeyId, Millis, Name, RefName};
use std::{collections::BTreeMap, path::Path, path::PathBuf, sync::Arc};

/// The log's folder in a home.
const WAL: &str = "wal";

/// With this many packs a commit that cannot merge them fails: a reader knows only so many.
const PACKS_LIMIT: usize = 512;

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// The key of the node that logs events here; `None` where only documents are written.
    pub writer: Option<KeyId>,
    /// The size of a segment of the write-ahead log, in bytes.
    pub wal_segment_bytes: usize,
    /// A commit that finds this many packs merges them first.
    pub packs_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { writer: None, wal_segment_bytes: wal::SEGMENT_BYTES, packs_max: consolidate::PACKS_MAX }
    }
}

/// An event before the store has numbered it.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// When, by the node's clock.
    pub at: Millis,
    /// The dapp that says so.
    pub dapp: Name,
    /// What kind of thing happened.
    pub kind: Name,
    /// What it says.
    pub data: serde_json::Map<String, serde_json::Value>,
}

/// What was found when the store was opened. Damage is worth a line in the log and a lamp.
#[derive(Debug, Default)]
pub struct Recovery {
    /// Acknowledged events that cannot be read any more.
    pub damage: Vec<Damage>,
    /// Whole events of an append that a power cut tore; nobody was told about them.
    pub torn: usize,
    /// The number of the last event that is in a block.
    pub last_in_blocks: u64,
}

/// A home that cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The disk failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The repository cannot be opened.
    #[error(transparent)]
    Repository(#[from] OpenRepositoryError),
    /// The node's own branch does not say which events are in blocks.
    #[error(transparent)]
    Progress(#[from] ProgressError),
    /// The log cannot be opened.
    #[error(transparent)]
    Wal(#[from] WalError),
}

/// New objects or references that could not be stored.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The disk failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The pack could not be made.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// A reference would point to nothing.
    #[error("{name} cannot move to block {block}: the store does not have it")]
    Missing {
        /// The reference.
        name: RefName,
        /// The block.
        block: BlockId,
    },
}

impl CommitError {
    /// Whether the disk has no room left.
    pub fn is_full(&self) -> bool {
        match self {
            Self::Disk(error) => error.is_full(),
            Self::Pack(error) => error.is_full(),
            Self::Missing { .. } => false,
        }
    }
}

/// Events that are not to be forgotten yet.
#[derive(Debug, thiserror::Error)]
pub enum TrimError {
    /// The log could not be trimmed.
    #[error(transparent)]
    Wal(#[from] WalError),
    /// The node's own branch does not say which events are in blocks.
    #[error(transparent)]
    Progress(#[from] ProgressError),
    /// No durable block holds them.
    #[error("events up to {asked} cannot leave the log: blocks hold those up to {held}")]
    NotInBlocks {
        /// What was asked.
        asked: u64,
        /// What the blocks hold.
        held: u64,
    },
}

/// An open home.
pub struct Store {
    home: PathBuf,
    git: PathBuf,
    disk: Arc<dyn Disk>,
    options: Options,
    objects: GitObjects,
    notes: Notes,
    wal: Wal,
    pending: Vec<Event>,
    last_seq: u64,
    recovery: Recovery,
    merge_failure: Option<PackError>,
    _lock: Lock,
}

impl Store {
    /// Opens the home folder `home`, which is there; makes what is missing in it, and recovers.
    pub fn open(home: &Path, disk: Arc<dyn Disk>, options: Options) -> Result<Self, OpenError> {
        let lock = Lock::store(home)?;
        let git = repository::make(&*disk, home)?;
        pack::sweep(&*disk, &repository::packs(&git))?;
        refs::sync(&*disk, &git)?;
        disk.make_folders(home, Path::new(WAL)).doing("make", &home.join(WAL))?;
        let notes = Notes::open(home, disk.clone())?;
        let objects = GitObjects::open(home)?;
        let last_in_blocks = last_in_blocks(&objects, &options)?;
        let (wal, replay) =
            Wal::open(disk.clone(), &home.join(WAL), options.wal_segment_bytes, last_in_blocks)?;
        let last_seq = replay.events.last().map_or(last_in_blocks, |event| event.seq);
        let recovery = Recovery { damage: replay.damage, torn: replay.torn, last_in_blocks };
        let (home, pending) = (home.to_path_buf(), replay.events);
        Ok(Self {
            home,
            git,
            disk,
            options,
            objects,
            notes,
            wal,
            pending,
            last_seq,
            recovery,
            merge_failure: None,
            _lock: lock,
        })
    }

    /// What was found when the store was opened.
    pub fn recovery(&self) -> &Recovery {
        &self.recovery
    }

    /// The home folder.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Numbers the events and makes them durable, all with one sync; gives them back as they were logged.
    /// After an error that is not about an event itself, open the store anew: what reached the disk is unknown.
    pub fn append(&mut self, events: &[NewEvent]) -> Result<Vec<Event>, WalError> {
        let numbered = |(seq, new): (u64, &NewEvent)| {
            let NewEvent { at, dapp, kind, data } = new.clone();
            Event { at, dapp, data, kind, seq }
        };
        let events: Vec<Event> = (self.last_seq + 1..).zip(events).map(numbered).collect();
        self.wal.append(&events)?;
        self.last_seq += events.len() as u64;
        self.pending.extend_from_slice(&events);
        Ok(events)
    }

    /// The durable events that are in no block yet, by number.
    pub fn pending(&self) -> &[Event] {
        &self.pending
    }

    /// The number of the last event, 0 before the first.
    pub fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// The objects, to read; cheap, for each reader its own.
    pub fn objects(&self) -> GitObjects {
        self.objects.clone()
    }

    /// The block that a reference points to, if it is there.
    pub fn head(&self, name: &RefName) -> Result<Option<BlockId>, RefError> {
        refs::read(&*self.disk, &self.git, name)
    }

    /// A note, if it was ever kept.
    pub fn note(&self, name: &str) -> Result<Option<Vec<u8>>, NoteError> {
        self.notes.read(name)
    }

    /// Keeps a note in the place of an older one of that name, or removes it if there are no bytes; durable on return.
    pub fn keep_note(&mut self, name: &str, bytes: &[u8]) -> Result<(), NoteError> {
        self.notes.keep(name, bytes)
    }

    /// All references with the blocks that they point to.
    pub fn refs(&self) -> Result<BTreeMap<RefName, BlockId>, RefError> {
        refs::all(&*self.disk, &self.git)
    }

    /// Stores new objects as one pack, then moves the references in their order; durable on return. After an
    /// error the references before the failed one may have moved, and none points to a missing block.
    pub fn commit(&mut self, new: &NewObjects, moves: &[(RefName, BlockId)]) -> Result<(), CommitError> {
        // An object that is stored a second time does no harm.
        let fresh = self.objects.likely_missing(new);
        let missing = |(_, block): &&(RefName, BlockId)| {
            new.get(&(*block).into()).is_none() && !self.objects.contains(&(*block).into())
        };
        if let Some((name, block)) = moves.iter().find(missing) {
            return Err(CommitError::Missing { name: name.clone(), block: *block });
        }
        if !fresh.is_empty() {
            self.keep_packs_few()?;
            let count = u32::try_from(fresh.len()).expect("because objects in memory are fewer than 2^32");
            let entries = fresh.into_iter().map(|(id, object)| {
                git::entry(git::to_git(id), git::to_git_kind(object.kind), &object.bytes)
                    .map(|entry| vec![entry])
            });
            pack::write(&*self.disk, &repository::packs(&self.git), count, entries)?;
        }
        for (name, block) in moves {
            refs::write(&*self.disk, &self.git, name, *block)?;
        }
        Ok(())
    }

    /// Forgets the pending events up to `last`, which a durable block of this node's branch holds.
    pub fn events_in_blocks(&mut self, last: u64) -> Result<(), TrimError> {
        let held = last_in_blocks(&self.objects, &self.options)?;
        if last > held {
            return Err(TrimError::NotInBlocks { asked: last, held });
        }
        self.pending.retain(|event| event.seq > last);
        Ok(self.wal.trim(last)?)
    }

    /// Merges small packs into few; large ones are seldom touched. Takes time in proportion to what is merged.
    pub fn consolidate(&mut self) -> Result<Consolidated, PackError> {
        consolidate::run(&*self.disk, &repository::packs(&self.git), &self.objects)
    }

    /// Merges packs when there are many. A merge that fails (a full disk) must not stop a commit that may yet
    /// fit; it is kept for [`Store::merge_failure`] and tried again by the next commit.
    fn keep_packs_few(&mut self) -> Result<(), CommitError> {
        let packs = pack::list(&*self.disk, &repository::packs(&self.git))?.len();
        if packs < self.options.packs_max {
            return Ok(());
        }
        match self.consolidate() {
            Err(error) if packs >= PACKS_LIMIT => Err(error.into()),
            merged => {
                self.merge_failure = merged.err();
                Ok(())
            }
        }
    }

    /// Why packs could not be merged when a commit last tried, if they could not.
    pub fn merge_failure(&self) -> Option<&PackError> {
        self.merge_failure.as_ref()
    }
}

/// The number of the last event that the writer's own branch holds.
fn last_in_blocks(objects: &GitObjects, options: &Options) -> Result<u64, ProgressError> {
    options.writer.map_or(Ok(0), |key| progress::last_event(objects, key))
}
