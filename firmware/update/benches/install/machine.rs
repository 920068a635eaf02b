//! A box: the room's machine, and files for what it wants done.
//!
//! The running slot is the old image, the target a file, chunks and frames lie in a folder, the record in two files. Effects are carried
//! out one after the other. It ends where the box would restart.

use super::{Done, order::order};
use chunk::{
    Manifest, chunk_id,
    delta::{Decoder, Delta, MismatchError},
};
use model::ChunkId;
use rustix::fs::{Advice, fadvise};
use slots::{Slot, Slots};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};
use update::{Act, GateRules, Happened, May, Place, Start, Task, Updater, UpdaterRules, Uptime, Way, latest};

/// How often in a row the machine may have nothing to do, a second of its own time each.
const PATIENCE: u32 = 20;

/// What the effects are done to.
struct Card<'a> {
    old: File,
    /// Where each chunk begins in the old image.
    old_offsets: BTreeMap<ChunkId, u64>,
    target: File,
    folder: PathBuf,
    new: &'a Manifest,
    delta: Option<(&'a Delta, Decoder<'a>)>,
    slots: Slots,
}

/// Installs what `publish` left in a folder.
pub fn install(old: &Path, target: &Path, folder: &Path, by_delta: bool) -> Done {
    let read = |name: &str| fs::read(folder.join(name));
    let (old_manifest, new) =
        (Manifest::parse(&read("old.manifest")?)?, Manifest::parse(&read("new.manifest")?)?);
    let delta = if by_delta { Some(Delta::parse(&read("delta")?)?) } else { None };
    let order = order(&old_manifest, &new, delta.as_ref())?;
    let decoder = |delta| Ok::<_, MismatchError>((delta, Decoder::new(delta, &new)?));
    let mut card = Card {
        old: File::open(old)?,
        old_offsets: offsets(&old_manifest),
        target: File::options().read(true).write(true).open(target)?,
        folder: folder.to_owned(),
        new: &new,
        delta: delta.as_ref().map(decoder).transpose()?,
        slots: Slots::fresh(Slot::A),
    };
    let mut updater = start(card.slots);
    updater.begin(order)?;
    updater.allow(May::All, 1);
    let (mut now, mut idle) = (Uptime(0), 0);
    while idle < PATIENCE {
        let effects = updater.next(now);
        idle = if effects.is_empty() { idle + 1 } else { 0 };
        for effect in effects {
            if effect.act == Act::Restart {
                return Ok(());
            }
            let happened = card.perform(&effect.act)?;
            updater.happened(effect.ticket, happened, now);
        }
        now = now.plus(1_000);
    }
    Err(format!("the machine waits: {}", updater.status()).into())
}

fn start(slots: Slots) -> Updater {
    let gate = GateRules { checks: vec!["agent".to_owned()], steady_ms: 1, limit_ms: 1_000 };
    let rules = UpdaterRules { gate, settle_ms: 0, tries: 3 };
    let start = Start { latest: latest(&[], &[]), slots, running: Slot::A, release: None };
    Updater::start(rules, start, Uptime(0))
}

fn offsets(manifest: &Manifest) -> BTreeMap<ChunkId, u64> {
    let mut end = 0;
    let begin = |(id, length): &(ChunkId, u32)| {
        let start = end;
        end += u64::from(*length);
        (*id, start)
    };
    manifest.chunks.iter().map(begin).collect()
}

impl Card<'_> {
    fn perform(&mut self, act: &Act) -> Done<Happened> {
        Ok(match act {
            Act::Save { place, bytes } => {
                let file = File::create(self.folder.join(format!("record-{place}")))?;
                file.write_all_at(bytes, 0)?;
                file.sync_all()?;
                Happened::Done
            }
            Act::Boot(verb) => {
                let result = verb.apply(&mut self.slots, Slot::A);
                Happened::Booted(self.slots, result)
            }
            Act::Look(_) => Happened::Looked(self.right()?),
            Act::Fetch { task, places, .. } => self.fetch(task, places)?,
            Act::Sync(_) => {
                self.target.sync_all()?;
                Happened::Done
            }
            Act::ReadBack { .. } => {
                fadvise(&self.target, 0, None, Advice::DontNeed)?;
                let right = self.right()?;
                let bad = (0..self.new.chunks.len()).filter(|number| !right.contains(number)).collect();
                Happened::ReadBack { bad, root_fits: true }
            }
            Act::Restart | Act::Report(_) => Happened::Done,
        })
    }

    /// The chunks that lie in the target as they should.
    fn right(&self) -> Done<BTreeSet<usize>> {
        let (mut right, mut offset) = (BTreeSet::new(), 0);
        let mut piece = Vec::new();
        for (number, (id, length)) in self.new.chunks.iter().enumerate() {
            piece.resize(*length as usize, 0);
            self.target.read_exact_at(&mut piece, offset)?;
            offset += u64::from(*length);
            if chunk_id(&piece) == *id {
                right.insert(number);
            }
        }
        Ok(right)
    }

    fn fetch(&self, task: &Task, places: &[Place]) -> Done<Happened> {
        match task.way {
            Way::Copy => {
                let place = places.first().ok_or("a task without a place")?;
                let mut bytes = vec![0; place.length as usize];
                self.old.read_exact_at(&mut bytes, self.old_offsets[&place.id])?;
                self.write(places, &bytes)
            }
            Way::Plain => {
                let place = places.first().ok_or("a task without a place")?;
                let packed = fs::read(self.folder.join(place.id.to_string()))?;
                self.write(places, &zstd::bulk::decompress(&packed, place.length as usize)?)
            }
            Way::Segment(_, segment) => self.make(segment, places),
        }
    }

    /// One chunk to all its places, if it has its name.
    fn write(&self, places: &[Place], bytes: &[u8]) -> Done<Happened> {
        let id = chunk_id(bytes);
        for place in places {
            if place.id != id {
                return Ok(Happened::Useless);
            }
            self.target.write_all_at(bytes, place.offset)?;
        }
        Ok(Happened::Done)
    }

    /// All chunks of a segment, which the decoder has checked.
    fn make(&self, segment: usize, places: &[Place]) -> Done<Happened> {
        let (delta, decoder) = self.delta.as_ref().ok_or("there is no delta")?;
        let frame = fs::read(self.folder.join(delta.segments[segment].frame.to_string()))?;
        let made = decoder.make(segment, &frame, |offset, into| self.old.read_exact_at(into, offset))?;
        let bytes: BTreeMap<ChunkId, &[u8]> = made.chunks().map(|(_, id, bytes)| (id, bytes)).collect();
        for place in places {
            self.target.write_all_at(bytes[&place.id], place.offset)?;
        }
        Ok(Happened::Done)
    }
}
