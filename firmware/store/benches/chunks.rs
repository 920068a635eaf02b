//! How fast a file is cut, named, compressed and kept: `cargo bench -p store --bench chunks [-- FILE]`.
//!
//! Without a file, 256 MiB of mixed data: text that compresses, noise that does not, zeros, and repeats. Each
//! figure is the best of three runs; packs are written to a temporary folder, synced, and removed.
#![allow(clippy::print_stdout, reason = "a benchmark's figures are what it is for")]

use std::{error::Error, fs, hint::black_box, sync::Arc, time::Instant};

use chunk::{Cutter, FileHasher, chunk_id, cut};
use store::{chunks::Chunks, disk::RealDisk};

const CUTTERS: [&str; 2] = ["fastcdc:16384:65536:262144", "rabin:16384:32768:65536"];
const GENERATED_BYTES: usize = 256 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    // Cargo itself adds `--bench`.
    let file = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let bytes = file.as_ref().map_or_else(|| Ok(generated()), fs::read)?;
    println!("{} of {} MiB", file.as_deref().unwrap_or("mixed data"), bytes.len() >> 20);
    for text in CUTTERS {
        measure(text.parse()?, &bytes)?;
    }
    Ok(())
}

fn measure(cutter: Cutter, bytes: &[u8]) -> Result<(), Box<dyn Error>> {
    let chunks = cut(cutter, bytes).count();
    println!("{cutter}: {chunks} chunks, {} bytes on average", bytes.len() / chunks.max(1));
    figure("cut", bytes, || Ok(cut(cutter, bytes).count()))?;
    figure("cut + hash chunks and file", bytes, || {
        let mut whole = FileHasher::new();
        whole.update(bytes);
        cut(cutter, bytes).for_each(|range| drop(black_box(chunk_id(&bytes[range]))));
        Ok(whole.finish())
    })?;
    let mut stored = 0;
    figure("cut + hash + zstd into packs, synced", bytes, || {
        let folder = tempfile::tempdir()?;
        let store = Chunks::open(&folder.path().join("chunks"), Arc::new(RealDisk))?;
        let manifest = store.put_file(bytes, cutter, &mut |_| ())?;
        stored = store.usage().bytes;
        Ok(manifest)
    })?;
    println!("    packs of {} MiB, {:.3} of the file", stored >> 20, stored as f64 / bytes.len() as f64);
    read_back(cutter, bytes)
}

fn read_back(cutter: Cutter, bytes: &[u8]) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let store = Chunks::open(&folder.path().join("chunks"), Arc::new(RealDisk))?;
    let manifest = store.put_file(bytes, cutter, &mut |_| ())?;
    figure("get and check the file", bytes, || {
        Ok(store.get_file(&manifest, std::io::sink(), &mut |_| ())?)
    })?;
    figure("put the file again", bytes, || Ok(store.put_file(bytes, cutter, &mut |_| ())?))
}

fn figure<T>(
    what: &str,
    bytes: &[u8],
    mut run: impl FnMut() -> Result<T, Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let mut best = f64::INFINITY;
    for _ in 0..3 {
        let start = Instant::now();
        black_box(run()?);
        best = best.min(start.elapsed().as_secs_f64());
    }
    println!("    {what}: {:.0} MB/s", bytes.len() as f64 / 1e6 / best);
    Ok(())
}

/// Pieces of up to 64 KiB, a quarter of them of each kind.
fn generated() -> Vec<u8> {
    let mut bytes = Vec::with_capacity(GENERATED_BYTES + (64 << 10));
    let mut state = 42u64;
    let mut dice = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 32
    };
    while bytes.len() < GENERATED_BYTES {
        let length = (dice() % (64 << 10)) as usize;
        match dice() % 4 {
            0 => bytes.resize(bytes.len() + length, 0),
            1 => bytes.extend((0..length).map(|_| dice() as u8)),
            2 if bytes.len() > length => {
                let from = dice() as usize % (bytes.len() - length);
                bytes.extend_from_within(from..from + length);
            }
            _ => {
                let end = bytes.len() + length;
                while bytes.len() < end {
                    bytes.extend(format!("event {} at door {}\n", dice() % 1000, dice() % 8).bytes());
                }
            }
        }
    }
    bytes.truncate(GENERATED_BYTES);
    bytes
}
