//! The helper process: one container from birth to burial, on one thread.
//!
//! [`run`] is all that such a process does. It reads the order, clears away a former container of the name,
//! makes the new one, checks it (`check.rs`), starts it, and then watches (`watch.rs`) until it is gone. If
//! anything fails on the way the container is killed with its cgroup, and the report says why.

use crate::{
    Report, Spec, SpecError,
    cgroup::Cgroup,
    chain::chain,
    check::{self, CheckError},
    program::Program,
    runtime,
    stage::{Stage, StageError},
    watch::{Watch, block_signals},
};
use libcontainer::{
    container::{Container, builder::ContainerBuilder},
    error::LibcontainerError,
    syscall::syscall::SyscallType,
};
use nix::sys::signalfd::SignalFd;
use rustix::{fs::Mode, process::umask};
use std::{
    fs::{self, File, TryLockError},
    io::{self, BufRead, PipeReader, Read, Write},
    os::fd::OwnedFd,
    process::ExitCode,
    thread::sleep,
    time::{Duration, Instant},
};

/// The longest order read.
const MAX_ORDER_BYTES: u64 = 1 << 20;

/// How long the helper of a former container of the same name may take to end.
const FORMER_PATIENCE: Duration = Duration::from_secs(10);

/// Why a container did not run.
#[derive(Debug, thiserror::Error)]
enum HelperError {
    #[error("the helper has {0} threads and must have one: call container::run before any is started")]
    Threads(usize),
    #[error("cannot read the order")]
    Order(#[source] io::Error),
    #[error("the order is not understood")]
    Syntax(#[source] serde_json::Error),
    #[error(transparent)]
    Spec(#[from] SpecError),
    #[error(transparent)]
    Stage(#[from] StageError),
    #[error("cannot {0}")]
    System(&'static str, #[source] io::Error),
    #[error("cannot {0} the container")]
    Runtime(&'static str, #[source] LibcontainerError),
    #[error(transparent)]
    Check(#[from] CheckError),
}

/// Runs one container as its standard input orders, reporting on its standard output ([`Report`]).
///
/// The program calls this first of all, before any thread exists, when its first argument is
/// [`crate::HELPER_ARGUMENT`], and exits with what it returns: 0 if the container ran, whatever became of it.
pub fn run() -> ExitCode {
    match work() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&Report::Failed(chain(&error)));
            ExitCode::FAILURE
        }
    }
}

fn work() -> Result<(), HelperError> {
    must_be_alone()?;
    let spec = read_order()?;
    spec.check()?;
    let system = |what| move |error: io::Error| HelperError::System(what, error);
    // The supervisor's may be stricter: the container's user must be able to walk through what is made here.
    umask(Mode::from_raw_mode(0o022));
    let signals = block_signals().map_err(|error| HelperError::System("take signals", error.into()))?;
    let _lock = replace_former(&spec).map_err(system("remove what a former container of the name left"))?;
    Cgroup::make(&spec.cgroup_parent).map_err(system("make the cgroup that all containers are in"))?;
    let stage = Stage::set(&spec)?;
    let ran = birth_to_burial(&spec, &stage, &signals);
    // Also when it never came to run: libcontainer may have left processes behind.
    let buried = Cgroup::find(&spec.cgroup()).and_then(|cgroup| cgroup.destroy());
    let exit = ran?;
    buried.map_err(system("remove the container's cgroup"))?;
    say(&Report::Exited(exit));
    Ok(())
}

/// Ends a former container of the name, and waits until its helper, if it still has one, is done with it:
/// two that make and remove the same cgroup would each undo the other's work.
fn replace_former(spec: &Spec) -> io::Result<File> {
    let lock = Stage::lock(&spec.cgroup())?;
    let until = Instant::now() + FORMER_PATIENCE;
    loop {
        Cgroup::find(&spec.cgroup())?.destroy()?;
        match lock.try_lock() {
            Ok(()) => break,
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if Instant::now() > until => {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "its helper does not end"));
            }
            Err(TryLockError::WouldBlock) => sleep(Duration::from_millis(2)),
        }
    }
    // Once more: the former helper may have been at work until a moment ago.
    Cgroup::find(&spec.cgroup())?.destroy()?;
    Ok(lock)
}

fn birth_to_burial(spec: &Spec, stage: &Stage, signals: &SignalFd) -> Result<crate::Exit, HelperError> {
    let (mut container, out, err) = make(spec, stage)?;
    let pid = container.pid().map_or(0, |pid| pid.as_raw());
    let system = |what| move |error: io::Error| HelperError::System(what, error);
    let cgroup = Cgroup::find(&spec.cgroup()).map_err(system("find the container's cgroup"))?;
    check::check(spec, pid, &cgroup)?;
    cgroup.die_together().map_err(system("set memory.oom.group"))?;
    let mut watch = Watch::new(spec, pid, signals, out, err).map_err(system("watch the container"))?;
    container.start().map_err(|error| HelperError::Runtime("start", error))?;
    say(&Report::Started(pid));
    let exit = watch.until_gone(&mut say_line).map_err(system("watch the container"))?;
    Ok(crate::Exit { oom_killed: cgroup.oom_kills() > 0, ..exit })
}

fn must_be_alone() -> Result<(), HelperError> {
    let threads =
        fs::read_dir("/proc/self/task").map_err(|error| HelperError::System("count threads", error))?;
    match threads.count() {
        1 => Ok(()),
        count => Err(HelperError::Threads(count)),
    }
}

/// Reads one line; what follows, or rather does not, is the lifeline.
fn read_order() -> Result<Spec, HelperError> {
    let mut line = String::new();
    io::stdin().lock().take(MAX_ORDER_BYTES).read_line(&mut line).map_err(HelperError::Order)?;
    serde_json::from_str(&line).map_err(HelperError::Syntax)
}

/// Makes the container up to the point where its first process waits to be told to start.
fn make(spec: &Spec, stage: &Stage) -> Result<(Container, PipeReader, PipeReader), HelperError> {
    let files = || -> io::Result<_> {
        let config = serde_json::to_vec(&runtime::config(spec, stage))?;
        fs::write(Stage::bundle().join("config.json"), config)?;
        Ok((File::open("/dev/null")?, io::pipe()?, io::pipe()?))
    };
    let (null, (out, program_out), (err, program_err)) =
        files().map_err(|error| HelperError::System("prepare the container", error))?;
    let score = fs::read("/proc/self/oom_score_adj");
    let made = || -> Result<Container, LibcontainerError> {
        ContainerBuilder::new(spec.name.to_string(), SyscallType::Linux)
            .with_root_path(Stage::state())?
            .with_executor(Program)
            .with_stdin(OwnedFd::from(null))
            .with_stdout(OwnedFd::from(program_out))
            .with_stderr(OwnedFd::from(program_err))
            .validate_id()?
            .as_init(Stage::bundle())
            .with_systemd(false)
            .as_sibling(false)
            .build()
    };
    let container = made().map_err(|error| HelperError::Runtime("make", error))?;
    // libcontainer gives the helper the container's OOM score and leaves it. Failing to undo it is no harm
    // to the container's limits.
    drop(score.and_then(|score| fs::write("/proc/self/oom_score_adj", score)));
    Ok((container, out, err))
}

fn say_line(line: crate::Output) {
    say(&Report::Output(line));
}

/// Says one report. A supervisor that does not listen any more is gone, which the lifeline tells.
fn say(report: &Report) {
    if let Ok(mut line) = serde_json::to_vec(report) {
        line.push(b'\n');
        drop(io::stdout().lock().write_all(&line).and_then(|()| io::stdout().flush()));
    }
}
