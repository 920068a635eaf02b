//! Opening a folder of packs: what a power cut left behind is put right, and what was found is told.
//!
//! A pack with a good index is taken as it is. Any other is walked through: a tail that was torn off is cut
//! off; damage in the middle stays where it is, and the pack is not appended to any more. A new index is a
//! convenience, so a disk without room for it is no reason not to open.

use std::{collections::VecDeque, path::Path, sync::Arc};

use super::{
    OpenError,
    index::Entry,
    number,
    packs::{Active, INDEX, PACK, Packs, entry_at, read_index},
    path_of,
    places::{Place, Places},
    scan::{START_BYTES, Shape, is_known, scan, start_bytes, version},
    verify::Damage,
};
use crate::disk::{Disk, DiskError, DiskFile, Doing};

/// What stands beside a file while it is written: by [`Disk::replace`], and by a collection.
const BESIDE: [&str; 2] = [".index.lock", super::gc::UNFINISHED];

/// What opening found and mended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Opened {
    /// Packs whose end was cut off because it was not whole: a power cut in the middle of a write.
    pub torn: Vec<TornTail>,
    /// Damage in the middle of packs that had no good index. Chunks there are gone; put them again.
    pub damage: Vec<Damage>,
    /// Packs whose index was missing or damaged and was made anew.
    pub indexed: Vec<u32>,
}

/// Bytes at the end of a pack that were no whole record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TornTail {
    /// The pack's number.
    pub pack: u32,
    /// How many bytes were cut off.
    pub bytes: u64,
}

pub(super) fn open(
    folder: &Path,
    disk: Arc<dyn Disk>,
    pack_bytes: u64,
) -> Result<(Packs, Opened), OpenError> {
    disk.create_dir_all(folder).doing("make", folder)?;
    if let Some(parent) = folder.parent() {
        disk.sync_dir(parent).doing("sync", parent)?;
    }
    let packs = Packs {
        folder: folder.to_path_buf(),
        disk,
        pack_bytes,
        places: Places::default(),
        sealed: Default::default(),
        active: None,
        next: 1,
        handles: VecDeque::new(),
        broken: false,
    };
    let mut opening = Opening { packs, opened: Opened::default(), places: Vec::new() };
    let numbers = opening.list()?;
    for &number in &numbers {
        opening.take(number, numbers.last() == Some(&number))?;
    }
    opening.packs.places = opening.places.into_iter().collect();
    Ok((opening.packs, opening.opened))
}

struct Opening {
    packs: Packs,
    opened: Opened,
    places: Vec<Place>,
}

impl Opening {
    /// The numbers of all packs, in order; leftovers are removed.
    fn list(&mut self) -> Result<Vec<u32>, OpenError> {
        let folder = &self.packs.folder;
        let names = self.packs.disk.list(folder).doing("list", folder)?;
        let packs: Vec<u32> = names.iter().filter_map(|name| number(name, PACK)).collect();
        let lonely = |name: &Path| number(name, INDEX).is_some_and(|index| !packs.contains(&index));
        let unfinished = |name: &Path| BESIDE.iter().any(|ending| number(name, ending).is_some());
        for name in names.iter().filter(|name| lonely(name) || unfinished(name)) {
            self.packs.disk.remove(name).doing("remove", name)?;
        }
        // A process that died may have left names that are not durable.
        self.packs.disk.sync_dir(folder).doing("sync", folder)?;
        self.packs.next = packs.iter().max().map_or(1, |last| last + 1);
        Ok(packs)
    }

    fn take(&mut self, number: u32, newest: bool) -> Result<(), OpenError> {
        let path = self.packs.path(number);
        let file = self.packs.disk.open(&path, false).doing("open", &path)?;
        let length = file.len().doing("measure", &path)?;
        match read_index(&*self.packs.disk, &self.packs.folder, number, length) {
            Some(entries) => self.seal(number, length, &entries),
            None => self.walk(number, file.into(), length, newest)?,
        }
        Ok(())
    }

    /// Takes a pack without a good index.
    fn walk(
        &mut self,
        number: u32,
        file: Arc<dyn DiskFile>,
        length: u64,
        newest: bool,
    ) -> Result<(), OpenError> {
        let path = self.packs.path(number);
        let version = version(&*file, length).doing("read", &path)?;
        if let Some(version) = version.filter(|&version| !is_known(version)) {
            return Err(OpenError::Newer { pack: path, version });
        }
        let mut entries = Vec::new();
        let shape = scan(&*file, length, &mut |offset, header, _| entries.extend(entry_at(offset, header)));
        let shape = shape.doing("read", &path)?;
        let was_sealed = self.packs.disk.exists(&path_of(&self.packs.folder, number, INDEX));
        let length = if was_sealed { length } else { self.cut_off(number, &*file, length, &shape)? };
        if length < START_BYTES as u64 && !was_sealed {
            return Ok(self.packs.disk.remove(&path).doing("remove the empty pack", &path)?);
        }
        if version.is_none() {
            file.write_all_at(&start_bytes(), 0)
                .and_then(|()| file.sync())
                .doing("mend the start of", &path)?;
        }
        self.note_damage(number, &shape, length);
        if newest && !was_sealed && shape.damage.is_empty() {
            self.places_of(number, &entries);
            self.packs.active = Some(Active { number, file, length, synced: length, entries });
            return Ok(());
        }
        if self.packs.write_index(number, length, &entries).is_ok() {
            self.opened.indexed.push(number);
        }
        self.seal(number, length, &entries);
        Ok(())
    }

    /// Cuts a torn tail off and says how long the pack is then. The rest is synced: it may have been written by a
    /// process that died before it could.
    fn cut_off(
        &mut self,
        pack: u32,
        file: &dyn DiskFile,
        length: u64,
        shape: &Shape,
    ) -> Result<u64, DiskError> {
        let path = self.packs.path(pack);
        if shape.end < length {
            file.set_len(shape.end).doing("cut the torn end off", &path)?;
            self.opened.torn.push(TornTail { pack, bytes: length - shape.end });
        }
        file.sync().doing("sync", &path)?;
        Ok(shape.end)
    }

    fn note_damage(&mut self, number: u32, shape: &Shape, length: u64) {
        let tail = (shape.end < length).then_some(shape.end..length);
        for range in shape.damage.iter().cloned().chain(tail) {
            self.opened.damage.push(Damage {
                pack: self.packs.path(number),
                offset: range.start,
                bytes: range.end - range.start,
                id: None,
            });
        }
    }

    fn seal(&mut self, number: u32, length: u64, entries: &[Entry]) {
        self.places_of(number, entries);
        self.packs.sealed.insert(number, length);
    }

    fn places_of(&mut self, number: u32, entries: &[Entry]) {
        self.places.extend(entries.iter().map(|entry| Place::new(&entry.id, number, entry.offset)));
    }
}
