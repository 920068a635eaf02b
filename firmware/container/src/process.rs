//! The supervisor's side: starts a helper process, hears its reports, stops it.
//!
//! The order goes down the helper's standard input, which then stays open as a lifeline: when it closes,
//! because [`Stopper::stop`] was called or because this process died, the helper stops the container. (A
//! parent-death signal would not do here: Linux sends it when the *thread* that started the helper ends,
//! and threads of a runtime's pool end at any time.) A thread of its own reads the reports and reaps the
//! helper, so that no caller can leave a zombie or a full pipe behind.

use crate::{Exit, Output, Report, Spec, SpecError};
use std::{
    io::{self, BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
};

/// The first argument that tells the program to be a helper.
pub const HELPER_ARGUMENT: &str = "container-run";

/// The longest report taken from a helper; its own lines stay well below.
const MAX_REPORT_BYTES: u64 = 256 * 1024;

/// A running container, by its helper process. Dropping it stops the container.
#[derive(Debug)]
pub struct Helper {
    pid: i32,
    stopper: Stopper,
    last: mpsc::Receiver<Report>,
}

/// Asks a container to stop; may be kept and used from another thread.
#[derive(Debug, Clone)]
pub struct Stopper(Arc<Mutex<Option<ChildStdin>>>);

/// A container that did not start, or whose helper ended without a word.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The order was wrong.
    #[error("the container's order is wrong: {0}")]
    Spec(#[from] SpecError),
    /// The helper program could not be started.
    #[error("cannot start the helper {exe:?}")]
    Spawn {
        /// The program.
        exe: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The order could not be handed over.
    #[error("the helper did not take its order")]
    Order(#[source] io::Error),
    /// The helper said why it could not.
    #[error("container {name}: {reason}")]
    Failed {
        /// Which container.
        name: String,
        /// The helper's words.
        reason: String,
    },
}

impl Helper {
    /// Starts `exe container-run` and returns once the program in the container runs. `output` gets each
    /// line that it writes, on a thread of this helper's own; it must not block for long.
    pub fn start(
        exe: &Path,
        spec: &Spec,
        output: impl FnMut(Output) + Send + 'static,
    ) -> Result<Self, StartError> {
        spec.check()?;
        let mut child = spawn(exe)?;
        let (stdin, stdout) = child.stdin.take().zip(child.stdout.take()).expect("both were piped above");
        let stopper = Stopper(Arc::new(Mutex::new(Some(stdin))));
        let (say, hear) = mpsc::channel();
        thread::spawn(move || watch(child, stdout, output, &say));
        let ordered = stopper.order(spec);
        match hear.recv() {
            Ok(Report::Started(pid)) => Ok(Self { pid, stopper, last: hear }),
            // The helper's own words say more than a pipe that broke because it gave up.
            Ok(Report::Failed(reason)) => Err(failed(spec, reason)),
            _ => {
                ordered.map_err(StartError::Order)?;
                Err(failed(spec, "the helper ended before the program ran".into()))
            }
        }
    }

    /// The process id of the container's first process, as the host counts.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// A handle to stop the container while another thread waits for it.
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Asks the container to stop: SIGTERM, and SIGKILL after its `stop_timeout_ms`. Returns at once.
    pub fn stop(&self) {
        self.stopper.stop();
    }

    /// Waits until the container and its helper are gone. An error means that the helper was killed or failed; the
    /// container is gone all the same.
    pub fn wait(&self) -> io::Result<Exit> {
        let last = self.last.recv();
        // The other end closes once the helper is reaped: its lock on the name is free for the next one.
        while self.last.recv().is_ok() {}
        match last {
            Ok(Report::Exited(exit)) => Ok(exit),
            Ok(Report::Failed(reason)) => Err(io::Error::other(reason)),
            Ok(_) | Err(_) => Err(io::Error::other("the container's helper was killed")),
        }
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        self.stopper.stop();
    }
}

impl Stopper {
    /// Asks the container to stop. Does nothing the second time.
    pub fn stop(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn order(&self, spec: &Spec) -> io::Result<()> {
        let mut line = serde_json::to_vec(spec)?;
        line.push(b'\n');
        let mut stdin = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        stdin.as_mut().map_or(Ok(()), |stdin| stdin.write_all(&line))
    }
}

fn spawn(exe: &Path) -> Result<Child, StartError> {
    Command::new(exe)
        .arg(HELPER_ARGUMENT)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .map_err(|source| StartError::Spawn { exe: exe.to_owned(), source })
}

fn failed(spec: &Spec, reason: String) -> StartError {
    StartError::Failed { name: spec.name.to_string(), reason }
}

/// Passes output on, sends the other reports to whoever waits, and reaps the helper.
fn watch(mut child: Child, stdout: ChildStdout, mut output: impl FnMut(Output), say: &mpsc::Sender<Report>) {
    let mut reports = BufReader::new(stdout);
    while let Some(report) = next_report(&mut reports) {
        match report {
            Report::Output(line) => output(line),
            // Nobody listening any more is no reason to stop draining.
            report => drop(say.send(report)),
        }
    }
    // Its lifeline may still be open if it broke the protocol: it must not outlive its reports.
    drop(child.kill());
    drop(child.wait());
}

fn next_report(reports: &mut impl BufRead) -> Option<Report> {
    let mut line = Vec::new();
    reports.take(MAX_REPORT_BYTES).read_until(b'\n', &mut line).ok()?;
    serde_json::from_slice(&line).ok()
}
