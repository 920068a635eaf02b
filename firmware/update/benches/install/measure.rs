//! Time and memory of a process and those that it starts, by GNU time.

use super::Done;
use std::{
    ffi::OsStr,
    fs,
    path::Path,
    process::{Command, Stdio},
};

/// What a process took.
pub struct Took {
    /// On the clock.
    pub seconds: f64,
    /// At the processor, the kernel's part included.
    pub busy: f64,
    /// The most memory that one process had.
    pub peak_mib: f64,
}

const FORMAT: &str = "%e %U %S %M";

/// Runs to the end, and prints a line of the table.
pub fn row(what: &str, command: &mut Command) -> Done {
    let file = tempfile::NamedTempFile::new()?;
    let status = timed(command, file.path()).status()?;
    if !status.success() {
        return Err(format!("{command:?} ended with {status}").into());
    }
    print(what, &took(file.path())?);
    Ok(())
}

/// The same command under GNU time, which writes its figures into a file.
pub fn timed(command: &Command, file: &Path) -> Command {
    let mut timed = Command::new("/usr/bin/time");
    timed.args(["--format", FORMAT, "--output"]).arg(file).arg(command.get_program());
    timed.args(command.get_args()).stdin(Stdio::null());
    timed.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    timed
}

/// What GNU time wrote; words about an exit status stand in a line before it.
pub fn took(file: &Path) -> Done<Took> {
    let text = fs::read_to_string(file)?;
    let line = text.lines().last().ok_or("GNU time wrote nothing")?;
    let numbers = line.split(' ').map(str::parse).collect::<Result<Vec<f64>, _>>()?;
    let [seconds, user, system, peak_kib] = numbers[..] else {
        return Err(format!("GNU time wrote {line:?}").into());
    };
    Ok(Took { seconds, busy: user + system, peak_mib: peak_kib / 1024.0 })
}

/// A line of the table.
pub fn print(what: &str, took: &Took) {
    let Took { seconds, busy, peak_mib } = took;
    println!("{what:<58} {seconds:>7.1} s {busy:>7.1} s at the processor {peak_mib:>6.0} MiB at its peak");
}

/// A command whose words nobody reads, with a sync of what it wrote behind it.
pub fn synced(program: impl AsRef<OsStr>, words: &[&OsStr], target: &Path) -> Command {
    let mut shell = Command::new("sh");
    let script = "target=$1; shift; \"$@\" >/dev/null 2>&1 && sync \"$target\"";
    shell.args(["-c", script, "sh"]).arg(target).arg(program).args(words);
    shell
}
