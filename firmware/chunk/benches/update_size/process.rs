//! What processes took, as Linux counts it.

use std::{fs, process::Command};

use super::Done;

/// The kernel's unit for times of processes, on every platform that we know.
const TICKS_A_SECOND: f64 = 100.0;

/// Runs to the end and answers with the processor's seconds that it took.
pub fn seconds(command: &mut Command) -> Done<f64> {
    let before = ticks(15..17)?;
    let status = command.status().map_err(|error| format!("cannot start {command:?}: {error}"))?;
    if !status.success() {
        return Err(format!("{command:?} ended with {status}").into());
    }
    Ok((ticks(15..17)? - before) / TICKS_A_SECOND)
}

/// The processor's seconds that this process has taken.
pub fn own_seconds() -> Done<f64> {
    Ok(ticks(13..15)? / TICKS_A_SECOND)
}

/// The most memory that this process has had, in MiB.
pub fn own_peak_mib() -> Done<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib >> 10)
}

/// The sum of some fields of proc(5)'s `stat`, counted from 0.
fn ticks(fields: std::ops::Range<usize>) -> Done<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The program's name is the second field and may have spaces.
    let (_, rest) = stat.rsplit_once(") ").ok_or("/proc/self/stat has no name")?;
    let fields = rest.split(' ').skip(fields.start - 2).take(fields.len());
    fields.map(|field| Ok(field.parse::<f64>()?)).sum()
}
