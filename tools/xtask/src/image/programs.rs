//! Our programs for the box's processor, linked statically, and what Debian's packages give beside them.
//!
//! Rust's library for the target comes as `rust.rs` says, the C compiler from Debian, and libseccomp's archive from Debian's
//! package of the target's architecture, unpacked into the cache. 32-bit ARM is built in a workspace with one crate patched.

use super::{cache, patched, rust::Rust};
use crate::{
    build,
    debian::{Apt, Packages},
    shell::{Done, root, run},
};
use imager::{arch::Arch, recipe::Recipe};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// What is linked into one program or another.
const CRATES: [&str; 6] = ["agent", "cli", "card", "ntp", "doorbot", "lockout"];

/// The programs of the box.
pub struct Programs {
    /// Where cargo has put them.
    pub folder: PathBuf,
}

/// Builds them.
pub fn build(arch: Arch) -> Done<Programs> {
    let mut cargo = cargo(arch)?;
    cargo.args(CRATES.iter().flat_map(|each| ["-p", each]));
    run(&mut cargo)?;
    Ok(Programs { folder: release(arch)? })
}

/// Builds an example of the crate `board`, a tool for tests that is on no box.
pub fn example(arch: Arch, name: &str) -> Done<PathBuf> {
    run(cargo(arch)?.args(["-p", "board", "--example", name]))?;
    Ok(release(arch)?.join("examples").join(name))
}

fn release(arch: Arch) -> Done<PathBuf> {
    Ok(build::target_dir()?.join(arch.rust()).join("release"))
}

/// Cargo, building for the box.
fn cargo(arch: Arch) -> Done<Command> {
    let name = arch.rust().to_uppercase().replace('-', "_");
    let mut cargo = build::cargo_here()?;
    Rust::find(arch)?.drives(&mut cargo);
    let workspace = if arch == Arch::Armhf { patched::workspace()? } else { root() };
    let places = [(&*cargo_home()?, "/cargo"), (&*workspace, "/ledger"), (&*root(), "/ledger")];
    let rust = [linked(arch)?, nowhere("--remap-path-prefix", &places)];
    let c = nowhere("-ffile-prefix-map", &places);
    cargo.current_dir(&workspace);
    cargo.env(format!("CARGO_TARGET_{name}_LINKER"), arch.gcc());
    cargo.env("CARGO_ENCODED_RUSTFLAGS", rust.concat().join("\x1f"));
    cargo.env(format!("CFLAGS_{}", arch.rust().replace('-', "_")), c.join(" "));
    cargo.env("LIBSECCOMP_LINK_TYPE", "static");
    cargo.env("LIBSECCOMP_LIB_PATH", archive(arch)?.join("usr/lib").join(arch.triple()));
    cargo.args(["build", "--locked", "--release", "--target", arch.rust()]);
    Ok(cargo)
}

/// How the compiler has programs linked: statically, and for 32-bit ARM by lld, as GNU ld's are broken above 16 MiB of code
/// (docs/decisions/0016-arm32.md).
fn linked(arch: Arch) -> Done<Vec<String>> {
    let mut flags = vec!["target-feature=+crt-static".to_owned()];
    if arch == Arch::Armhf {
        // A cross compiler asks for a linker of its own name unless it is told in which folder to look.
        let lld = fs::canonicalize("/usr/bin/ld.lld").map_err(|e| format!("/usr/bin/ld.lld: {e}"))?;
        let folder = lld.parent().unwrap_or(&lld).display();
        flags.extend(["link-arg=-fuse-ld=lld".to_owned(), format!("link-arg=-B{folder}")]);
    }
    Ok(flags.into_iter().flat_map(|flag| ["-C".to_owned(), flag]).collect())
}

/// The folder with libseccomp's archive. The same for all boards, or each would have its own build of what links it.
fn archive(arch: Arch) -> Done<PathBuf> {
    let folder = cache::folder("archive")?.join(arch.debian());
    let apt = || Apt::for_architecture(&folder, arch.debian());
    Ok(Packages::once(&folder, &["libseccomp-dev"], apt)?.root)
}

/// What has a compiler name other folders than those in which it works, so that the bytes are the same on every machine.
fn nowhere(flag: &str, places: &[(&Path, &str)]) -> Vec<String> {
    places.iter().map(|(folder, name)| format!("{flag}={}={name}", folder.display())).collect()
}

/// Where cargo keeps the sources of crates.
fn cargo_home() -> Done<PathBuf> {
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo"));
    let set = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    Ok(set.or_else(home).ok_or("neither CARGO_HOME nor HOME is set")?)
}

/// Debian's packages of the box's architecture, unpacked.
pub fn packages(arch: Arch, recipe: &Recipe) -> Done<Packages> {
    let names: Vec<&str> = recipe.packages.keys().map(String::as_str).collect();
    // Boards with and without a radio have different ones, and each its own folder.
    let folder = cache::folder("debian")?.join(format!("{}-{}", arch.debian(), &cache::hash(&names)[..12]));
    Packages::once(&folder, &names, || Apt::for_architecture(&folder, arch.debian()))
}
