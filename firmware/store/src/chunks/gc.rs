//! Collection: packs that are mostly dead are written anew without what nothing reaches.
//!
//! The living chunks of several packs go into one new pack, which is synced and in place under its own name
//! before an old pack is removed. A power cut in between leaves chunks in two packs, which is harmless, and
//! the next collection mends it. A pack with a damaged chunk that is reached stays as it is: something may be
//! saved from it yet.

use std::collections::{BTreeSet, HashSet};

use model::ChunkId;

use super::{
    Chunks, GcError,
    index::Entry,
    packs::{Active, INDEX, Packs},
    path_of,
    pins::Pins,
    places::Place,
    record::Header,
    scan::START_BYTES,
    verify::Damage,
};
use crate::disk::{DiskError, Doing};

/// The ending of a pack that a collection is writing.
pub(super) const UNFINISHED: &str = ".pack.new";

/// What a collection did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GcReport {
    /// Chunks that something reaches.
    pub kept: u64,
    /// Chunks that were removed.
    pub removed: u64,
    /// By how many bytes the packs became shorter.
    pub freed_bytes: u64,
    /// Bytes of unreached chunks that stay for now, because their packs are mostly alive.
    pub left_bytes: u64,
    /// Damaged chunks that something reaches. Put them again.
    pub damaged: Vec<Damage>,
}

impl Chunks {
    /// Removes chunks that are neither in `reachable` nor pinned, where that frees at least half of a pack.
    ///
    /// Hold a [`Pin`](super::Pin) from before `reachable` was gathered if anybody may put meanwhile.
    pub fn gc(&self, reachable: &HashSet<ChunkId>) -> Result<GcReport, GcError> {
        let living = Living { reachable, pins: &self.pins };
        let mut report = GcReport::default();
        let groups = self.lock().groups_to_collect(&living, &mut report)?;
        for group in groups {
            self.lock().collect(&group, &living, &mut report)?;
        }
        Ok(report)
    }
}

/// What has to stay.
struct Living<'a> {
    reachable: &'a HashSet<ChunkId>,
    pins: &'a Pins,
}

impl Living<'_> {
    fn has(&self, id: &ChunkId) -> bool {
        self.reachable.contains(id) || self.pins.has(id)
    }
}

/// A pack that is worth writing anew.
struct MostlyDead {
    pack: u32,
    living_bytes: u64,
}

/// Packs that go into one new pack together.
fn groups(packs: &[MostlyDead], pack_bytes: u64) -> Vec<Vec<u32>> {
    let mut groups: Vec<Vec<u32>> = Vec::new();
    let mut filled = u64::MAX;
    for pack in packs {
        if filled.saturating_add(pack.living_bytes) > pack_bytes {
            groups.push(Vec::new());
            filled = START_BYTES as u64;
        }
        filled += pack.living_bytes;
        groups.last_mut().expect("because the first pack begins a group").push(pack.pack);
    }
    groups
}

fn bytes(entries: &[Entry]) -> u64 {
    entries.iter().map(Entry::record_bytes).sum()
}

impl Packs {
    /// The packs that are worth writing anew, by the new pack that they go into.
    fn groups_to_collect(
        &mut self,
        living: &Living<'_>,
        report: &mut GcReport,
    ) -> Result<Vec<Vec<u32>>, DiskError> {
        self.check()?;
        let mut found = Vec::new();
        for pack in self.numbers() {
            let (alive, _) = self.divide(pack, living)?;
            let (_, length) = self.file(pack)?;
            let living_bytes = bytes(&alive);
            let dead_bytes = length.saturating_sub(START_BYTES as u64 + living_bytes);
            report.kept += alive.len() as u64;
            if dead_bytes > living_bytes {
                found.push(MostlyDead { pack, living_bytes });
            } else {
                report.left_bytes += dead_bytes;
            }
        }
        let active = self.active.as_ref().map(|active| active.number);
        if found.iter().any(|dead| Some(dead.pack) == active) {
            self.seal()?;
        }
        Ok(groups(&found, self.pack_bytes))
    }

    /// A pack's chunks that must stay, and those that may go.
    fn divide(&mut self, pack: u32, living: &Living<'_>) -> Result<(Vec<Entry>, Vec<Entry>), DiskError> {
        let (mut alive, mut dead) = (Vec::new(), Vec::new());
        for entry in self.entries(pack)? {
            let stays = living.has(&entry.id) && !self.is_elsewhere(&entry, pack)?;
            if stays { alive.push(entry) } else { dead.push(entry) }
        }
        alive.sort_unstable_by_key(|entry| entry.offset);
        Ok((alive, dead))
    }

