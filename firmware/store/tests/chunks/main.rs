//! The chunk packs against a twin, a failing disk, power cuts and damage.
#![allow(clippy::unwrap_used, reason = "clippy's allowance for tests does not reach their helpers")]

mod damage;
mod faults;
mod files;
mod packs;
mod twin;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use store::{
    chunks::{Chunks, OpenError},
    crash::{Fault, FaultyDisk, RecordingDisk},
    disk::{Disk, RealDisk},
};
use tempfile::TempDir;

/// Packs of a handful of chunks, so that a short test fills several.
const PACK_BYTES: u64 = 1500;

/// A folder on the crash disk.
struct Home {
    root: TempDir,
    disk: RecordingDisk,
}

impl Home {
    fn new() -> Self {
        Self::of(tempfile::tempdir().unwrap())
    }

    fn of(root: TempDir) -> Self {
        let disk = RecordingDisk::new(root.path()).unwrap();
        Self { root, disk }
    }

    fn folder(&self) -> PathBuf {
        self.root.path().join("chunks")
    }

    fn open(&self) -> Chunks {
        self.try_open(&self.disk).unwrap()
    }

    fn try_open<D: Disk + Clone + 'static>(&self, disk: &D) -> Result<Chunks, OpenError> {
        Chunks::open_with(&self.folder(), Arc::new(disk.clone()), PACK_BYTES)
    }

    /// The same folder on a disk that fails.
    fn faulty(&self, fault: Fault, call: usize) -> FaultyDisk {
        FaultyDisk::new(Arc::new(self.disk.clone()), fault, call)
    }

    /// The folder as it is found when the power went after so many operations and is back.
    fn after_power_cut(&self, operations: usize, seed: u64) -> Self {
        let root = tempfile::tempdir().unwrap();
        self.disk.materialise(operations, seed, root.path()).unwrap();
        Self::of(root)
    }

    /// The files in the folder, in order.
    fn files(&self) -> Vec<PathBuf> {
        RealDisk.list(&self.folder()).unwrap()
    }

    /// A folder with the same files, one of them with other bytes.
    fn with(&self, changed: &Path, bytes: &[u8]) -> Self {
        let copy = tempfile::tempdir().unwrap();
        let folder = copy.path().join("chunks");
        fs::create_dir(&folder).unwrap();
        for path in self.files() {
            fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
        }
        fs::write(folder.join(changed.file_name().unwrap()), bytes).unwrap();
        Self::of(copy)
    }
}

fn ends_in(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|extension| extension == ending)
}

/// A small generator, so that a seed replays.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

/// The bytes of the n-th chunk: half of them compress, half do not.
fn content(number: usize) -> Vec<u8> {
    let mut dice = Dice(number as u64);
    let length = 40 + dice.below(400);
    match number % 2 {
        0 => format!("chunk {number} ").into_bytes().repeat(length / 8),
        _ => (0..length).map(|_| dice.below(256) as u8).collect(),
    }
}
