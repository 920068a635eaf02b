//! Our programs for the box's processor, linked statically, and what Debian's packages give beside them.
//!
//! Rust's library for the target comes by rustup, the C compiler from Debian, and libseccomp's archive from Debian's
//! package of the target's architecture, unpacked into the cache.

use super::{arch::Arch, cache, tree::Recipe};
use crate::{
    build,
    debian::Apt,
    shell::{Done, command, output, run, say},
};
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
pub fn build(arch: Arch, packages: &Packages) -> Done<Programs> {
    let mut cargo = cargo(arch, packages)?;
    cargo.args(CRATES.iter().flat_map(|each| ["-p", each]));
    run(&mut cargo)?;
    Ok(Programs { folder: release(arch)? })
}

/// Builds an example of the crate `board`, a tool for tests that is on no box.
pub fn example(arch: Arch, packages: &Packages, name: &str) -> Done<PathBuf> {
    run(cargo(arch, packages)?.args(["-p", "board", "--example", name]))?;
    Ok(release(arch)?.join("examples").join(name))
}

fn release(arch: Arch) -> Done<PathBuf> {
    Ok(build::target_dir()?.join(arch.rust()).join("release"))
}

/// Cargo, building for the box.
fn cargo(arch: Arch, packages: &Packages) -> Done<Command> {
    standard_library(arch)?;
    let name = arch.rust().to_uppercase().replace('-', "_");
    let mut cargo = build::cargo_here()?;
    cargo.env(format!("CARGO_TARGET_{name}_LINKER"), arch.gcc());
    cargo.env(format!("CARGO_TARGET_{name}_RUSTFLAGS"), "-C target-feature=+crt-static");
    cargo.env("LIBSECCOMP_LINK_TYPE", "static");
    cargo.env("LIBSECCOMP_LIB_PATH", packages.root.join("usr/lib").join(arch.triple()));
    cargo.args(["build", "--release", "--target", arch.rust()]);
    Ok(cargo)
}

/// Rust's own library for the target.
fn standard_library(arch: Arch) -> Done {
    let sysroot = output(command("rustc").args(["--print", "sysroot"]))?;
    if Path::new(sysroot.trim()).join("lib/rustlib").join(arch.rust()).join("lib").exists() {
        return Ok(());
    }
    run(command("rustup").args(["target", "add", arch.rust()])).map_err(|error| {
        format!("Rust's library for {} is missing, and rustup did not bring it: {error}", arch.rust()).into()
    })
}

/// Debian's packages of the box's architecture, unpacked.
pub struct Packages {
    /// One tree of all.
    pub root: PathBuf,
    /// The packages' files, whose names say the versions, a line each.
    pub list: String,
}

/// Fetches them, once. Newer ones come when the recipe names others, or the cache is deleted.
pub fn packages(arch: Arch, recipe: &Recipe) -> Done<Packages> {
    let names: Vec<&str> = recipe.packages.keys().map(String::as_str).collect();
    // Boards with and without a radio have different ones, and each its own folder.
    let folder = cache::folder("debian")?.join(format!("{}-{}", arch.debian(), &cache::hash(&names)[..12]));
    let (root, list) = (folder.join("root"), folder.join("list"));
    if let Ok(list) = fs::read_to_string(&list) {
        return Ok(Packages { root, list });
    }
    say(&format!("Debian's packages for {} are fetched into the cache.", arch.debian()));
    let files = Apt::for_architecture(&folder, arch.debian())?.unpack(&names, &root)?;
    let text = files.join("\n") + "\n";
    fs::write(&list, &text)?;
    Ok(Packages { root, list: text })
}
