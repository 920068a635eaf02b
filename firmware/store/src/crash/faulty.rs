//! A disk that fails when told to: once, or from then on.

use crate::disk::{Disk, DiskFile};
use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No room: calls that need some fail from the n-th call on; reading, syncing and removing work.
    Full,
    /// The n-th call fails with an input/output error, once; a write is left half done.
    Once,
    /// Every call fails from the n-th on, as if the process had died there; a write is left half done.
    Dead,
}

/// A disk in front of another one that fails at the n-th call.
#[derive(Clone)]
pub struct FaultyDisk {
    inner: Arc<dyn Disk>,
    state: Arc<State>,
}

struct State {
    fault: Fault,
    at: usize,
    calls: AtomicUsize,
}

impl State {
    /// Counts a call; `needs_room` says whether it takes room on the disk.
    fn call(&self, needs_room: bool) -> io::Result<()> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let input_output = || io::Error::from_raw_os_error(5);
        match self.fault {
            Fault::Full if call >= self.at && needs_room => Err(io::ErrorKind::StorageFull.into()),
            Fault::Once if call == self.at => Err(input_output()),
            Fault::Dead if call >= self.at => Err(input_output()),
            _ => Ok(()),
        }
    }
}

impl FaultyDisk {
    /// Fails at call number `at`, counted from 1.
    pub fn new(inner: Arc<dyn Disk>, fault: Fault, at: usize) -> Self {
        Self { inner, state: Arc::new(State { fault, at, calls: AtomicUsize::new(0) }) }
    }

    /// How many calls there were.
    pub fn calls(&self) -> usize {
        self.state.calls.load(Ordering::Relaxed)
    }
}

impl Disk for FaultyDisk {
    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        self.state.call(!path.exists())?;
        self.inner.create_dir_all(path)
    }

    fn exists(&self, path: &Path) -> bool {
        self.inner.exists(path)
    }

    fn open(&self, path: &Path, create: bool) -> io::Result<Box<dyn DiskFile>> {
        self.state.call(create && !path.exists())?;
        Ok(Box::new(FaultyFile { inner: self.inner.open(path, create)?, state: self.state.clone() }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.state.call(false)?;
        self.inner.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.state.call(false)?;
        self.inner.remove(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.state.call(false)?;
        self.inner.sync_dir(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        self.state.call(false)?;
        self.inner.list(path)
    }
}

struct FaultyFile {
    inner: Box<dyn DiskFile>,
    state: Arc<State>,
}

impl DiskFile for FaultyFile {
    fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.state.call(false)?;
        self.inner.read_exact_at(bytes, offset)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let grows = offset + bytes.len() as u64 > self.inner.len()?;
        match self.state.call(grows) {
            Ok(()) => self.inner.write_all_at(bytes, offset),
            Err(error) => {
                self.inner.write_all_at(&bytes[..bytes.len() / 2], offset)?;
                Err(error)
            }
        }
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.state.call(len > self.inner.len()?)?;
        self.inner.set_len(len)
    }

    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn sync(&self) -> io::Result<()> {
        self.state.call(false)?;
        self.inner.sync()
    }
}
