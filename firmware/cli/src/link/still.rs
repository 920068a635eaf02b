//! The home opened in this process, because no ledgerd runs.
//!
//! Each operation takes the store's lock and gives it back at its end: a ledgerd that starts meanwhile is told so,
//! and so are we if one has started.

use super::ChunksChecked;
use crate::{context::Context, error::Result, progress::Progress};
use agent::{
    blobs::Blobs,
    core::{Core, CoreError},
    home::Home,
    wire::{Collected, EventCounts, LogEntry, LogQuery, Merged, Stored},
};
use anyhow::Context as _;
use chunk::{Cutter, Manifest};
use ledger::NewBlock;
use model::Name;
use std::{
    io::{self, Read, Write},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};
use store::{LockError, OpenError, chunks::Damage, disk::RealDisk};

/// How long another ledgerctl is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(50);


/// Opens the ledger to write; the store's lock lasts as long as it is open. Another ledgerctl is waited for.
fn open(context: &Context) -> Result<Core> {
    let home = Home::open(&context.home)?;
    let begun = Instant::now();
    loop {
        match Core::open(&home, Arc::new(RealDisk), agent::clock::machine()) {
            Err(error) if is_held(&error) && begun.elapsed() < PATIENCE => thread::sleep(PAUSE),
            opened => return opened.with_context(|| format!("cannot open the ledger in {}", context.home.display())),
        }
    }
}

fn is_held(error: &CoreError) -> bool {
    matches!(error, CoreError::Open(OpenError::Lock(LockError::Held { .. })))
}

pub(super) fn propose(context: &Context, block: NewBlock) -> Result<Merged> {
    Ok(open(context)?.propose(block.id, block.objects)?)
}

pub(super) fn flush(context: &Context) -> Result<Merged> {
    Ok(open(context)?.flush()?)
}

pub(super) fn events(context: &Context, query: &LogQuery) -> Result<Vec<LogEntry>> {
    Ok(open(context)?.log(query)?)
}

pub(super) fn status(context: &Context) -> Result<(EventCounts, Name)> {
    let core = open(context)?;
    Ok((core.counts(), core.node().clone()))
}

/// The chunks, and the ledger, whose lock keeps others away.
fn blobs(context: &Context) -> Result<(Arc<Blobs>, Core)> {
    let core = open(context)?;
    let folder = Home::open(&context.home)?.chunks_folder();
    let blobs = Blobs::open(&folder, Arc::new(RealDisk), core.objects().clone())
        .with_context(|| format!("cannot open the chunks in {}", folder.display()))?;
    Ok((blobs, core))
}

pub(super) fn store_file(
    context: &Context,
    from: Box<dyn Read + Send>,
    cutter: Cutter,
    progress: Progress,
) -> Result<Stored> {
    let (blobs, _core) = blobs(context)?;
    let (manifest, new_chunks) = blobs.put(Counted { inner: from, progress }, cutter)?;
    Ok(Stored { manifest: manifest.to_text(), new_chunks })
}

pub(super) fn fetch_file(
    context: &Context,
    manifest: &Manifest,
    into: &mut dyn Write,
    progress: &mut Progress,
) -> Result {
    let (blobs, _core) = blobs(context)?;
    Ok(blobs.write(manifest, CountedOut { inner: into, progress })?)
}

pub(super) fn verify_chunks(context: &Context) -> Result<ChunksChecked> {
    let (blobs, _core) = blobs(context)?;
    let mut progress = Progress::of_bytes("verifying", blobs.bytes(), context.out.json);
    let report = blobs.verify(&mut |done| progress.at(done))?;
    let bad = report.damaged.iter().map(damage).collect();
    Ok(ChunksChecked { good: report.chunks, bad })
}

fn damage(damage: &Damage) -> String {
    let what =
        damage.id.map_or_else(|| "a chunk whose name is damaged too".to_string(), |id| format!("chunk {id}"));
    format!("{what}: {} bytes at {} of {}", damage.bytes, damage.offset, damage.pack.display())
}

pub(super) fn collect_chunks(context: &Context) -> Result<Collected> {
    let (blobs, _core) = blobs(context)?;
    let report = blobs.collect()?;
    Ok(Collected { kept: report.kept, removed: report.removed, freed_bytes: report.freed_bytes })
}

/// A reader whose progress is shown.
struct Counted {
    inner: Box<dyn Read + Send>,
    progress: Progress,
}

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(into)?;
        self.progress.add(length as u64);
        Ok(length)
    }
}

/// A writer whose progress is shown.
struct CountedOut<'a> {
    inner: &'a mut dyn Write,
    progress: &'a mut Progress,
}

impl Write for CountedOut<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.inner.write(bytes)?;
        self.progress.add(length as u64);
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
