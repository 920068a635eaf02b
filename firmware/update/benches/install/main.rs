//! What it takes to install an update whose chunks are at hand: `cargo xtask bench update-install [-- OLD NEW]`.
//!
//! Two images of a root file system, named by arguments or by the environment's `OLD_IMAGE` and `NEW_IMAGE`. The old one runs and is what new chunks are made from; the
//! new one goes into a file of its own. Ours is the room's machine, with files for its effects: look, plan, fetch from a folder, write, sync, read back past
//! the cache; in one thread. Network and agent are not in it. Peers are given their chunks or their bundle in a local folder, too, and
//! a sync at the end. Each is a process of its own, measured by GNU time.
#![allow(clippy::print_stdout, reason = "a benchmark's figures are what it is for")]

mod machine;
#[path = "../../../chunk/benches/update_size/make.rs"]
mod make;
mod measure;
mod order;
mod peers;
mod publish;
mod rauc;
mod slot;

use measure::row;
use std::{
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::Command,
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
        ["publish", old, new, folder] => publish::publish(Path::new(old), Path::new(new), Path::new(folder)),
        ["box", old, target, folder, way] => {
            machine::install(Path::new(old), Path::new(target), Path::new(folder), way == "delta")
        }
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
    ours(&pair)?;
    peers::compare(&pair)?;
    rauc::compare(&pair)
}

fn ours(pair: &Pair) -> Done {
    let again = || Ok::<_, std::io::Error>(Command::new(env::current_exe()?));
    let store = pair.folder.join("ours");
    fs::create_dir(&store)?;
    row("ours: publishing", again()?.arg("publish").args([&pair.old, &pair.new, &store]))?;
    for (what, way) in
        [("ours: a box, by the delta", "delta"), ("ours: a box, by plain chunks alone", "plain")]
    {
        let target = pair.folder.join("target");
        slot::make(&target, &pair.new)?;
        row(what, again()?.arg("box").args([&pair.old, &target, &store]).arg(way))?;
        slot::same(&target, &pair.new)?;
        fs::remove_file(&target)?;
    }
    Ok(fs::remove_dir_all(store)?)
}
