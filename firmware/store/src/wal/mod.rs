//! The write-ahead log: events are durable here before the caller hears "done". See docs/formats/wal.md.
//!
//! Not the ledger: events move into blocks later and [`Wal::trim`] frees their room. The log is a few segments
//! of a fixed size, written full of zeros when made and used again for ever, so that an append is one write
//! and one `fdatasync` that touches data blocks alone: no length changes, no journal. What [`Wal::open`] finds
//! is every acknowledged event, perhaps whole events that nobody was told about, and never a torn one. Damage
//! to acknowledged events is reported with file and offset, a copy is kept, and the rest stands. After a write
//! that failed the log takes no more until it is opened anew: what reached the disk is unknown until then.

mod record;
mod replay;

pub use replay::Damage;

use crate::disk::{Disk, DiskError, DiskFile, Doing};
use model::{Event, EventError, MAX_EVENT_BYTES};
use replay::{Hole, Judgement, Leap};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// The usual size of a segment, in bytes: some 5,000 events.
pub const SEGMENT_BYTES: usize = 1 << 20;
/// The smallest size of a segment, in bytes: the longest event fits.
pub const SEGMENT_BYTES_MIN: usize = 2 * MAX_EVENT_BYTES;
/// Free segments that are kept; what is freed beyond is removed.
const SPARES_MAX: usize = 2;
/// A new segment is written in single pages: the page cache would keep a larger write as one piece, and count the whole
/// piece as written again with each small append to it.
const ZEROS: &[u8] = &[0; 4096];

/// A write-ahead log that cannot do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum WalError {
    /// The disk failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// An event cannot be written as a line.
    #[error("event {seq} cannot be logged")]
    Event {
        /// Its number.
        seq: u64,
        /// Why.
        source: EventError,
    },
    /// A whole record of a number that cannot follow.
    #[error(
        "write-ahead log {}: at byte {offset} stands event {found} where event {expected} should: these are not the \
         log and the blocks of one home at one time; put back the one that fits, or move the log's files away",
        file.display()
    )]
    Leap {
        /// The segment.
        file: PathBuf,
        /// Where in it.
        offset: u64,
        /// The number that was looked for.
        expected: u64,
        /// The number that was found.
        found: u64,
    },
    /// An earlier write failed.
    #[error("an earlier write to the log {} failed: open the ledger anew to see what it holds", .0.display())]
    Broken(PathBuf),
}

/// What a log held when it was opened.
#[derive(Debug, Default)]
pub struct Replay {
    /// The events that are in no block yet, by number, without gaps: in the place of an unreadable one stands
    /// an event of the dapp `ledger` and the kind `lost` that says so.
    pub events: Vec<Event>,
    /// Acknowledged events that are unreadable.
    pub damage: Vec<Damage>,
    /// Whole records of an append that the power cut tore: they were never acknowledged and are gone now.
    pub torn: usize,
}

impl Leap {
    fn of(self, segments: &[Segment]) -> WalError {
        let Self { segment, offset, expected, found } = self;
        WalError::Leap { file: segments[segment].path.clone(), offset: offset as u64, expected, found }
    }
}

struct Segment {
    path: PathBuf,
    file: Box<dyn DiskFile>,
    /// The highest number of an event in it.
    last: u64,
}

/// An open write-ahead log.
pub struct Wal {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    segment_bytes: usize,
    /// Full segments with events that are in no block yet.
    sealed: Vec<Segment>,
    active: Segment,
    /// Where the next record goes in the active segment.
    end: usize,
    spare: Vec<Segment>,
    next_number: u64,
    broken: bool,
}

