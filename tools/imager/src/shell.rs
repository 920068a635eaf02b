//! Running other programs, with errors that name the command.

use std::{
    error::Error,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// How a step ends. The error is a sentence for the person at the terminal.
pub type Done<T = ()> = Result<T, Box<dyn Error>>;

/// Where root's programs are, which may be missing on a person's PATH.
const ROOTS: [&str; 2] = ["/usr/sbin", "/sbin"];

/// A command, also one of root's.
pub fn command(program: &str) -> Command {
    Command::new(found(program).unwrap_or_else(|| program.into()))
}

/// Whether a program is on the PATH, or where root's programs are.
pub fn have(program: &str) -> bool {
    found(program).is_some()
}

fn found(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(ROOTS.map(PathBuf::from));
    folders.map(|folder| folder.join(program)).find(|file: &PathBuf| Path::is_file(file))
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

/// One line to the person at the terminal.
pub fn say(line: &str) {
    eprintln!("{line}");
}

fn shown(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|arg| arg.to_string_lossy().into_owned()));
    words.join(" ")
}
