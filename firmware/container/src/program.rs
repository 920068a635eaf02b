//! The last steps before the program: what the first process of the container does of ours.
//!
//! Runs inside the container, with the seccomp filter on. Undoes what the helper did to its own signals,
//! and ties the container to the helper: when the helper dies, the kernel kills the container's first process
//! and with it the whole PID namespace. (The helper has one thread, so its death and that thread's are one.)

use libcontainer::{
    oci_spec::runtime::Spec,
    workload::{Executor, ExecutorError, ExecutorValidationError, default::DefaultExecutor},
};
use nix::sys::signal::{SigHandler, SigSet, Signal};
use rustix::process::set_parent_process_death_signal;

/// What a shell says when a program is there but does not run.
const CANNOT_RUN: i32 = 126;

/// Runs the program that the order names.
#[derive(Debug, Clone)]
pub struct Program;

impl Executor for Program {
    /// Called before the helper hears that the container is ready. If the helper is dead already, telling it so
    /// fails next, and the container never starts.
    fn validate(&self, spec: &Spec) -> Result<(), ExecutorValidationError> {
        set_parent_process_death_signal(Some(rustix::process::Signal::KILL)).map_err(|error| {
            ExecutorValidationError::ArgValidationError(format!(
                "cannot tie the container to its helper: {error}"
            ))
        })?;
        DefaultExecutor {}.validate(spec)
    }

    fn exec(&self, spec: &Spec) -> Result<(), ExecutorError> {
        let clean = SigSet::empty().thread_set_mask().and_then(|()| default_sigpipe());
        let error = match clean {
            Ok(()) => DefaultExecutor {}.exec(spec).err().map(|error| error.to_string()),
            Err(error) => Some(error.to_string()),
        };
        // Nobody listens for an error any more, but the program's own output is heard.
        eprintln!("cannot run the program: {}", error.unwrap_or_default());
        std::process::exit(CANNOT_RUN)
    }
}

/// Rust programs ignore SIGPIPE, and what they start would too: `yes | head` would never end.
#[allow(unsafe_code)]
fn default_sigpipe() -> nix::Result<()> {
    // SAFETY: the default action runs no code of ours, so there is no handler that could be unsound.
    unsafe { nix::sys::signal::signal(Signal::SIGPIPE, SigHandler::SigDfl) }.map(drop)
}
