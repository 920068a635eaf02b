//! A disk in memory: it works, it fails at the n-th call when told to, and its power can be cut.
//!
//! After a power cut a file holds what was synced; of what was not, each sector may or may not be there. Names
//! are those of some moment since the folder was last synced.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use store::disk::{Disk, DiskFile};

const SECTOR: usize = 64;

type Names = BTreeMap<PathBuf, Arc<Mutex<Content>>>;

#[derive(Default)]
struct Content {
    now: Vec<u8>,
    synced: Vec<u8>,
}

/// When calls fail.
#[derive(Clone, Copy, PartialEq)]
pub enum Failing {
    Never,
    At(u64),
    From(u64),
}

struct State {
    names: Names,
    /// The names after each change since the folder was synced; the first is the synced one.
    history: Vec<Names>,
    calls: u64,
    failing: Failing,
}

#[derive(Clone)]
pub struct FakeDisk(Arc<Mutex<State>>);

struct FakeFile(FakeDisk, Arc<Mutex<Content>>);

/// A small generator, so that a seed replays.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

impl FakeDisk {
    pub fn new() -> Self {
        let (names, history) = (Names::new(), vec![Names::new()]);
        Self(Arc::new(Mutex::new(State { names, history, calls: 0, failing: Failing::Never })))
    }

    /// Counts calls from zero again, and fails as told.
    pub fn fail(&self, failing: Failing) {
        let mut state = self.0.lock().unwrap();
        (state.calls, state.failing) = (0, failing);
    }

    pub fn calls(&self) -> u64 {
        self.0.lock().unwrap().calls
    }

    /// The disk as it is found when the power is back.
    pub fn after_power_cut(&self, seed: u64) -> Self {
        let mut dice = Dice(seed);
        let state = self.0.lock().unwrap();
        let moment = dice.below(state.history.len());
        let left = state.history[moment].iter().map(|(path, content)| {
            let now = content.lock().unwrap().after_power_cut(&mut dice);
            (path.clone(), Arc::new(Mutex::new(Content { synced: now.clone(), now })))
        });
        let names: Names = left.collect();
        let history = vec![names.clone()];
        Self(Arc::new(Mutex::new(State { names, history, calls: 0, failing: Failing::Never })))
    }

    /// A copy that can be damaged without harm to this one.
    pub fn copy(&self) -> Self {
        let copy = Self::new();
        for (path, content) in &self.0.lock().unwrap().names {
            copy.write(path, content.lock().unwrap().now.clone());
        }
        copy
    }

    pub fn write(&self, path: &Path, bytes: Vec<u8>) {
        let content = Arc::new(Mutex::new(Content { synced: bytes.clone(), now: bytes }));
        let mut state = self.0.lock().unwrap();
        state.names.insert(path.into(), content);
        state.history = vec![state.names.clone()];
    }

    pub fn paths(&self) -> Vec<PathBuf> {
        self.0.lock().unwrap().names.keys().cloned().collect()
    }

    fn call(&self) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.calls += 1;
        let fails = match state.failing {
            Failing::Never => false,
            Failing::At(call) => state.calls == call,
            Failing::From(call) => state.calls >= call,
        };
        if fails { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn change<T>(&self, change: impl FnOnce(&mut Names) -> io::Result<T>) -> io::Result<T> {
        self.call()?;
        let mut state = self.0.lock().unwrap();
        let done = change(&mut state.names)?;
        let names = state.names.clone();
        state.history.push(names);
        Ok(done)
    }
}

impl Content {
    fn after_power_cut(&self, dice: &mut Dice) -> Vec<u8> {
        let mut left = self.synced.clone();
        if dice.below(4) > 0 {
            left.resize(self.now.len(), 0);
        }
        for start in (0..left.len().min(self.now.len())).step_by(SECTOR) {
            let end = (start + SECTOR).min(left.len()).min(self.now.len());
            if dice.below(3) > 0 {
                left[start..end].copy_from_slice(&self.now[start..end]);
            }
        }
        left
    }
}

fn not_found() -> io::Error {
    io::ErrorKind::NotFound.into()
}

impl Disk for FakeDisk {
    fn create_dir_all(&self, _: &Path) -> io::Result<()> {
        self.call()
    }

    fn exists(&self, path: &Path) -> bool {
        self.0.lock().unwrap().names.contains_key(path)
    }

    fn open(&self, path: &Path, create: bool) -> io::Result<Box<dyn DiskFile>> {
        let found = self.0.lock().unwrap().names.get(path).cloned();
        let content = match found {
            Some(content) => self.call().map(|()| content)?,
            None if create => self.change(|names| Ok(names.entry(path.into()).or_default().clone()))?,
            None => return self.call().and(Err(not_found())),
        };
        Ok(Box::new(FakeFile(self.clone(), content)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.change(|names| {
            let content = names.remove(from).ok_or_else(not_found)?;
            names.insert(to.into(), content);
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.change(|names| names.remove(path).map(|_| ()).ok_or_else(not_found))
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.call()?;
        let mut state = self.0.lock().unwrap();
        if state.names.keys().any(|name| name.parent() == Some(path)) {
            state.history = vec![state.names.clone()];
        }
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        self.call()?;
        Ok(self.paths().into_iter().filter(|name| name.parent() == Some(path)).collect())
    }
}

impl DiskFile for FakeFile {
    fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.call()?;
        let content = self.1.lock().unwrap();
        let from = content.now.get(offset as usize..).and_then(|rest| rest.get(..bytes.len()));
        bytes.copy_from_slice(from.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let whole = self.0.call();
        // A disk that fills up has taken some of the bytes.
        let bytes = if whole.is_ok() { bytes } else { &bytes[..bytes.len() / 2] };
        let mut content = self.1.lock().unwrap();
        let (start, end) = (offset as usize, offset as usize + bytes.len());
        let length = content.now.len().max(end);
        content.now.resize(length, 0);
        content.now[start..end].copy_from_slice(bytes);
        whole
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.0.call()?;
        self.1.lock().unwrap().now.resize(length as usize, 0);
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        self.0.call()?;
        Ok(self.1.lock().unwrap().now.len() as u64)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.call()?;
        let mut content = self.1.lock().unwrap();
        content.synced = content.now.clone();
        Ok(())
    }
}
