//! The packs of a folder: full ones that are only read, and the one that is appended to.
//!
//! A pack is sealed when it is full: synced, then its index is put in place. If a sync fails, the operating
//! system may have dropped what it was to write and will not say so again. Nothing is put after that until
//! the folder is opened anew; reading goes on.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use model::ChunkId;

use super::{
    Usage,
    index::{self, Entry},
    path_of,
    places::{Place, Places},
    record::{Header, Record},
    scan::{START_BYTES, scan, start_bytes},
};
use crate::disk::{Disk, DiskError, DiskFile, Doing};

pub(super) const PACK: &str = ".pack";
pub(super) const INDEX: &str = ".index";

/// How many sealed packs are held open at a time.
const MAX_OPEN: usize = 16;

/// The packs and what is known of them.
pub(super) struct Packs {
    pub folder: PathBuf,
    pub disk: Arc<dyn Disk>,
    /// A pack is full at this size.
    pub pack_bytes: u64,
    pub places: Places,
    /// Length of each pack that is not appended to any more.
    pub sealed: BTreeMap<u32, u64>,
    pub active: Option<Active>,
    /// The number of the next pack.
    pub next: u32,
    pub handles: VecDeque<(u32, Arc<dyn DiskFile>)>,
    /// A sync has failed.
    pub broken: bool,
}

/// The pack that is appended to.
pub(super) struct Active {
    pub number: u32,
    pub file: Arc<dyn DiskFile>,
    pub length: u64,
    /// How much of it survives a power cut.
    pub synced: u64,
    pub entries: Vec<Entry>,
}

/// A record that may be the chunk looked for, and the file that it lies in.
pub(super) struct Found {
    pub place: Place,
    file: Arc<dyn DiskFile>,
    length: u64,
}

impl Found {
    /// `None` if no whole record begins there.
    pub fn header(&self) -> io::Result<Option<Header>> {
        Header::read(&*self.file, u64::from(self.place.offset), self.length)
    }

    pub fn data(&self, header: &Header) -> io::Result<Vec<u8>> {
        header.read_data(&*self.file, u64::from(self.place.offset))
    }
}

impl Packs {
    pub fn path(&self, number: u32) -> PathBuf {
        path_of(&self.folder, number, PACK)
    }

    /// A pack's file and how much of it is filled.
    pub fn file(&mut self, number: u32) -> Result<(Arc<dyn DiskFile>, u64), DiskError> {
        if let Some(active) = self.active.as_ref().filter(|active| active.number == number) {
            return Ok((active.file.clone(), active.length));
        }
        let length = self.sealed.get(&number).copied().unwrap_or(0);
        let held = self.handles.iter().position(|(held, _)| *held == number);
        let file = match held.and_then(|at| self.handles.remove(at)) {
            Some((_, file)) => file,
            None => {
                let path = self.path(number);
                self.disk.open(&path, false).doing("open", &path)?.into()
            }
        };
        self.handles.truncate(MAX_OPEN - 1);
        self.handles.push_front((number, file.clone()));
        Ok((file, length))
    }

    /// Every record that could be the chunk, the newest first.
    pub fn find(&mut self, id: &ChunkId) -> Result<Vec<Found>, DiskError> {
        self.places.of(id).into_iter().map(|place| self.at(place)).collect()
    }

    pub fn at(&mut self, place: Place) -> Result<Found, DiskError> {
        let (file, length) = self.file(place.pack)?;
        Ok(Found { place, file, length })
    }

