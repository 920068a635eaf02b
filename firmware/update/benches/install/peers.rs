//! desync and casync, each with all chunks in a local store and the old image as a seed.

use super::{
    Done, Pair,
    measure::{row, synced},
    slot,
};
use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

/// Both, one after the other.
pub fn compare(pair: &Pair) -> Done {
    if let Some(program) = env::var_os("DESYNC") {
        for (kib, sizes) in [(16, "4:16:64"), (64, "16:64:256")] {
            desync(pair, &program, kib, sizes)?;
        }
    }
    casync(pair)
}

fn desync(pair: &Pair, program: &OsString, kib: u32, sizes: &str) -> Done {
    let [store, old, new, target] = files(pair)?;
    for (image, index) in [(&pair.old, &old), (&pair.new, &new)] {
        let words = ["make".as_ref(), "--chunk-size".as_ref(), sizes.as_ref(), "--store".as_ref()];
        let words: Vec<_> =
            words.into_iter().chain([store.as_os_str(), index.as_ref(), image.as_ref()]).collect();
        row(&format!("desync make, {kib} KiB, of {}", name(image)), &mut synced(program, &words, index))?;
    }
    let mut seed = OsString::from(&old);
    seed.push(":");
    seed.push(&pair.old);
    let words = ["extract".as_ref(), "--store".as_ref(), store.as_os_str(), "--seed".as_ref(), seed.as_ref()];
    let words: Vec<_> = words.into_iter().chain([new.as_os_str(), target.as_ref()]).collect();
    row(&format!("desync extract --seed, {kib} KiB"), &mut synced(program, &words, &target))?;
    tidy(pair, &store, &target)
}

fn casync(pair: &Pair) -> Done {
    let [store, old, new, target] = files(pair)?;
    let option = |name: &str, value: &Path| {
        let mut option = OsString::from(name);
        option.push(value);
        option
    };
    let at = option("--store=", &store);
    for (image, index) in [(&pair.old, &old), (&pair.new, &new)] {
        let words = ["make".as_ref(), at.as_os_str(), index.as_ref(), image.as_ref()];
        row(&format!("casync make, 64 KiB, of {}", name(image)), &mut synced("casync", &words, index))?;
    }
    let seed = option("--seed=", &pair.old);
    let words = ["extract".as_ref(), at.as_os_str(), seed.as_ref(), new.as_ref(), target.as_ref()];
    row("casync extract --seed, 64 KiB", &mut synced("casync", &words, &target))?;
    tidy(pair, &store, &target)
}

/// A store, the two indexes, and what is extracted.
fn files(pair: &Pair) -> Done<[PathBuf; 4]> {
    let files = ["store", "old.caibx", "new.caibx", "target"].map(|name| pair.folder.join(name));
    fs::create_dir(&files[0])?;
    Ok(files)
}

fn tidy(pair: &Pair, store: &Path, target: &Path) -> Done {
    slot::same(target, &pair.new)?;
    fs::remove_file(target)?;
    Ok(fs::remove_dir_all(store)?)
}

fn name(image: &Path) -> String {
    image.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
