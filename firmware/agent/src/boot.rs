//! The slot that this box runs from, and the boot state on its card.
//!
//! `slots` knows what the state means; here are the files: the kernel's command line says which slot runs, and the two
//! partitions named `state0` and `state1`, on the disk that the root file system lies on, hold the copies
//! (docs/formats/slots.md). A machine whose kernel was not started by our boot script has no slots, and that is no error. Who changes
//! the state is `updates`, and a person with `ledgerctl slots`.

use slots::{BootState, LoadError, Place, PlaceError, Refusal, SaveError, Slot, Slots, UBoot};
use std::{
    collections::BTreeSet,
    fs::{self, File},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

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
    /// What the kernel was told.
    pub cmdline: String,
    state: UBoot<Partition>,
    disk: String,
    roots: Roots,
}

impl Booted {
    /// The slot that runs and the state of its card; none where the kernel was told of no slot.
    pub fn find(roots: &Roots) -> Result<Option<Self>, BootError> {
        let cmdline = read(&roots.proc.join("cmdline"))?;
        let Some(running) = running_slot(&cmdline) else { return Ok(None) };
        let mut disks = disks_with_a_state(&roots.sys)?;
        if disks.len() > 1 {
            let root = disks_of_the_root(&roots.sys)?;
            disks.retain(|(disk, _)| root.contains(disk));
        }
        match disks.as_slice() {
            [(disk, partitions)] => {
                let places = partitions.clone().map(|name| Partition(roots.dev.join(name)));
                let state = UBoot::new(places, UBoot::<Partition>::SIZE);
                Ok(Some(Self { running, cmdline, state, disk: disk.clone(), roots: roots.clone() }))
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

    /// The boot state; one that was lost is begun anew with the running slot.
    pub fn slots_or_new(&self) -> Result<Slots, BootError> {
        match self.state.load() {
            Err(LoadError::Place(error)) => Err(LoadError::Place(error).into()),
            Err(_) => Ok(Slots::fresh(self.running)),
            Ok(slots) => Ok(slots),
        }
    }

    /// The running slot works: it is good, and has all its attempts again. A state that was lost is begun anew with it.
    pub fn commit(&mut self) -> Result<Slots, BootError> {
        let mut slots = self.slots_or_new()?;
        slots.commit(self.running);
        self.state.save(&slots)?;
        Ok(slots)
    }

    /// The device of another partition of this disk; none if there is none of this name.
    pub fn partition(&self, name: &str) -> Result<Option<PathBuf>, BootError> {
        let named = named(&self.roots.sys, &[name])?;
        let here = named.into_iter().find(|(_, disk, _)| *disk == self.disk);
        Ok(here.map(|(_, _, device)| self.roots.dev.join(device)))
    }
}

/// The slot that the boot script told the kernel.
fn running_slot(cmdline: &str) -> Option<Slot> {
    cmdline.split_ascii_whitespace().find_map(|word| word.strip_prefix("ledger.slot=")?.parse().ok())
}

/// The disks that have both partitions, each with their names.
fn disks_with_a_state(sys: &Path) -> Result<Vec<(String, [String; 2])>, BootError> {
    let found = named(sys, &STATE_NAMES)?;
    let of = |which: usize| found.iter().filter(move |(at, ..)| *at == which);
    let pair = |(_, disk, name): &(usize, String, String)| {
        let (.., other) = of(1).find(|(_, other, _)| other == disk)?;
        Some((disk.clone(), [name.clone(), other.clone()]))
    };
    Ok(of(0).filter_map(pair).collect())
}

/// The partitions that have one of these names: which one, its disk, its device.
fn named(sys: &Path, names: &[&str]) -> Result<Vec<(usize, String, String)>, BootError> {
    let mut found = Vec::new();
    for block in list(&sys.join("class/block"))? {
        // A disk that was pulled out while we looked is not ours.
        let Ok(uevent) = read(&block.join("uevent")) else { continue };
        let name = uevent.lines().find_map(|line| line.strip_prefix("PARTNAME="));
        let Some(at) = names.iter().position(|wanted| Some(*wanted) == name) else { continue };
        found.extend(disk_of(&block).map(|disk| (at, disk, file_name(&block))));
    }
    Ok(found)
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
