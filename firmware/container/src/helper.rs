//! The helper process: one container from birth to burial, on one thread.

use std::{ffi::OsString, process::ExitCode};

/// Runs one container as its standard input orders. The program calls this first of all, before any thread
/// exists, when its first argument is [`crate::HELPER_ARGUMENT`].
pub fn run(_args: impl Iterator<Item = OsString>) -> ExitCode {
    ExitCode::FAILURE
}
