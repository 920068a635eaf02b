//! A workspace for 32-bit ARM: ours, by links, with one crate patched.
//!
//! libcontainer does not compile there as crates.io has it (docs/decisions/0016-arm32.md). Its source, as cargo has fetched and
//! checked it, is copied into the cache and patched, and a second workspace beside it says so in its Cargo.toml. The
//! checkout, its Cargo.lock and the builds for all other processors do not know of it. Versions stay those of the lock file:
//! only libcontainer's own entry may differ.

use super::cache;
use crate::shell::{Done, cargo, command, output, root, run};
use serde::Deserialize;
use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

/// The crate that is patched.
const CRATE: &str = "libcontainer";
/// What the second workspace has of its own; `target` is neither's.
const OWN: [&str; 5] = ["Cargo.toml", "Cargo.lock", "target", ".git", ".cargo"];

/// The folder of the second workspace, as the checkout is now.
pub fn workspace() -> Done<PathBuf> {
    let patched = patched_crate()?;
    let folder = cache::folder("workspace")?;
    fs::remove_dir_all(&folder)?;
    fs::create_dir_all(&folder)?;
    for entry in fs::read_dir(root())? {
        let entry = entry?;
        if !OWN.iter().any(|own| entry.file_name() == **own) {
            symlink(entry.path(), folder.join(entry.file_name()))?;
        }
    }
    let manifest = fs::read_to_string(root().join("Cargo.toml"))?;
    // By a path inside, for what lies outside would give its place to the program.
    symlink(patched, folder.join(CRATE))?;
    let section = format!("\n[patch.crates-io]\n{CRATE} = {{ path = \"{CRATE}\" }}\n");
    fs::write(folder.join("Cargo.toml"), manifest + &section)?;
    let lock = fs::read_to_string(root().join("Cargo.lock"))?;
    fs::write(folder.join("Cargo.lock"), without_source(&lock))?;
    Ok(folder)
}

/// The crate's patched source in the cache.
fn patched_crate() -> Done<PathBuf> {
    let patch = Path::new(env!("CARGO_MANIFEST_DIR")).join("patches/libcontainer-arm.patch");
    let (version, source) = fetched()?;
    let hash = cache::hash(&[version.as_bytes(), &fs::read(&patch)?]);
    cache::made("crate", &hash, |place| {
        run(command("cp").arg("-r").arg("-T").arg(&source).arg(place))?;
        run(command("patch").args(["-s", "-p1", "--fuzz=0", "-d"]).arg(place).arg("-i").arg(&patch))
    })
}

/// What cargo says of a crate.
#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    manifest_path: PathBuf,
}

/// The version and the folder of the crate that Cargo.lock names.
fn fetched() -> Done<(String, PathBuf)> {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Package>,
    }
    let text = output(cargo().args(["metadata", "--locked", "--format-version", "1"]))?;
    let all: Metadata = serde_json::from_str(&text)?;
    let found = all.packages.into_iter().find(|package| package.name == CRATE);
    let Package { version, manifest_path, .. } = found.ok_or(format!("Cargo.lock has no {CRATE}"))?;
    let folder = manifest_path.parent().ok_or("a manifest that lies in no folder")?.to_owned();
    Ok((version, folder))
}

/// The lock file, in which the crate is taken from a folder: such an entry has neither source nor checksum.
fn without_source(lock: &str) -> String {
    let entry = format!("[[package]]\nname = \"{CRATE}\"\n");
    let Some((before, rest)) = lock.split_once(&entry) else { return lock.to_owned() };
    let end = rest.find("\n\n").unwrap_or(rest.len());
    let (this, after) = rest.split_at(end);
    let from_a_folder = |line: &&str| !line.starts_with("source = ") && !line.starts_with("checksum = ");
    let kept: Vec<&str> = this.lines().filter(from_a_folder).collect();
    format!("{before}{entry}{}{after}", kept.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_patched_crate_loses_its_source_in_the_lock_file() {
        let entry =
            |name: &str, more: &str| format!("[[package]]\nname = \"{name}\"\nversion = \"1.0.0\"\n{more}");
        let from = "source = \"registry\"\nchecksum = \"ab\"\n";
        let needs = "dependencies = [\n \"libc\",\n]\n";
        let lock = |more: &str| {
            [entry("libc", from), entry(CRATE, &format!("{more}{needs}")), entry("libm", from)].join("\n")
        };
        assert_eq!(without_source(&lock(from)), lock(""));
        assert_eq!(without_source(&lock("")), lock(""));
    }

    #[test]
    fn the_patch_is_for_the_version_that_is_locked() {
        let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
        let entry = format!("name = \"{CRATE}\"\nversion = \"");
        let version = lock.split(&entry).nth(1).unwrap().split('"').next().unwrap();
        let patch =
            fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("patches/libcontainer-arm.patch"));
        assert!(patch.unwrap().starts_with(&format!("{CRATE} {version} ")), "{version}");
    }
}
