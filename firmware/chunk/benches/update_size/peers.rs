//! What other tools would have a box fetch, on the same two files.

use std::{
    collections::HashMap,
    env,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{Done, Pair, process, row};

/// All of them, one after the other.
pub fn compare(pair: &Pair) -> Done {
    xdelta3(pair)?;
    if let Some(desync) = env::var_os("DESYNC") {
        for (kib, sizes) in [(16, "4:16:64"), (64, "16:64:256")] {
            let make = |store: &Path, index: &Path, file: &Path| {
                let mut make = quiet(&desync);
                make.args(["make", "--chunk-size", sizes, "--store"]).args([store, index, file]);
                make
            };
            store(pair, &format!("desync, chunks of {kib} KiB, and the index"), make)?;
        }
    }
    store(pair, "casync, chunks of 64 KiB, and the index", |store, index, file| {
        let mut make = quiet("casync");
        make.arg("make").arg(format!("--store={}", store.display())).args([index, file]);
        make
    })?;
    zchunk(pair)?;
    let whole = pair.folder.join("whole.xz");
    let mut xz = quiet("xz");
    xz.args(["-6", "--threads=1", "--stdout"]).arg(&pair.new).stdout(fs::File::create(&whole)?);
    whole_file("the whole image by xz", &whole, &mut xz)?;
    patch_from(pair)
}

fn xdelta3(pair: &Pair) -> Done {
    let file = pair.folder.join("xdelta3");
    let mut encode = quiet("xdelta3");
    encode.args(["-9", "-f", "-e", "-s"]).args([&pair.old, &pair.new, &file]);
    whole_file("xdelta3 -9", &file, &mut encode)
}

/// The window has to reach over all of the old file: 1 GiB.
fn patch_from(pair: &Pair) -> Done {
    let file = pair.folder.join("patch.zst");
    let mut encode = quiet("zstd");
    encode.args(["-19", "--long=30", "--quiet", "--force"]);
    encode.arg(format!("--patch-from={}", pair.old.display())).arg(&pair.new).arg("-o").arg(&file);
    whole_file("zstd -19 --long=30 --patch-from, the whole old file in memory", &file, &mut encode)
}

/// The header of the new file, and what of it the old file lacks.
fn zchunk(pair: &Pair) -> Done {
    let mut files = Vec::new();
    let mut seconds = 0.0;
    for (name, image) in [("old.zck", &pair.old), ("new.zck", &pair.new)] {
        files.push(pair.folder.join(name));
        seconds += process::seconds(quiet("zck").arg("-o").arg(&files[files.len() - 1]).arg(image))?;
    }
    let said = Command::new("zck_delta_size").args(&files).output()?;
    let said = String::from_utf8(said.stdout)?;
    let bytes = said.split("Would download ").nth(1).and_then(|rest| rest.split(' ').next());
    row("zchunk", bytes.ok_or("zck_delta_size said no size")?.parse()?, seconds);
    Ok(())
}

/// A tool with an index and a store of chunks: those that the old file's store has not.
fn store(pair: &Pair, what: &str, make: impl Fn(&Path, &Path, &Path) -> Command) -> Done {
    let folder = pair.folder.join("stores");
    let (mut stores, mut seconds) = (Vec::new(), 0.0);
    for (name, image) in [("old", &pair.old), ("new", &pair.new)] {
        let (store, index) = (folder.join(name), folder.join(format!("{name}.caibx")));
        fs::create_dir_all(&store)?;
        seconds += process::seconds(&mut make(&store, &index, image))?;
        stores.push(chunks(&store)?);
    }
    let index = fs::metadata(folder.join("new.caibx"))?.len();
    let missing = stores[1].iter().filter(|(name, _)| !stores[0].contains_key(*name));
    row(what, index + missing.map(|(_, bytes)| bytes).sum::<u64>(), seconds);
    Ok(fs::remove_dir_all(folder)?)
}

/// The chunks of a store and their lengths.
fn chunks(store: &Path) -> Done<HashMap<PathBuf, u64>> {
    let mut chunks = HashMap::new();
    for folder in fs::read_dir(store)? {
        for chunk in fs::read_dir(folder?.path())? {
            let chunk = chunk?;
            chunks.insert(chunk.path().strip_prefix(store)?.to_owned(), chunk.metadata()?.len());
        }
    }
    Ok(chunks)
}

fn whole_file(what: &str, file: &Path, command: &mut Command) -> Done {
    let seconds = process::seconds(command)?;
    row(what, fs::metadata(file)?.len(), seconds);
    Ok(fs::remove_file(file)?)
}

fn quiet(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}
