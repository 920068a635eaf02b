//! The slot that this box runs from, and the boot state on its card.
//!
//! `slots` knows what the state means; here are the files: the kernel's command line says which slot runs, and the two
//! partitions named `state0` and `state1`, on the disk that the root file system lies on, hold the copies
//! (docs/formats/slots.md). A machine whose kernel was not started by our boot script has no slots, and that is no error.

use crate::devices::chain;
use slots::{BootState, LoadError, Place, PlaceError, Refusal, SaveError, Slot, Slots, UBoot};
use std::{
    collections::BTreeSet,
    fs::{self, File},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    time::Duration,
};

/// How long ledgerd must have run until its slot counts as good: longer than it takes to fail at anything it does at
/// its start, and shorter than anybody waits before they pull the plug.
const HEALTHY_AFTER: Duration = Duration::from_secs(30);
const STATE_NAMES: [&str; 2] = ["state0", "state1"];

/// Why the boot state is out of reach.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// A file of the system.
    #[error("cannot read {}", path.display())]
    System {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// No disk, or more than one, has both partitions.
    #[error("{} disks have the partitions state0 and state1, and one should", .0.len())]
    Disks(Vec<String>),
    /// It cannot be read.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// It cannot be saved.
    #[error(transparent)]
    Save(#[from] SaveError),
    /// It does not go.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// Where the system shows itself.
#[derive(Clone, Debug)]
pub struct Roots {
    /// `/proc`.
    pub proc: PathBuf,
    /// `/sys`.
    pub sys: PathBuf,
    /// `/dev`.
    pub dev: PathBuf,
}

impl Default for Roots {
    fn default() -> Self {
        Self { proc: "/proc".into(), sys: "/sys".into(), dev: "/dev".into() }
    }
}

/// A partition that holds one copy.
#[derive(Debug)]
pub struct Partition(PathBuf);

impl Partition {
    fn error(&self, doing: &'static str) -> impl FnOnce(io::Error) -> PlaceError {
        let place = self.0.display().to_string();
        move |source| PlaceError { doing, place, source: source.into() }
    }
}

impl Place for Partition {
    fn read(&self, into: &mut [u8]) -> Result<(), PlaceError> {
        File::open(&self.0).and_then(|file| file.read_exact_at(into, 0)).map_err(self.error("read"))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), PlaceError> {
        let write = || {
            let file = File::options().write(true).open(&self.0)?;
            file.write_all_at(bytes, 0)?;
            file.sync_data()
        };
        write().map_err(self.error("write"))
    }
}

/// A box that runs from a slot.
#[derive(Debug)]
pub struct Booted {
    /// The slot that runs.
    pub running: Slot,
    state: UBoot<Partition>,
}

impl Booted {
    /// The slot that runs and the state of its card; none where the kernel was told of no slot.
    pub fn find(roots: &Roots) -> Result<Option<Self>, BootError> {
        let Some(running) = running_slot(&read(&roots.proc.join("cmdline"))?) else { return Ok(None) };
        let mut disks = disks_with_a_state(&roots.sys)?;
        if disks.len() > 1 {
            let root = disks_of_the_root(&roots.sys)?;
            disks.retain(|(disk, _)| root.contains(disk));
        }
        match disks.as_slice() {
            [(_, partitions)] => {
                let places = partitions.clone().map(|name| Partition(roots.dev.join(name)));
                Ok(Some(Self { running, state: UBoot::new(places, UBoot::<Partition>::SIZE) }))
            }
            other => Err(BootError::Disks(other.iter().map(|(disk, _)| disk.clone()).collect())),
        }
    }

    /// The boot state.
    pub fn slots(&self) -> Result<Slots, BootError> {
        Ok(self.state.load()?)
    }

    /// Changes the boot state and saves it, if it changed. Durable when it returns.
    pub fn change<E: Into<BootError>>(
        &mut self,
        verb: impl FnOnce(&mut Slots) -> Result<(), E>,
    ) -> Result<Slots, BootError> {
        let before = self.slots()?;
        let mut slots = before;
        verb(&mut slots).map_err(Into::into)?;
        if slots != before {
            self.state.save(&slots)?;
        }
        Ok(slots)
    }

    /// The running slot works: it is good, and has all its attempts again. A state that was lost is begun anew with it.
    pub fn commit(&mut self) -> Result<Slots, BootError> {
        let mut slots = match self.state.load() {
            Err(LoadError::Place(error)) => return Err(LoadError::Place(error).into()),
            Err(_) => Slots::fresh(self.running),
            Ok(slots) => slots,
        };
        slots.commit(self.running);
        self.state.save(&slots)?;
        Ok(slots)
    }
}

/// Commits the running slot when this ledgerd has run for a while. What goes wrong is said, and costs an attempt.
pub async fn commit_when_healthy() {
    tokio::time::sleep(HEALTHY_AFTER).await;
    let committed = tokio::task::spawn_blocking(|| {
        let booted = Booted::find(&Roots::default())?;
        booted.map(|mut booted| booted.commit().map(|_| booted.running)).transpose()
    });
    match committed.await {
        Ok(Ok(Some(slot))) => tracing::info!(%slot, "this slot works"),
        Ok(Ok(None)) => {}
        Ok(Err(error)) => tracing::error!(error = %chain(&error), "the slot cannot be said to work"),
        Err(error) => tracing::error!(error = %chain(&error), "the commit of the slot failed"),
    }
}

/// The slot that the boot script told the kernel.
fn running_slot(cmdline: &str) -> Option<Slot> {
    cmdline.split_ascii_whitespace().find_map(|word| word.strip_prefix("ledger.slot=")?.parse().ok())
}

/// The disks that have both partitions, each with their names.
fn disks_with_a_state(sys: &Path) -> Result<Vec<(String, [String; 2])>, BootError> {
    let mut found = [Vec::new(), Vec::new()];
    for block in list(&sys.join("class/block"))? {
        // A disk that was pulled out while we looked is not ours.
        let Ok(uevent) = read(&block.join("uevent")) else { continue };
        let name = uevent.lines().find_map(|line| line.strip_prefix("PARTNAME="));
        let Some(at) = STATE_NAMES.iter().position(|state| Some(*state) == name) else { continue };
        found[at].extend(disk_of(&block).map(|disk| (disk, file_name(&block))));
    }
    let [first, second] = found;
    let pair = |(disk, name): &(String, String)| {
        let other = second.iter().find(|(other, _)| other == disk)?;
        Some((disk.clone(), [name.clone(), other.1.clone()]))
    };
    Ok(first.iter().filter_map(pair).collect())
}

/// The disks below the device mapper: the root lies under dm-verity.
fn disks_of_the_root(sys: &Path) -> Result<BTreeSet<String>, BootError> {
    let blocks = list(&sys.join("class/block"))?;
    let mapped = blocks.iter().filter(|block| file_name(block).starts_with("dm-"));
    let slaves = mapped.filter_map(|block| list(&block.join("slaves")).ok()).flatten();
    Ok(slaves.filter_map(|partition| disk_of(&partition)).collect())
}

/// A partition's disk is the folder that its own lies in.
fn disk_of(partition: &Path) -> Option<String> {
    let real = fs::canonicalize(partition).ok()?;
    real.parent().map(file_name)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn list(folder: &Path) -> Result<Vec<PathBuf>, BootError> {
    let system = |source| BootError::System { path: folder.to_owned(), source };
    let entries: Result<Vec<PathBuf>, io::Error> =
        fs::read_dir(folder).map_err(system)?.map(|entry| Ok(entry?.path())).collect();
    let mut paths = entries.map_err(system)?;
    paths.sort();
    Ok(paths)
}

fn read(path: &Path) -> Result<String, BootError> {
    let system = |source| BootError::System { path: path.to_owned(), source };
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).map_err(system)
}

#[cfg(test)]
mod tests;
