//! Looks at every byte of every pack: is each chunk still what its name says?
//!
//! Nothing is changed on disk. A damaged chunk is forgotten in memory, so that `contains` says no and the
//! chunk can be put again from another box.

use std::{ops::Range, path::PathBuf, sync::Arc};

use model::ChunkId;

use super::{
    Chunks, VerifyError,
    index::Entry,
    places::Place,
    scan::{Shape, scan},
};
use crate::disk::{DiskError, DiskFile, Doing};

/// Bytes of a pack that are not what was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The file.
    pub pack: PathBuf,
    /// Where the damage begins, as near as can be told.
    pub offset: u64,
    /// How far it reaches at most.
    pub bytes: u64,
    /// The chunk that was there, if that is known.
    pub id: Option<ChunkId>,
}

/// What a look at all packs found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Chunks that are whole.
    pub chunks: u64,
    /// Bytes that were looked at.
    pub bytes: u64,
    /// What is not whole.
    pub damaged: Vec<Damage>,
}

impl Chunks {
    /// Reads everything; `progress` hears how many bytes of [`Usage::bytes`](super::Usage::bytes) are done.
    pub fn verify(&self, progress: &mut dyn FnMut(u64)) -> Result<VerifyReport, VerifyError> {
        let mut report = VerifyReport::default();
        let numbers = self.lock().numbers();
        for number in numbers {
            if let Some(pack) = Pack::of(self, number)? {
                pack.verify(self, &mut report, progress)?;
            }
        }
        Ok(report)
    }
}

/// One pack as it was when its turn came.
struct Pack {
    number: u32,
    path: PathBuf,
    file: Arc<dyn DiskFile>,
    length: u64,
    entries: Vec<Entry>,
}

impl Pack {
    /// `None` if a collection has removed it since.
    fn of(chunks: &Chunks, number: u32) -> Result<Option<Self>, DiskError> {
        let mut packs = chunks.lock();
        if !packs.numbers().contains(&number) {
            return Ok(None);
        }
        let (file, length) = packs.file(number)?;
        let mut entries = packs.entries(number)?;
        entries.sort_unstable_by_key(|entry| entry.offset);
        Ok(Some(Self { number, path: packs.path(number), file, length, entries }))
    }

    fn verify(
        &self,
        chunks: &Chunks,
        report: &mut VerifyReport,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), DiskError> {
        let before = report.bytes;
        let (mut whole, mut bad) = (Vec::new(), Vec::new());
        let shape = scan(&*self.file, self.length, &mut |offset, header, data| {
            let end = offset + header.record_bytes();
            match header.unpack(data) {
                Some(_) => whole.push(offset),
                None => bad.push(offset..end),
            }
            progress(before + end);
        });
        let shape = shape.doing("read", &self.path)?;
        report.chunks += whole.len() as u64;
        report.bytes += self.length;
        bad.extend(damage(&shape, self.length));
        for range in bad {
            report.damaged.extend(self.damaged(chunks, range));
        }
        progress(report.bytes);
        Ok(())
    }

    /// Names and forgets the chunks that the index puts into a damaged stretch. A stretch without any is what a
    /// power cut left of chunks that were never promised; only a pack's first bytes are missed there.
    fn damaged(&self, chunks: &Chunks, range: Range<u64>) -> Vec<Damage> {
        let damage = |offset, bytes, id| Damage { pack: self.path.clone(), offset, bytes, id };
        let lost: Vec<&Entry> =
            self.entries.iter().filter(|entry| range.contains(&u64::from(entry.offset))).collect();
        if lost.is_empty() && range.start == 0 {
            return vec![damage(range.start, range.end - range.start, None)];
        }
        let mut packs = chunks.lock();
        let forget = |entry: &&Entry| {
            packs.places.remove(&Place::new(&entry.id, self.number, entry.offset));
            damage(u64::from(entry.offset), entry.record_bytes(), Some(entry.id))
        };
        lost.iter().map(forget).collect()
    }
}

fn damage(shape: &Shape, length: u64) -> impl Iterator<Item = Range<u64>> {
    shape.damage.iter().cloned().chain((shape.end < length).then_some(shape.end..length))
}