    /// Whether the chunk is whole in a newer place, too.
    fn is_elsewhere(&mut self, entry: &Entry, pack: u32) -> Result<bool, DiskError> {
        let here = Place::new(&entry.id, pack, entry.offset);
        for place in self.places.of(&entry.id) {
            if place > here && self.whole(&entry.id, place)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The header and data of a chunk, if they are whole there.
    fn whole(&mut self, id: &ChunkId, place: Place) -> Result<Option<(Header, Vec<u8>)>, DiskError> {
        let found = self.at(place)?;
        let path = self.path(place.pack);
        let header = found.header().doing("read", &path)?;
        let Some(header) = header.filter(|header| header.id == *id) else { return Ok(None) };
        let data = found.data(&header).doing("read", &path)?;
        Ok(header.fits(&data).then_some((header, data)))
    }

    /// Writes what is alive in these packs into one new pack, then removes them.
    fn collect(
        &mut self,
        packs: &[u32],
        living: &Living<'_>,
        report: &mut GcReport,
    ) -> Result<(), DiskError> {
        let mut spared = BTreeSet::new();
        let mut copy = None;
        let mut removed = 0;
        for &pack in packs {
            let (alive, dead) = self.divide(pack, living)?;
            let before = report.damaged.len();
            self.copy(pack, &alive, &mut copy, report).inspect_err(|_| self.drop_unfinished())?;
            if report.damaged.len() > before {
                spared.insert(pack);
            } else {
                removed += dead.len() as u64;
            }
        }
        let written = copy.as_ref().map_or(0, |copy| copy.length);
        if let Some(copy) = copy {
            self.put_in_place(copy).inspect_err(|_| self.drop_unfinished())?;
        }
        let old: Vec<u32> = packs.iter().copied().filter(|pack| !spared.contains(pack)).collect();
        let old_bytes: u64 = old.iter().filter_map(|pack| self.sealed.get(pack)).sum();
        self.remove(&old)?;
        report.removed += removed;
        report.freed_bytes += old_bytes.saturating_sub(written);
        Ok(())
    }

    fn copy(
        &mut self,
        pack: u32,
        alive: &[Entry],
        copy: &mut Option<Active>,
        report: &mut GcReport,
    ) -> Result<(), DiskError> {
        for entry in alive {
            let Some((header, data)) = self.whole(&entry.id, Place::new(&entry.id, pack, entry.offset))?
            else {
                report.damaged.push(Damage {
                    pack: self.path(pack),
                    offset: u64::from(entry.offset),
                    bytes: entry.record_bytes(),
                    id: Some(entry.id),
                });
                continue;
            };
            let copy = match copy {
                Some(copy) => copy,
                None => copy.insert(self.begin(UNFINISHED)?),
            };
            let path = path_of(&self.folder, copy.number, UNFINISHED);
            copy.append(&header.with_data(&data)).doing("append to", &path)?;
        }
        Ok(())
    }

    /// Makes a copy durable and gives it its name. From here on its chunks are found in it.
    fn put_in_place(&mut self, copy: Active) -> Result<(), DiskError> {
        let beside = path_of(&self.folder, copy.number, UNFINISHED);
        let path = self.path(copy.number);
        copy.file.sync().doing("sync", &beside)?;
        self.disk.rename(&beside, &path).doing("name", &path)?;
        self.disk.sync_dir(&self.folder).doing("sync", &self.folder)?;
        for entry in &copy.entries {
            self.places.insert(Place::new(&entry.id, copy.number, entry.offset));
        }
        self.sealed.insert(copy.number, copy.length);
        self.write_index(copy.number, copy.length, &copy.entries)
    }

    /// After an error; what is left is removed at the next opening.
    fn drop_unfinished(&self) {
        let last = self.next.saturating_sub(1);
        let _ = self.disk.remove(&path_of(&self.folder, last, UNFINISHED));
    }

    fn remove(&mut self, packs: &[u32]) -> Result<(), DiskError> {
        for &pack in packs {
            for entry in self.entries(pack)? {
                self.places.remove(&Place::new(&entry.id, pack, entry.offset));
            }
            self.sealed.remove(&pack);
            self.handles.retain(|(held, _)| *held != pack);
            let (path, index) = (self.path(pack), path_of(&self.folder, pack, INDEX));
            self.disk.remove(&path).doing("remove", &path)?;
            if self.disk.exists(&index) {
                self.disk.remove(&index).doing("remove", &index)?;
            }
        }
        self.disk.sync_dir(&self.folder).doing("sync", &self.folder)
    }
}
