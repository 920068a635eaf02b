//! The home opened in this process, because no ledgerd runs. Whoever holds the [`Core`] has the store's lock.

use crate::{context::Context, error::Result, progress::Progress};
use agent::{
    blobs::{Blobs, Looked},
    core::{Core, CoreError},
    home::Home,
    judges::Judges,
    replay::Replayed,
    wire::{Collected, Merged, Standing, Stored},
};
use anyhow::Context as _;
use chunk::{Cutter, Manifest};
use ledger::{Broken, NewBlock, Outcome};
use std::{
    io::{self, Read, Write},
    sync::Arc,
};
use store::disk::RealDisk;

/// Opens the ledger to write.
pub(super) fn open(context: &Context) -> Result<Core, CoreError> {
    let home = Home::open(&context.home)?;
    Core::open(&home, Arc::new(RealDisk), agent::clock::machine())
}

/// Says where, and what to do.
pub(super) fn explain(context: &Context, error: CoreError) -> anyhow::Error {
    let hint = match &error {
        held if held.is_held() => {
            "wait until the other is done; a ledgerd that does not answer must be stopped"
        }
        _ => "ledgerctl verify says whether the ledger is whole; a copy from another box brings it back",
    };
    let what = || format!("cannot open the ledger in {}", context.home.display());
    crate::error::with_hint(error.into(), what(), hint)
}

pub(super) fn blobs(context: &Context, core: &Core) -> Result<Arc<Blobs>> {
    let folder = Home::open(&context.home)?.chunks_folder();
    Blobs::open(&folder, Arc::new(RealDisk), core.objects().clone())
        .with_context(|| format!("cannot open the chunks in {}", folder.display()))
}

pub(super) fn store_file(
    context: &Context,
    core: &Core,
    from: Box<dyn Read + Send>,
    cutter: Cutter,
    progress: Progress,
) -> Result<Stored> {
    let blobs = blobs(context, core)?;
    cut(&blobs, from, cutter, progress)
}

pub(super) fn cut(
    blobs: &Blobs,
    from: Box<dyn Read + Send>,
    cutter: Cutter,
    progress: Progress,
) -> Result<Stored> {
    let (manifest, new_chunks) = blobs.put(Counted { inner: from, progress }, cutter)?;
    Ok(Stored { manifest: manifest.to_text(), new_chunks })
}

pub(super) fn fetch_file(
    context: &Context,
    core: &Core,
    manifest: &Manifest,
    into: &mut dyn Write,
    progress: &mut Progress,
) -> Result {
    let blobs = blobs(context, core)?;
    Ok(blobs.write(manifest, CountedOut { inner: into, progress })?)
}

pub(super) fn verify_chunks(context: &Context, core: &Core) -> Result<Looked> {
    let blobs = blobs(context, core)?;
    let mut progress = Progress::of_bytes("verifying", blobs.bytes(), context.out.json);
    Ok(blobs.verify(&mut |done| progress.at(done))?)
}

pub(super) fn collect_chunks(context: &Context, core: &Core) -> Result<Collected> {
    let blobs = blobs(context, core)?;
    let report = blobs.collect()?;
    Ok(Collected { kept: report.kept, removed: report.removed, freed_bytes: report.freed_bytes })
}

/// Brings a signed block in, with the judges that it needs. Where they cannot be run it waits for ledgerd.
pub(super) fn submit(context: &Context, core: &mut Core, block: NewBlock) -> Result<Merged> {
    let written = core.propose(block.id, block.objects)?;
    if written.state == Standing::Final {
        return Ok(written);
    }
    let judges = judges(context, core)?;
    let can = |outcome: &Outcome| *outcome != Outcome::Broken(Broken::NotRun);
    Ok(core.ask_judges(written, &mut |task| Some(judges.run(task)).filter(can))?)
}

/// Makes a merge again.
pub(super) fn replay(context: &Context, core: &Core, height: u64) -> Result<Replayed> {
    let judges = judges(context, core)?;
    let main = core.view().head;
    Ok(agent::replay::replay(core.objects(), main, height, &mut |task| judges.run_again(task))?)
}

/// The judges, run by this program: it is the container helper too when it is started as one.
fn judges(context: &Context, core: &Core) -> Result<Judges> {
    let (home, objects) = (Home::open(&context.home)?, core.objects().clone());
    let (blobs, exe) = (blobs(context, core)?, std::env::current_exe()?);
    Ok(Judges::new(&home, &core.key_id(), objects, blobs, exe))
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
