//! Running other programs from the checkout's root, and where things are.

pub use imager::shell::{Done, have, output, run, say};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The checkout's root.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("because this crate lies two folders below the root").to_path_buf()
}

/// A command that starts in the checkout's root.
pub fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root());
    command
}

/// Cargo, the one that called us.
pub fn cargo() -> Command {
    command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Where things are kept between checkouts: built dependencies and tools. May be deleted at any time.
pub fn cache() -> Done<PathBuf> {
    let base = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")))
        .ok_or("neither XDG_CACHE_HOME nor HOME is set")?;
    let cache = base.join("ledger-appliance");
    fs::create_dir_all(&cache).map_err(|e| format!("cannot make {}: {e}", cache.display()))?;
    Ok(cache)
}
