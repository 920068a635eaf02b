//! How fast a file is cut, named, compressed and kept: `cargo bench -p store --bench chunks [-- FILE]`.
//!
//! Without a file, 256 MiB of mixed data: text that compresses, noise that does not, zeros, and repeats. Each
//! figure is the best of three runs; packs are written to a temporary folder, synced, and removed. Where the
//! environment's `DESYNC` names that program, `desync make` does the same work on the same file, beside ours.
#![allow(clippy::print_stdout, reason = "a benchmark's figures are what it is for")]

use std::{
    env,
    error::Error,
    ffi::OsStr,
    fs,
    hint::black_box,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::Instant,
};

use chunk::{Cutter, FileHasher, chunk_id, cut};
use store::{chunks::Chunks, disk::RealDisk};

const CUTTERS: [&str; 2] = ["fastcdc:16384:65536:262144", "rabin:16384:32768:65536"];
const GENERATED_BYTES: usize = 256 << 20;

/// A file and its content.
struct File {
    path: PathBuf,
    bytes: Vec<u8>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    // Cargo itself adds `--bench`.
    let given = env::args().skip(1).find(|argument| !argument.starts_with("--")).map(PathBuf::from);
    let path = given.unwrap_or_else(|| folder.path().join("mixed data"));
    if path.starts_with(&folder) {
        fs::write(&path, generated())?;
    }
    let file = File { bytes: fs::read(&path)?, path };
    println!("{} of {} MiB", file.path.display(), file.bytes.len() >> 20);
    for text in CUTTERS {
        measure(text.parse()?, &file)?;
    }
    env::var_os("DESYNC").map_or(Ok(()), |desync| against_desync(&desync, &file))
}

fn measure(cutter: Cutter, file: &File) -> Result<(), Box<dyn Error>> {
    let bytes = &file.bytes;
    let chunks = cut(cutter, bytes).count();
    println!("{cutter}: {chunks} chunks, {} bytes on average", bytes.len() / chunks.max(1));
    figure("cut", bytes, || Ok(cut(cutter, bytes).count()))?;
    figure("cut + hash chunks and file", bytes, || {
        let mut whole = FileHasher::new();
        whole.update(bytes);
        cut(cutter, bytes).for_each(|range| {
            black_box(chunk_id(&bytes[range]));
        });
        Ok(whole.finish())
    })?;
    figure("cut + hash + zstd into packs, synced", bytes, || {
        let folder = tempfile::tempdir()?;
        Ok(open(folder.path())?.put_file(fs::File::open(&file.path)?, cutter, &mut |_| ())?)
    })?;
    let folder = tempfile::tempdir()?;
    let chunks = open(folder.path())?;
    let manifest = chunks.put_file(&**bytes, cutter, &mut |_| ())?;
    let stored = chunks.usage().bytes;
    println!("    packs of {} MiB, {:.3} of the file", stored >> 20, stored as f64 / bytes.len() as f64);
    figure("get and check the file", bytes, || {
        Ok(chunks.get_file(&manifest, std::io::sink(), &mut |_| ())?)
    })?;
    figure("put the file again", bytes, || Ok(chunks.put_file(&**bytes, cutter, &mut |_| ())?))
}

fn open(folder: &Path) -> Result<Chunks, Box<dyn Error>> {
    Ok(Chunks::open(&folder.join("chunks"), Arc::new(RealDisk))?)
}

/// Desync's default sizes are those of our default cutter.
fn against_desync(desync: &OsStr, file: &File) -> Result<(), Box<dyn Error>> {
    println!("desync make, 16:64:256 KiB");
    figure("cut + hash + zstd into files, not synced", &file.bytes, || {
        let folder = tempfile::tempdir()?;
        let store = folder.path().join("store");
        fs::create_dir(&store)?;
        let mut make = Command::new(desync);
        make.args(["make", "--chunk-size", "16:64:256", "--store"]).arg(&store);
        make.arg(folder.path().join("file.caibx")).arg(&file.path);
        let done = make.stdout(Stdio::null()).stderr(Stdio::null()).status()?;
        if done.success() { Ok(()) } else { Err(format!("desync make ended with {done}").into()) }
    })
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
