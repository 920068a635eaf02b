//! The last steps before the program: what the first process of the container does of ours.
//!
//! Runs inside the container, with the seccomp filter on. Ties the container to the helper: when the helper
//! dies, the kernel kills the container's first process and with it the whole PID namespace. (The helper has
//! one thread, so its death and that thread's are one.)

use libcontainer::{
    oci_spec::runtime::Spec,
    workload::{Executor, ExecutorError, ExecutorValidationError, default::DefaultExecutor},
};
use nix::sys::signal::SigSet;
use rustix::process::{Signal, set_parent_process_death_signal};
use std::{os::unix::process::CommandExt, process::Command};

/// What a shell says when a program is there but does not run.
const CANNOT_RUN: i32 = 126;

/// Runs the program that the order names.
#[derive(Debug, Clone)]
pub struct Program;

impl Executor for Program {
    /// Called before the helper hears that the container is ready. If the helper is dead already, telling it so
    /// fails next, and the container never starts.
    fn validate(&self, spec: &Spec) -> Result<(), ExecutorValidationError> {
        set_parent_process_death_signal(Some(Signal::KILL)).map_err(|error| {
            ExecutorValidationError::ArgValidationError(format!("no tie to the helper: {error}"))
        })?;
        DefaultExecutor {}.validate(spec)
    }

    /// Like libcontainer's own, but gives the program back the signals that this one blocks (SIGTERM; what is
    /// blocked stays so across exec) or ignores (SIGPIPE; the standard library sees to that). Never returns.
    fn exec(&self, spec: &Spec) -> Result<(), ExecutorError> {
        let args = spec.process().as_ref().and_then(|process| process.args().as_deref());
        let (program, args) = args.and_then(<[String]>::split_first).ok_or(ExecutorError::InvalidArg)?;
        let error = match SigSet::empty().thread_set_mask() {
            Ok(()) => Command::new(program).args(args).exec(),
            Err(error) => error.into(),
        };
        // Nobody listens for an error any more, but the program's own output is heard.
        eprintln!("cannot run {program}: {error}");
        std::process::exit(CANNOT_RUN)
    }
}
