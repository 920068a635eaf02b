//! Whole files into chunks and back.
//!
//! Putting: this thread reads and cuts, two workers name, compress and append; a short queue between them
//! bounds the memory, whatever the file's size. Getting: chunk by chunk, each checked, and the whole at the end.

use std::{
    io::{Read, Write},
    iter,
    num::NonZero,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use chunk::{Builder, Cutter, FileHasher, Manifest, Stream, chunk_id};
use model::ChunkId;

use super::{Chunks, GetFileError, PutError, PutFileError, record::Packer};

/// Compression takes nearly all of the time, so as many workers as there are cores, but few on a large machine.
const MAX_WORKERS: usize = 4;
/// Chunks that wait for a worker.
const QUEUE: usize = 4;

/// A chunk's place in the file, and its bytes.
type Waiting = (usize, Vec<u8>);
/// A chunk's place in the file, its name, its length.
type Kept = (usize, ChunkId, u32);

impl Chunks {
    /// Cuts a file and keeps its chunks; they are durable when this returns. `progress` hears how many bytes are
    /// read. Hold a [`Pin`](super::Pin) until the manifest is in the ledger.
    pub fn put_file(
        &self,
        reader: impl Read,
        cutter: Cutter,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Manifest, PutFileError> {
        let workers = thread::available_parallelism().map_or(1, NonZero::get).min(MAX_WORKERS);
        let broken = AtomicBool::new(false);
        let (hash, mut kept) = thread::scope(|scope| {
            let (sender, receiver) = sync_channel(QUEUE);
            let line = Line { receiver: Arc::new(Mutex::new(receiver)), broken: &broken };
            let lines = iter::repeat_n(line, workers);
            let running: Vec<_> = lines.map(|line| scope.spawn(move || self.work(line))).collect();
            let hash = feed(reader, cutter, sender, &broken, progress);
            let done = running.into_iter().map(|worker| worker.join().expect("because workers do not panic"));
            let kept: Vec<Vec<Kept>> = done.collect::<Result<_, _>>()?;
            Ok::<_, PutFileError>((hash?, kept.concat()))
        })?;
        self.sync().map_err(PutError::Disk)?;
        kept.sort_unstable_by_key(|(number, ..)| *number);
        let mut builder = Builder::new(cutter);
        for (_, id, length) in kept {
            builder.push(id, length)?;
        }
        Ok(builder.finish(hash))
    }

    /// Takes chunks from the line until it ends.
    fn work(&self, line: Line<'_>) -> Result<Vec<Kept>, PutError> {
        let mut packer = Packer::new().map_err(PutError::Compressor)?;
        let mut kept = Vec::new();
        while let Some((number, plain)) = line.next() {
            let id = chunk_id(&plain);
            let here = self.keep_if_here(&id).map_err(PutError::Disk);
            let put = here.and_then(|here| if here { Ok(()) } else { self.put_new(&mut packer, id, &plain) });
            put.inspect_err(|_| line.broken.store(true, Ordering::Relaxed))?;
            kept.push((number, id, plain.len() as u32));
        }
        Ok(kept)
    }

    /// Writes a file from its chunks. `progress` hears how many bytes are written.
    pub fn get_file(
        &self,
        manifest: &Manifest,
        mut writer: impl Write,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), GetFileError> {
        let mut whole = FileHasher::new();
        let mut done = 0;
        let count = manifest.chunks.len();
        for (index, &(id, said)) in manifest.chunks.iter().enumerate() {
            let number = index + 1;
            let plain = self.get(&id).map_err(|source| GetFileError::Get { number, count, source })?;
            if plain.len() != said as usize {
                return Err(GetFileError::Length { id, got: plain.len(), said });
            }
            whole.update(&plain);
            writer.write_all(&plain).map_err(GetFileError::Write)?;
            done += u64::from(said);
            progress(done);
        }
        if whole.finish() != manifest.hash {
            return Err(GetFileError::Whole);
        }
        writer.flush().map_err(GetFileError::Write)
    }
}

/// What waits for the workers, numbered as in the file. Only workers hold it: when the last of them is gone,
/// nobody waits for room in the line.
#[derive(Clone)]
struct Line<'a> {
    receiver: Arc<Mutex<Receiver<Waiting>>>,
    /// A worker has failed: the rest is in vain.
    broken: &'a AtomicBool,
}

impl Line<'_> {
    fn next(&self) -> Option<Waiting> {
        self.receiver.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
    }
}

/// Cuts the file into the line; its hash when the end is reached.
fn feed(
    reader: impl Read,
    cutter: Cutter,
    line: SyncSender<Waiting>,
    broken: &AtomicBool,
    progress: &mut dyn FnMut(u64),
) -> Result<[u8; 32], PutFileError> {
    let mut whole = FileHasher::new();
    let mut done = 0;
    for (number, plain) in Stream::new(cutter, reader).enumerate() {
        let plain = plain.map_err(PutFileError::Read)?;
        whole.update(&plain);
        done += plain.len() as u64;
        if broken.load(Ordering::Relaxed) || line.send((number, plain)).is_err() {
            break;
        }
        progress(done);
    }
    Ok(whole.finish())
}
