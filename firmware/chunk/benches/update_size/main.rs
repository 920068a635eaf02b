//! How many bytes an update takes: `cargo xtask bench update-size [-- OLD NEW]`.
//!
//! Two images of a root file system, named by arguments or by the environment's `OLD_IMAGE` and `NEW_IMAGE`. Ours: the plain chunks that are
//! missing, the delta, and the whole image as a delta from nothing; publisher and box are processes of their own, so
//! that memory is each one's. Then the peers, on the same files. Bytes are those that a box fetches, indexes and manifest included.
#![allow(clippy::print_stdout, reason = "a benchmark's figures are what it is for")]

mod make;
mod ours;
mod peers;
mod process;

use std::{
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
};

/// What went wrong, for the person at the terminal.
type Done<T = ()> = Result<T, Box<dyn Error>>;

/// The two images, and a folder for what is made of them.
struct Pair {
    old: PathBuf,
    new: PathBuf,
    folder: PathBuf,
}

fn main() -> Done {
    // Cargo itself adds `--bench`.
    let words: Vec<String> = env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["publish", old, new, folder] => ours::publish(Path::new(old), Path::new(new), Path::new(folder)),
        ["box", old, folder] => ours::install(Path::new(old), Path::new(folder)),
        ["nothing", new, folder] => ours::from_nothing(Path::new(new), Path::new(folder)),
        [old, new] => compare(old.into(), new.into()),
        [] => {
            let image = |name| env::var_os(name).ok_or(format!("{name} is not set: say OLD and NEW"));
            compare(image("OLD_IMAGE")?.into(), image("NEW_IMAGE")?.into())
        }
        _ => Err("say OLD and NEW, two files".into()),
    }
}

fn compare(old: PathBuf, new: PathBuf) -> Done {
    let folder = tempfile::tempdir()?;
    let pair = Pair { old, new, folder: folder.path().to_owned() };
    for file in [&pair.old, &pair.new] {
        println!("{}: {} bytes", file.display(), fs::metadata(file)?.len());
    }
    ours::compare(&pair)?;
    peers::compare(&pair)
}

/// One line of the table.
fn row(what: &str, bytes: u64, seconds: f64) {
    println!("{what:<58} {bytes:>12} bytes {seconds:>8.1} s at the processor");
}
