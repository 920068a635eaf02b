//! Two real root file systems, for the bench of an update's size: Debian 12 as it was released (with its point releases), and the same with its
//! updates and security updates. As files of EROFS, made as our own images are, so that they differ by content alone.
//!
//! They are made once, of what the mirrors have on that day, and kept in the cache until it is deleted.

use crate::{
    debian::mirror,
    shell::{Done, cache, command, output, run, say},
};
use std::{
    fs,
    path::{Path, PathBuf},
};

const SUITE: &str = "bookworm";
const KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
/// Any moment, but the same for both.
const EPOCH: &str = "1700000000";
const ID: &str = "6c656467-6572-4000-8000-000000000002";

/// The older image and the newer one.
pub fn images() -> Done<(PathBuf, PathBuf)> {
    let folder = cache()?.join("update-pair");
    fs::create_dir_all(&folder)?;
    let old = [format!("{} {SUITE} main", mirror("/debian")?)];
    let updates = format!("{} {SUITE}-updates main", mirror("/debian")?);
    let security = format!("{} {SUITE}-security main", mirror("/debian-security")?);
    let new = [old[0].clone(), updates, security];
    let pair = (image(&folder, "old", &old)?, image(&folder, "new", &new)?);
    tell(&folder)?;
    Ok(pair)
}

/// A root of Debian's packages of priority `important` and above.
fn image(folder: &Path, name: &str, sources: &[String]) -> Done<PathBuf> {
    let image = folder.join(name).with_extension("erofs");
    if image.exists() {
        return Ok(image);
    }
    let (tar, tree) = (folder.join(name).with_extension("tar"), folder.join(name));
    let mut make = command("mmdebstrap");
    make.env("SOURCE_DATE_EPOCH", EPOCH).args(["--quiet", "--variant=important", SUITE]).arg(&tar);
    run(make.args(sources.iter().map(|source| format!("deb [signed-by={KEYS}] {source}"))))?;
    if tree.exists() {
        fs::remove_dir_all(&tree)?;
    }
    fs::create_dir(&tree)?;
    // Not all may make devices, and a box's own are made by its kernel.
    run(command("tar")
        .arg("-xf")
        .arg(&tar)
        .arg("-C")
        .arg(&tree)
        .args(["--no-same-owner", "--exclude=./dev/*"]))?;
    let fresh = folder.join("fresh");
    run(command("mkfs.erofs")
        .args(["--quiet", "-T0", "--all-root", "-x-1", "-U", ID])
        .arg(&fresh)
        .arg(&tree))?;
    fs::write(folder.join(name).with_extension("packages"), packages(&tree)?)?;
    fs::remove_dir_all(&tree)?;
    fs::remove_file(&tar)?;
    fs::rename(&fresh, &image)?;
    Ok(image)
}

fn packages(tree: &Path) -> Done<String> {
    output(command("dpkg-query").arg(format!("--admindir={}", tree.join("var/lib/dpkg").display())).arg("-W"))
}

/// How many packages differ.
fn tell(folder: &Path) -> Done {
    let list = |name| fs::read_to_string(folder.join(name));
    let (old, new) = (list("old.packages")?, list("new.packages")?);
    let changed = new.lines().filter(|line| !old.lines().any(|other| other == *line)).count();
    say(&format!("{changed} of {} packages differ between the two images.", new.lines().count()));
    Ok(())
}