impl Wal {
    /// Opens the log in `folder`, which is there; events up to `in_blocks` are in the ledger already.
    pub fn open(
        disk: Arc<dyn Disk>,
        folder: &Path,
        segment_bytes: usize,
        in_blocks: u64,
    ) -> Result<(Self, Replay), WalError> {
        let segment_bytes = segment_bytes.max(SEGMENT_BYTES_MIN);
        let (mut segments, records) = read_segments(&*disk, folder)?;
        let Judgement { live, torn, holes } =
            replay::judge(records, in_blocks).map_err(|leap| leap.of(&segments))?;
        let damage = set_aside(&*disk, &segments, holes)?;
        wipe(&segments, &torn)?;
        for segment in &segments {
            segment.file.sync().doing("sync", &segment.path)?;
        }
        let end = live.last().map(|(_, place)| (place.segment, place.end));
        for (event, place) in &live {
            segments[place.segment].last = event.seq;
        }
        let next_number = segments.last().map_or(1, |last| number(&last.path).unwrap_or(0) + 1);
        let mut wal = Self::parts(disk, folder, segment_bytes, segments, end, next_number)?;
        if wal.spare.is_empty() {
            let spare = wal.make_segment()?;
            wal.spare.push(spare);
        }
        let events = replay::with_losses(live.into_iter().map(|(event, _)| event).collect(), &damage);
        Ok((wal, Replay { events, damage, torn: torn.len() }))
    }

    /// Sorts the segments by what they are for.
    fn parts(
        disk: Arc<dyn Disk>,
        folder: &Path,
        segment_bytes: usize,
        segments: Vec<Segment>,
        end: Option<(usize, usize)>,
        mut next_number: u64,
    ) -> Result<Self, WalError> {
        let (mut sealed, mut spare, mut active) = (Vec::new(), Vec::new(), None);
        for (index, segment) in segments.into_iter().enumerate() {
            let whole = segment.file.len().doing("measure", &segment.path)? == segment_bytes as u64;
            match end {
                Some((last, end)) if last == index && whole => active = Some((segment, end)),
                _ if segment.last > 0 => sealed.push(segment),
                _ if whole && spare.len() < SPARES_MAX => spare.push(segment),
                _ => disk.remove(&segment.path).doing("remove", &segment.path)?,
            }
        }
        let (active, end) = match active.or_else(|| spare.pop().map(|segment| (segment, 0))) {
            Some(active) => active,
            None => {
                next_number += 1;
                (make_segment(&*disk, folder, next_number - 1, segment_bytes)?, 0)
            }
        };
        let folder = folder.to_path_buf();
        Ok(Self { disk, folder, segment_bytes, sealed, active, end, spare, next_number, broken: false })
    }

    /// Makes the events durable, in their order: one write and one sync, or one of each per segment filled.
    pub fn append(&mut self, events: &[Event]) -> Result<(), WalError> {
        if self.broken {
            return Err(WalError::Broken(self.folder.clone()));
        }
        let line = |event: &Event| {
            event
                .to_line()
                .map_err(|source| WalError::Event { seq: event.seq, source })
                .map(|l| (event.seq, l))
        };
        let lines = events.iter().map(line).collect::<Result<Vec<_>, _>>()?;
        let mut rest = &lines[..];
        while !rest.is_empty() {
            let fitting = self.fitting(rest);
            if fitting == 0 {
                self.next_segment()?;
                continue;
            }
            self.broken = true;
            self.write(&rest[..fitting])?;
            rest = &rest[fitting..];
        }
        self.broken = false;
        Ok(())
    }

    /// How many of the lines fit into the active segment.
    fn fitting(&self, lines: &[(u64, String)]) -> usize {
        let mut end = self.end;
        lines
            .iter()
            .take_while(|(_, line)| {
                end += record::space(line);
                end <= self.segment_bytes
            })
            .count()
    }

    fn write(&mut self, lines: &[(u64, String)]) -> Result<(), WalError> {
        let mut bytes = Vec::new();
        for (lead, (seq, line)) in (0u32..).zip(lines) {
            record::encode(&mut bytes, *seq, lead, line);
            self.active.last = *seq;
        }
        let Segment { path, file, .. } = &self.active;
        file.write_all_at(&bytes, self.end as u64).doing("write", path)?;
        file.sync().doing("sync", path)?;
        self.end += bytes.len();
        Ok(())
    }

    fn next_segment(&mut self) -> Result<(), WalError> {
        let next = match self.spare.pop() {
            Some(spare) => spare,
            None => self.make_segment()?,
        };
        let full = std::mem::replace(&mut self.active, next);
        self.end = 0;
        self.free_or_keep(full, 0)
    }

    fn make_segment(&mut self) -> Result<Segment, WalError> {
        let segment = make_segment(&*self.disk, &self.folder, self.next_number, self.segment_bytes)?;
        self.next_number += 1;
        Ok(segment)
    }

