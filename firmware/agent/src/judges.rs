//! Judges for real: each task in a container of its own, twice, one task at a time.
//!
//! A judge is a stranger's program. It has no network, device or socket, only its input in a file, and limits and
//! a deadline from its manifest; whatever it does, [`Judges::run`] comes back with an [`Outcome`]. Two runs must
//! say the same, for a verdict that others cannot repeat is worth nothing. Answers are kept by the task's id, so who
//! proposes a merge need not ask again to check it; what this box is to blame for is not kept. Blocking, for a
//! thread that may wait. What a judge reads and says is docs/formats/judge.md.

mod container;
mod heard;

use crate::{blobs::Blobs, devices::chain, home::Home, supervisor::UID_JUDGES};
use ::container::Stopper;
use chunk::Manifest as Chunks;
use dapp::{Manifest, manifest::Entry};
use ledger::{Broken, JudgeTask, Kind, Objects, Outcome, TaskId};
use model::{KeyId, ObjectId};
use std::{
    collections::VecDeque,
    fs::File,
    io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// How many answers are kept.
const KEPT: usize = 256;

/// Where the judges of a home are run.
struct Place {
    /// Unpacked images.
    images: PathBuf,
    /// Inputs, and the lock that lets one program at a time run judges here.
    work: PathBuf,
    /// The program that is the container helper.
    exe: PathBuf,
    /// Below which control group their own is.
    cgroups: PathBuf,
}

/// The judges of a home. One for each program; programs of one home take turns.
pub struct Judges {
    place: Place,
    blobs: Arc<Blobs>,
    turn: Mutex<Turn>,
    now: Mutex<Now>,
}

/// What only the one who runs a judge has.
struct Turn {
    objects: Box<dyn Objects + Send>,
    kept: VecDeque<(TaskId, Outcome)>,
}

/// The container that runs, to stop it.
#[derive(Default)]
struct Now {
    stopped: bool,
    running: Option<Stopper>,
}

/// Why a task was not run to an answer of the judge's own.
#[derive(Debug, thiserror::Error)]
enum RunError {
    /// The manifest is missing, cannot be read, has no judge, or is another dapp's.
    #[error("its manifest cannot be used: {0}")]
    Manifest(String),
    /// The image cannot be had.
    #[error(transparent)]
    Image(#[from] container::ImageError),
    /// Files could not be written.
    #[error("cannot {doing} {path}")]
    File {
        /// What was tried.
        doing: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The container did not start.
    #[error("its container did not start")]
    Start(#[from] ::container::StartError),
    /// The container's helper failed.
    #[error("its container was lost")]
    Lost(#[source] io::Error),
    /// Judges are not run any more.
    #[error("ledgerd is stopping")]
    Stopped,
}

impl RunError {
    /// What is said to the author of a head.
    fn broken(&self) -> Broken {
        match self {
            Self::Manifest(_) => Broken::NoManifest,
            Self::Image(error) if !error.is_ours() => Broken::NoImage,
            _ => Broken::NotRun,
        }
    }
}

impl Judges {
    /// The judges of a home, whose ledger `objects` reads. `key` is the node's; `exe` a program that is the
    /// container helper when started as one.
    pub fn new(
        home: &Home,
        key: &KeyId,
        objects: impl Objects + Send + 'static,
        blobs: Arc<Blobs>,
        exe: PathBuf,
    ) -> Self {
        let cgroups = format!("/ledger/{:.12}-judges", key.to_string()).into();
        let place = Place { images: home.judge_images_folder(), work: home.judge_folder(), exe, cgroups };
        let turn = Turn { objects: Box::new(objects), kept: VecDeque::new() };
        Self { place, blobs, turn: Mutex::new(turn), now: Mutex::default() }
    }

    /// Asks a judge, and waits for it: up to twice the time that its manifest gives it, and until others have been asked
    /// who came before.
    pub fn run(&self, task: &JudgeTask) -> Outcome {
        let turn = lock(&self.turn);
        let id = task.id();
        match turn.kept.iter().find(|(kept, _)| *kept == id) {
            Some((_, outcome)) => outcome.clone(),
            None => self.run_now(turn, task),
        }
    }

    /// As [`Judges::run`], also if the judge has answered before.
    pub fn run_again(&self, task: &JudgeTask) -> Outcome {
        self.run_now(lock(&self.turn), task)
    }

    fn run_now(&self, mut turn: MutexGuard<'_, Turn>, task: &JudgeTask) -> Outcome {
        let id = task.id();
        let outcome = match self.ask_twice(&turn, task) {
            Ok(outcome) => outcome,
            Err(error) => {
                tracing::warn!(dapp = %task.dapp, error = %chain(&error), "a judge was not run");
                Outcome::Broken(error.broken())
            }
        };
        tracing::info!(dapp = %task.dapp, task = %id, %outcome, "judged");
        if !matches!(outcome, Outcome::Broken(Broken::NotRun | Broken::NoImage)) {
            turn.kept.retain(|(kept, _)| *kept != id);
            turn.kept.truncate(KEPT - 1);
            turn.kept.push_front((id, outcome.clone()));
        }
        outcome
    }

    /// Ends the judge that runs, and runs none any more.
    pub fn stop(&self) {
        let mut now = lock(&self.now);
        now.stopped = true;
        if let Some(running) = now.running.take() {
            running.stop();
        }
    }

    fn ask_twice(&self, turn: &Turn, task: &JudgeTask) -> Result<Outcome, RunError> {
        let entry = self.entry(turn, task)?;
        let _lock = self.place.lock()?;
        let chunks = self.image(turn, task)?;
        let unpacked = container::unpack(&self.place.images, &self.blobs, task, chunks)?;
        let input = self.place.write_input(&task.input)?;
        let spec = container::spec(&self.place, &entry, unpacked, input)?;
        let first = self.ask(&spec)?;
        if matches!(first, Outcome::Broken(_)) {
            return Ok(first);
        }
        let second = self.ask(&spec)?;
        Ok(if first == second { first } else { Outcome::Broken(Broken::Differs) })
    }

    fn ask(&self, spec: &::container::Spec) -> Result<Outcome, RunError> {
        let started = |stopper| {
            let mut now = lock(&self.now);
            now.running = Some(stopper);
            !now.stopped
        };
        if lock(&self.now).stopped {
            return Err(RunError::Stopped);
        }
        let ended = container::run(&self.place.exe, spec, started);
        let mut now = lock(&self.now);
        now.running = None;
        if now.stopped { Err(RunError::Stopped) } else { ended }
    }

    /// The judge's command line and limits.
    fn entry(&self, turn: &Turn, task: &JudgeTask) -> Result<Entry, RunError> {
        let wrong = |error: &dyn std::fmt::Display| RunError::Manifest(error.to_string());
        let bytes = read(turn, &task.manifest).map_err(|error| wrong(&error))?;
        let manifest = Manifest::parse(&bytes).map_err(|error| wrong(&error))?;
        if manifest.name != task.dapp {
            return Err(wrong(&format_args!("it calls itself {}", manifest.name)));
        }
        manifest.judge.ok_or_else(|| wrong(&"it has no [judge]"))
    }

    fn image(&self, turn: &Turn, task: &JudgeTask) -> Result<Chunks, RunError> {
        let bytes = read(turn, &task.image).map_err(container::ImageError::List)?;
        Ok(Chunks::parse(&bytes).map_err(|error| container::ImageError::List(io::Error::other(error)))?)
    }
}

fn read(turn: &Turn, id: &ObjectId) -> io::Result<Vec<u8>> {
    let object = turn.objects.read(id).map_err(io::Error::other)?;
    let file = object.filter(|object| object.kind == Kind::Blob).ok_or(io::ErrorKind::NotFound)?;
    Ok(file.bytes)
}

impl Place {
    /// The right to run judges of this home, until it is dropped.
    fn lock(&self) -> Result<File, RunError> {
        let path = self.work.join("lock");
        let lock = || {
            std::fs::create_dir_all(&self.work)?;
            let file = File::create(&path)?;
            file.lock()?;
            Ok(file)
        };
        lock().map_err(|source| RunError::File { doing: "lock", path: path.clone(), source })
    }

    /// Writes what the judge reads; gives the folder that it sees.
    fn write_input(&self, input: &[u8]) -> Result<PathBuf, RunError> {
        use std::os::unix::fs::PermissionsExt;
        let folder = self.work.join("input");
        let path = folder.join("input.json");
        let write = || {
            std::fs::create_dir_all(&folder)?;
            std::fs::write(&path, input)?;
            std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755))?;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644))
        };
        match write() {
            Ok(()) => Ok(folder),
            Err(source) => Err(RunError::File { doing: "write", path, source }),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
