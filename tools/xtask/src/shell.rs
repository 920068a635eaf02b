//! Running other programs, with errors that name the command.

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// A chore's result. The error is a sentence for the person at the terminal.
pub type Done<T = ()> = Result<T, Box<dyn Error>>;

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

/// Runs to the end; anything but success is an error.
pub fn run(command: &mut Command) -> Done {
    say(&format!("$ {}", shown(command)));
    let status = command.status().map_err(|e| format!("cannot start `{}`: {e}", shown(command)))?;
    if status.success() { Ok(()) } else { Err(format!("`{}` failed: {status}", shown(command)).into()) }
}

/// Runs to the end and hands over what it printed.
pub fn output(command: &mut Command) -> Done<String> {
    let out = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|e| format!("cannot start `{}`: {e}", shown(command)))?;
    if !out.status.success() {
        return Err(format!("`{}` failed: {}", shown(command), out.status).into());
    }
    Ok(String::from_utf8(out.stdout)?)
}

/// Whether a program is on the PATH (or where root's programs are).
pub fn have(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let extra = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(extra).any(|folder| folder.join(program).is_file())
}

/// One line to the person at the terminal.
pub fn say(line: &str) {
    eprintln!("{line}");
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

fn shown(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|arg| arg.to_string_lossy().into_owned()));
    words.join(" ")
}
