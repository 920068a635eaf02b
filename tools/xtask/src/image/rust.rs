//! Rust for the box's processor: the compiler that is there with the library that rustup brings, or Debian's newest.
//!
//! No build may hang on one server. Where rustup is missing or does not bring the library, compiler and library come
//! from Debian's testing suite, unpacked into the cache and run by their own C library. `LEDGER_RUST=rustup` and
//! `LEDGER_RUST=debian` choose one way and no other.

use super::cache;
use crate::{
    debian::Apt,
    shell::{Done, command, have, output, run, say},
};
use imager::arch::Arch;
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

/// The suite whose compiler is new enough.
const SUITE: &str = "forky";

/// A compiler that has the library for a target.
pub enum Rust {
    /// The one on the PATH.
    Here,
    /// This program.
    Debian(PathBuf),
}

impl Rust {
    /// Finds or fetches it.
    pub fn find(arch: Arch) -> Done<Self> {
        match std::env::var("LEDGER_RUST").as_deref() {
            Err(_) => {}
            Ok("rustup") => return by_rustup(arch).map(|()| Self::Here),
            Ok("debian") => return Ok(Self::Debian(by_debian(arch)?)),
            Ok(other) => return Err(format!("LEDGER_RUST is {other:?}, not \"rustup\" or \"debian\"").into()),
        }
        let Err(error) = by_rustup(arch) else { return Ok(Self::Here) };
        say(&format!("{error}\nRust's compiler and library are taken from Debian instead."));
        Ok(Self::Debian(by_debian(arch)?))
    }

    /// Has cargo use it.
    pub fn drives(&self, cargo: &mut Command) {
        if let Self::Debian(rustc) = self {
            cargo.env("RUSTC", rustc);
        }
    }
}

/// The library of the compiler that is there.
fn by_rustup(arch: Arch) -> Done {
    let sysroot = output(command("rustc").args(["--print", "sysroot"]))?;
    if Path::new(sysroot.trim()).join("lib/rustlib").join(arch.rust()).join("lib").exists() {
        return Ok(());
    }
    let target = arch.rust();
    if !have("rustup") {
        return Err(format!("Rust's library for {target} is missing, and so is rustup").into());
    }
    run(command("rustup").args(["target", "add", target])).map_err(|error| {
        format!("Rust's library for {target} is missing, and rustup did not bring it: {error}").into()
    })
}

/// Debian's compiler with its libraries for this machine and for the target.
fn by_debian(arch: Arch) -> Done<PathBuf> {
    let place = cache::folder("rust")?.join(arch.debian());
    let rustc = place.join("rustc");
    if rustc.exists() {
        return Ok(rustc);
    }
    let here = output(command("dpkg").arg("--print-architecture"))?;
    let apt = Apt::for_suite_and(&cache::folder("rust-apt")?, SUITE, arch.debian())?;
    let library = format!("libstd-rust-dev:{}", arch.debian());
    let mut names = apt.with_needs("libstd-rust-dev")?;
    names.extend(["rustc", &library].map(str::to_owned));
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let root = place.join("root");
    apt.unpack(&names, &root)?;
    fs::write(&rustc, wrapper(&root, here.trim())?)?;
    fs::set_permissions(&rustc, fs::Permissions::from_mode(0o755))?;
    say(&output(command(&rustc).arg("-vV"))?);
    Ok(rustc)
}

/// A script that runs the unpacked compiler by the C library that came with it.
fn wrapper(root: &Path, here: &str) -> Done<String> {
    let (triple, loader) = match here {
        "amd64" => ("x86_64-linux-gnu", "ld-linux-x86-64.so.2"),
        "arm64" => ("aarch64-linux-gnu", "ld-linux-aarch64.so.1"),
        _ => return Err(format!("nobody has tried Debian's Rust on {here}").into()),
    };
    let usr = root.join("usr");
    let libraries = usr.join("lib").join(triple);
    let (usr, libraries) = (usr.display(), libraries.display());
    Ok(format!(
        "#!/bin/sh\nexec {libraries}/{loader} --library-path {libraries} {usr}/bin/rustc --sysroot {usr} \"$@\"\n"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compiler_runs_by_its_own_c_library() {
        let script = wrapper(Path::new("/c"), "amd64").unwrap();
        let lib = "/c/usr/lib/x86_64-linux-gnu";
        let line = format!(
            "exec {lib}/ld-linux-x86-64.so.2 --library-path {lib} /c/usr/bin/rustc --sysroot /c/usr \"$@\""
        );
        assert!(script.contains(&line), "{script}");
        assert!(wrapper(Path::new("/c"), "s390x").is_err());
    }
}