    pub fn contains(&mut self, id: &ChunkId) -> Result<bool, DiskError> {
        for found in self.find(id)? {
            let header = found.header().doing("read", &self.path(found.place.pack))?;
            if header.is_some_and(|header| header.id == *id) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Appends a chunk that is not here yet.
    pub fn append(&mut self, record: &Record) -> Result<(), DiskError> {
        self.check()?;
        let room = self.pack_bytes.saturating_sub(record.bytes.len() as u64);
        if self.active.as_ref().is_some_and(|active| active.length > room.max(START_BYTES as u64)) {
            self.seal()?;
        }
        let active = match self.active.take() {
            Some(active) => self.active.insert(active),
            None => {
                let active = self.begin(PACK)?;
                self.active.insert(active)
            }
        };
        let path = path_of(&self.folder, active.number, PACK);
        active.append(record).doing("append to", &path)?;
        let offset = active.entries.last().map_or(0, |entry| entry.offset);
        self.places.insert(Place::new(&record.header.id, active.number, offset));
        Ok(())
    }

    /// Makes an empty pack, in a file with this ending. What an earlier try left there is overwritten.
    pub fn begin(&mut self, ending: &str) -> Result<Active, DiskError> {
        let number = self.next;
        let path = path_of(&self.folder, number, ending);
        let file: Arc<dyn DiskFile> = self.disk.open(&path, true).doing("make", &path)?.into();
        file.set_len(0).and_then(|()| file.write_all_at(&start_bytes(), 0)).doing("begin", &path)?;
        self.next += 1;
        Ok(Active { number, file, length: START_BYTES as u64, synced: 0, entries: Vec::new() })
    }

    /// Makes the active pack durable.
    pub fn sync(&mut self) -> Result<(), DiskError> {
        self.check()?;
        let Some(active) = self.active.as_mut().filter(|active| active.synced < active.length) else {
            return Ok(());
        };
        let path = path_of(&self.folder, active.number, PACK);
        let named = active.synced > 0;
        let done = active.file.sync().doing("sync", &path).and_then(|()| {
            if named { Ok(()) } else { self.disk.sync_dir(&self.folder).doing("sync", &self.folder) }
        });
        match done {
            Ok(()) => active.synced = active.length,
            Err(_) => self.broken = true,
        }
        done
    }

    /// Refuses to write once a sync has failed.
    pub fn check(&self) -> Result<(), DiskError> {
        let source = || {
            io::Error::other("an earlier sync failed; look at the card's health, then open the folder anew")
        };
        if self.broken { Err(source()).doing("write to", &self.folder) } else { Ok(()) }
    }

    /// Ends the active pack: synced, and its index in place.
    pub fn seal(&mut self) -> Result<(), DiskError> {
        let Some(active) = &self.active else { return Ok(()) };
        active.drop_rest().doing("shorten", &self.path(active.number))?;
        self.sync()?;
        let Some(active) = &self.active else { return Ok(()) };
        self.write_index(active.number, active.length, &active.entries)?;
        self.sealed.insert(active.number, active.length);
        self.active = None;
        Ok(())
    }

    pub fn write_index(&self, number: u32, length: u64, entries: &[Entry]) -> Result<(), DiskError> {
        let path = path_of(&self.folder, number, INDEX);
        self.disk.replace(&path, &index::to_bytes(length, entries)).doing("write", &path)
    }

    /// The chunks of one pack: from its index, or from the pack itself if that has none.
    pub fn entries(&mut self, number: u32) -> Result<Vec<Entry>, DiskError> {
        if let Some(active) = self.active.as_ref().filter(|active| active.number == number) {
            return Ok(active.entries.clone());
        }
        let (file, length) = self.file(number)?;
        match read_index(&*self.disk, &self.folder, number, length) {
            Some(entries) => Ok(entries),
            None => gather(&*file, length).doing("read", &self.path(number)),
        }
    }

    /// All packs' numbers, the oldest first.
    pub fn numbers(&self) -> Vec<u32> {
        self.sealed.keys().copied().chain(self.active.as_ref().map(|active| active.number)).collect()
    }

    pub fn usage(&self) -> Usage {
        let active = self.active.as_ref().map(|active| active.length);
        Usage {
            chunks: self.places.count(),
            packs: self.sealed.len() + usize::from(active.is_some()),
            bytes: self.sealed.values().sum::<u64>() + active.unwrap_or(0),
        }
    }
}

impl Active {
    /// Writes a record behind the last one. A write that fails leaves the pack as long as it was: what it left
    /// there is overwritten by the next, or cut off at the next opening.
    pub fn append(&mut self, record: &Record) -> io::Result<()> {
        let offset = u32::try_from(self.length).map_err(io::Error::other)?;
        self.file.write_all_at(&record.bytes, self.length)?;
        self.entries.push(Entry { id: record.header.id, offset, stored: record.header.stored });
        self.length += record.bytes.len() as u64;
        Ok(())
    }

    /// Drops what a failed write left behind the last record.
    fn drop_rest(&self) -> io::Result<()> {
        if self.file.len()? > self.length { self.file.set_len(self.length) } else { Ok(()) }
    }
}

/// A pack's index, if it is there, whole, and of this pack.
pub(super) fn read_index(disk: &dyn Disk, folder: &Path, number: u32, length: u64) -> Option<Vec<Entry>> {
    let path = path_of(folder, number, INDEX);
    let file = disk.open(&path, false).ok()?;
    if file.len().ok()? > index::longest(length) {
        return None;
    }
    index::parse(&disk.read(&path).ok()?, length)
}

fn gather(file: &dyn DiskFile, length: u64) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    scan(file, length, &mut |offset, header, _| entries.extend(entry_at(offset, header)))?;
    Ok(entries)
}

/// The index entry of a record; none for one that lies too far out in a pack that was never ours.
pub(super) fn entry_at(offset: u64, header: &Header) -> Option<Entry> {
    Some(Entry { id: header.id, offset: u32::try_from(offset).ok()?, stored: header.stored })
}
