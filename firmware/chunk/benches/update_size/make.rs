//! A publisher's work, for this bench and that of installing: a manifest, and a delta by all cores.

use std::{
    fs,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use chunk::{
    Builder, Cutter, FileHasher, Manifest, chunk_id, cut,
    delta::{Delta, Encoder, Segment, Source},
};

use super::Done;

/// The manifest of a file, cut by the usual cutter.
pub fn manifest(bytes: &[u8]) -> Done<Manifest> {
    let cutter = Cutter::default();
    let (mut builder, mut whole) = (Builder::new(cutter), FileHasher::new());
    whole.update(bytes);
    for range in cut(cutter, bytes) {
        builder.push(chunk_id(&bytes[range.clone()]), range.len() as u32)?;
    }
    Ok(builder.finish(whole.finish()))
}

/// The delta's text, and the bytes of all frames, which go into a folder if there is one; all cores work.
pub fn delta(old: Source<'_>, new: Source<'_>, folder: Option<&Path>) -> Done<(String, u64)> {
    let encoder = Encoder::new(old, new)?;
    let (next, made) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || -> Result<(), String> {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= encoder.segments() {
                return Ok(());
            }
            let segment = encoder.encode(number).map_err(|error| error.to_string())?;
            made.lock().map_err(|error| error.to_string())?.extend(segment);
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> =
            (0..thread::available_parallelism()?.get()).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| Ok(worker.join().map_err(|_| "a worker died")??))
    })
    .map_err(|error: Box<dyn std::error::Error>| error.to_string())?;
    let made: Vec<(Segment, Vec<u8>)> = made.into_inner()?;
    let bytes = made.iter().map(|(_, frame)| frame.len() as u64).sum();
    if let Some(folder) = folder {
        made.iter()
            .try_for_each(|(segment, frame)| fs::write(folder.join(segment.frame.to_string()), frame))?;
    }
    let segments = made.into_iter().map(|(segment, _)| segment).collect();
    let text = Delta::between(old.manifest, new.manifest, segments)?.to_text();
    folder.map_or(Ok(()), |folder| fs::write(folder.join("delta"), &text))?;
    Ok((text, bytes))
}
