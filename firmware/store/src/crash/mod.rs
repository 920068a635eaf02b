//! The crash disk and the faulty disk, for tests of everything that promises durability.
//!
//! [`RecordingDisk`] works on a real folder and keeps a record of each operation. [`RecordingDisk::materialise`]
//! builds what a disk could hold after a power cut right after any one of them: what was synced is there; of the
//! rest, by a seed, each write is kept, dropped or torn into sectors, and each creation, renaming and removal
//! is kept or dropped. [`FaultyDisk`] works until its n-th call fails, and may stay full from then on. Both
//! are whole disks: what they hold can be read and used. Compiled for tests and with the feature `crash` alone.

mod faulty;
mod platter;

pub use faulty::{Fault, FaultyDisk};

use crate::disk::{Disk, DiskFile, RealDisk};
use platter::Platter;
use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
};

/// A file's number on the disk, whatever its name.
type Node = usize;

/// A file's number and its bytes.
type Content = (Node, Vec<u8>);

/// What happened to the disk. Paths are below its folder.
#[derive(Debug, Clone)]
enum Operation {
    MakeFolder(PathBuf),
    Make(PathBuf, Node),
    Write(Node, u64, Vec<u8>),
    SetLen(Node, u64),
    Sync(Node),
    Rename(PathBuf, PathBuf, Node),
    Remove(PathBuf),
    SyncFolder(PathBuf),
}

#[derive(Default)]
struct Record {
    operations: Vec<Operation>,
    names: HashMap<PathBuf, Node>,
    nodes: usize,
    /// What was there before the recording began; it counts as synced.
    before: Vec<(PathBuf, Option<Content>)>,
}

impl Record {
    fn new_node(&mut self, path: &Path) -> Node {
        self.names.insert(path.to_path_buf(), self.nodes);
        self.nodes += 1;
        self.nodes - 1
    }
}

/// A disk that remembers what was done to it.
#[derive(Clone)]
pub struct RecordingDisk {
    root: PathBuf,
    record: Arc<Mutex<Record>>,
}

impl RecordingDisk {
    /// Records what happens below the folder `root` from now on.
    pub fn new(root: &Path) -> io::Result<Self> {
        let mut record = Record::default();
        remember(root, root, &mut record)?;
        Ok(Self { root: root.to_path_buf(), record: Arc::new(Mutex::new(record)) })
    }

    /// How many operations there were so far.
    pub fn operations(&self) -> usize {
        self.record().operations.len()
    }

    /// Builds in the empty folder `into` what the disk could hold after a power cut right after the first `cut`
    /// operations. Seed 0 drops everything unsynced, seed 1 keeps it; any other seed draws lots.
    pub fn materialise(&self, cut: usize, seed: u64, into: &Path) -> io::Result<()> {
        let record = self.record();
        let mut platter = Platter::new(record.nodes);
        for (path, file) in &record.before {
            platter.place(path, file.clone());
        }
        for operation in &record.operations[..cut] {
            platter.apply(operation);
        }
        drop(record);
        platter.write_out(seed, into)
    }

    /// The operations around a cut, for the message of a failed test.
    pub fn describe(&self, cut: usize) -> String {
        let record = self.record();
        let last = record.operations.len().min(cut + 1);
        let line = |(index, operation): (usize, &Operation)| match operation {
            Operation::Write(node, offset, bytes) => {
                format!("{index}: Write({node}, {offset}, {} bytes)\n", bytes.len())
            }
            operation => format!("{index}: {operation:?}\n"),
        };
        record.operations[..last].iter().enumerate().skip(cut.saturating_sub(12)).map(line).collect()
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().expect("because nobody panics while holding the record")
    }

    fn below(&self, path: &Path) -> PathBuf {
        path.strip_prefix(&self.root).unwrap_or(path).to_path_buf()
    }

    fn push(&self, operation: Operation) {
        self.record().operations.push(operation);
    }
}

/// Reads a folder as it is before the recording begins.
fn remember(root: &Path, folder: &Path, record: &mut Record) -> io::Result<()> {
    for path in RealDisk.list(folder)? {
        let below = path.strip_prefix(root).unwrap_or(&path).to_path_buf();
        if path.is_dir() {
            record.before.push((below, None));
            remember(root, &path, record)?;
        } else {
            let node = record.new_node(&below);
            record.before.push((below, Some((node, fs::read(&path)?))));
        }
    }
    Ok(())
}

impl Disk for RecordingDisk {
    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        let missing: Vec<_> = path.ancestors().take_while(|ancestor| !ancestor.exists()).collect();
        RealDisk.create_dir_all(path)?;
        missing.iter().rev().for_each(|folder| self.push(Operation::MakeFolder(self.below(folder))));
        Ok(())
    }

    fn exists(&self, path: &Path) -> bool {
        RealDisk.exists(path)
    }

    fn open(&self, path: &Path, create: bool) -> io::Result<Box<dyn DiskFile>> {
        let below = self.below(path);
        let is_new = !path.exists();
        let file = RealDisk.open(path, create)?;
        let mut record = self.record();
        let node = match record.names.get(&below) {
            Some(node) if !is_new => *node,
            _ => {
                let node = record.new_node(&below);
                record.operations.push(Operation::Make(below, node));
                node
            }
        };
        drop(record);
        Ok(Box::new(RecordingFile { node, file, disk: self.clone() }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        assert_eq!(from.parent(), to.parent(), "a file that moves to another folder is not modelled");
        RealDisk.rename(from, to)?;
        let (from, to) = (self.below(from), self.below(to));
        let mut record = self.record();
        if let Some(node) = record.names.remove(&from) {
            record.names.insert(to.clone(), node);
            record.operations.push(Operation::Rename(from, to, node));
        }
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove(path)?;
        let below = self.below(path);
        self.record().names.remove(&below);
        self.push(Operation::Remove(below));
        Ok(())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        // No real sync: the record knows what was synced, and the tests need not wait for the card.
        self.push(Operation::SyncFolder(self.below(path)));
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        RealDisk.list(path)
    }
}

struct RecordingFile {
    node: Node,
    file: Box<dyn DiskFile>,
    disk: RecordingDisk,
}

impl DiskFile for RecordingFile {
    fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(bytes, offset)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)?;
        self.disk.push(Operation::Write(self.node, offset, bytes.to_vec()));
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)?;
        self.disk.push(Operation::SetLen(self.node, len));
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.push(Operation::Sync(self.node));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