    /// Frees the room of events up to `last`, which are durable in blocks.
    pub fn trim(&mut self, last: u64) -> Result<(), WalError> {
        for segment in std::mem::take(&mut self.sealed) {
            self.free_or_keep(segment, last)?;
        }
        if self.active.last <= last {
            self.active.last = 0;
        }
        Ok(())
    }

    fn free_or_keep(&mut self, mut segment: Segment, trimmed: u64) -> Result<(), WalError> {
        if segment.last > trimmed {
            self.sealed.push(segment);
        } else if self.spare.len() < SPARES_MAX {
            segment.last = 0;
            self.spare.push(segment);
        } else {
            self.disk.remove(&segment.path).doing("remove", &segment.path)?;
        }
        Ok(())
    }
}

/// Every whole event in the bytes of a segment, whatever else is in them: to look into a copy that was set aside.
/// Events that were freed long ago are among them.
pub fn whole_events(segment: &[u8]) -> impl Iterator<Item = Event> {
    record::scan(segment).into_iter().map(|record| record.event)
}

/// The number in a segment's name; `None` for any other file.
fn number(path: &Path) -> Option<u64> {
    let stem = path.file_name()?.to_str()?.strip_suffix(".wal")?;
    (stem.len() == 8).then(|| stem.parse().ok())?
}

fn read_segments(
    disk: &dyn Disk,
    folder: &Path,
) -> Result<(Vec<Segment>, Vec<Vec<record::Record>>), DiskError> {
    let (mut segments, mut records) = (Vec::new(), Vec::new());
    disk.sync_dir(folder).doing("sync", folder)?;
    for path in disk.list(folder).doing("list", folder)? {
        if number(&path).is_some() {
            records.push(record::scan(&disk.read(&path).doing("read", &path)?));
            let file = disk.open(&path, false).doing("open", &path)?;
            segments.push(Segment { path, file, last: 0 });
        }
    }
    Ok((segments, records))
}

/// Keeps a copy of each damaged segment, which would be written over one day.
fn set_aside(disk: &dyn Disk, segments: &[Segment], holes: Vec<Hole>) -> Result<Vec<Damage>, DiskError> {
    let mut damage = Vec::new();
    for Hole { segment, offset, events } in holes {
        let file = segments[segment].path.clone();
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        let kept = file.with_file_name(format!("damaged-{stem}-{}.wal", events.start()));
        if !disk.exists(&kept) {
            let bytes = disk.read(&file).doing("read", &file)?;
            disk.replace(&kept, &bytes).doing("write", &kept)?;
        }
        damage.push(Damage { file, offset: offset as u64, events, kept });
    }
    Ok(damage)
}

/// Wipes records that nobody was told about, before their numbers are given again.
fn wipe(segments: &[Segment], torn: &[replay::Place]) -> Result<(), DiskError> {
    for place in torn {
        let Segment { path, file, .. } = &segments[place.segment];
        file.write_all_at(&ZEROS[..record::MAGIC.len()], place.offset as u64).doing("write", path)?;
    }
    Ok(())
}

/// A new segment, its blocks written once so that later writes change nothing but data.
fn make_segment(disk: &dyn Disk, folder: &Path, number: u64, bytes: usize) -> Result<Segment, DiskError> {
    let path = folder.join(format!("{number:08}.wal"));
    let made = fill(disk, &path, bytes).and_then(|file| {
        disk.sync_dir(folder).doing("sync", folder)?;
        Ok(file)
    });
    match made {
        Ok(file) => Ok(Segment { path, file, last: 0 }),
        Err(error) => {
            let _ = disk.remove(&path); // half a segment is of no use; if it stays, the next opening removes it
            Err(error)
        }
    }
}

fn fill(disk: &dyn Disk, path: &Path, bytes: usize) -> Result<Box<dyn DiskFile>, DiskError> {
    let file = disk.open(path, true).doing("make", path)?;
    for offset in (0..bytes).step_by(ZEROS.len()) {
        let piece = &ZEROS[..ZEROS.len().min(bytes - offset)];
        file.write_all_at(piece, offset as u64).doing("write", path)?;
    }
    file.sync().doing("sync", path)?;
    Ok(file)
}

#[cfg(test)]
pub(crate) mod tests;
