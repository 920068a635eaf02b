//! The deltas that go with a release: from the same part of older releases, and from nothing.
//!
//! Each frame is a chunk on this box before the release names it. A delta that is no shorter than the one from nothing is not offered:
//! no box would take it. Segments are made on as many threads as there are cores, and kept as they come, so that few of them wait in memory.

use super::Cut;
use crate::{error::Result, link::Shelf, progress::Progress};
use anyhow::Context;
use chunk::{
    Builder, Cutter, FileHasher, Manifest,
    delta::{Delta, EncodeError, Encoder, Segment, Source},
};
use std::{
    num::NonZero,
    sync::{
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};
use update::{DeltaOffer, Version};

/// Old and new part are in memory: larger ones travel as chunks alone.
pub const MAX_DELTA_PART_BYTES: u64 = 1 << 30;
/// Frames that wait for the disk.
const QUEUE: usize = 2;

/// A part of an older release.
pub struct Older {
    /// Of this one.
    pub version: Version,
    /// Its manifest.
    pub manifest: Manifest,
    /// All of it.
    pub bytes: Vec<u8>,
}

/// Makes the deltas of a part. `older` reads one older part after the other, so that one of them is in memory at a time; what cannot be
/// read makes no delta.
pub fn offers(
    shelf: &Shelf<'_>,
    cut: &Cut,
    older: impl Iterator<Item = Older>,
    progress: &mut Progress,
) -> Result<Vec<DeltaOffer>> {
    if cut.part.size > MAX_DELTA_PART_BYTES {
        return Ok(Vec::new());
    }
    let bytes = cut.raw.bytes()?;
    let new = Source { bytes: &bytes, manifest: &cut.manifest };
    let nothing = Builder::new(Cutter::default()).finish(FileHasher::new().finish());
    let whole = offer(shelf, cut, None, Source { bytes: &[], manifest: &nothing }, new, progress)?;
    let most = whole.as_ref().map_or(u64::MAX, |offer| offer.bytes);
    let mut offers = Vec::new();
    for old in older {
        let source = Source { bytes: &old.bytes, manifest: &old.manifest };
        let made = offer(shelf, cut, Some(old.version), source, new, progress)?;
        offers.extend(made.filter(|offer| offer.bytes < most));
    }
    offers.extend(whole);
    Ok(offers)
}

/// Makes one delta and keeps it; none if there is nothing to make, or nothing that is shorter than chunks.
fn offer(
    shelf: &Shelf<'_>,
    cut: &Cut,
    from: Option<Version>,
    old: Source<'_>,
    new: Source<'_>,
    progress: &mut Progress,
) -> Result<Option<DeltaOffer>> {
    let encoder = Encoder::new(old, new)?;
    let failed = || match &from {
        Some(version) => format!("cannot make the delta of {} from {version}", cut.part.name),
        None => format!("cannot pack {}", cut.part.name),
    };
    let segments = encode(shelf, &encoder, progress).with_context(failed)?;
    if segments.is_empty() {
        return Ok(None);
    }
    let frames: u64 = segments.iter().map(|segment| u64::from(segment.frame_bytes)).sum();
    let text = Delta::between(old.manifest, new.manifest, segments).with_context(failed)?.to_text();
    let bytes = frames + text.len() as u64;
    let list = shelf.keep(text.into_bytes())?;
    Ok(Some(DeltaOffer { part: cut.part.name.clone(), from, list, bytes }))
}

type Made = Result<Option<(Segment, Vec<u8>)>, EncodeError>;

/// Makes all segments and keeps their frames.
fn encode(shelf: &Shelf<'_>, encoder: &Encoder<'_>, progress: &mut Progress) -> Result<Vec<Segment>> {
    let workers = thread::available_parallelism().map_or(1, NonZero::get).min(encoder.segments());
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        let (sender, receiver) = sync_channel(QUEUE);
        for _ in 0..workers {
            let (sender, next, stop) = (sender.clone(), &next, &stop);
            scope.spawn(move || work(encoder, next, stop, &sender));
        }
        drop(sender);
        let kept = keep(shelf, receiver, progress);
        stop.store(true, Ordering::Relaxed);
        kept
    })
}

/// Makes segments until there are no more, or nobody wants them.
fn work(encoder: &Encoder<'_>, next: &AtomicUsize, stop: &AtomicBool, sender: &SyncSender<Made>) {
    while !stop.load(Ordering::Relaxed) {
        let segment = next.fetch_add(1, Ordering::Relaxed);
        if segment >= encoder.segments() || sender.send(encoder.encode(segment)).is_err() {
            return;
        }
    }
}

fn keep(shelf: &Shelf<'_>, made: Receiver<Made>, progress: &mut Progress) -> Result<Vec<Segment>> {
    let mut segments = Vec::new();
    for made in made {
        if let Some((segment, frame)) = made? {
            shelf.keep(frame)?;
            segments.push(segment);
        }
        progress.add(1);
    }
    Ok(segments)
}
