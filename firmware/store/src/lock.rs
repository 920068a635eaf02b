//! One process at a time works in a home: a lock on a file in it, which the kernel drops when its owner dies.
//!
//! There are two: `lock` is held by whoever has the store open, for as long as that; `ledgerd.lock` by the one
//! ledgerd of the home, from before it touches the board to its end.

use std::{
    fs::{File, TryLockError},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

/// The file of whoever has the store open.
const STORE: &str = "lock";
/// The file of the home's ledgerd.
const LEDGERD: &str = "ledgerd.lock";

/// A home that is not ours to work in.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error("{} is in use by process {pid}: stop it first, or ask it through its socket", home.display())]
    Held {
        /// The home.
        home: PathBuf,
        /// The other process, as it wrote itself down.
        pid: String,
    },
    /// The lock file cannot be used.
    #[error("cannot lock {}", path.display())]
    Io {
        /// The lock file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl LockError {
    /// Whether another process has it.
    pub fn is_held(&self) -> bool {
        matches!(self, Self::Held { .. })
    }
}

/// A home that is ours until this is dropped.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing alone would not do: a child that another thread is just starting has a copy of the file until it becomes
        // its program, and with it the lock. What cannot be unlocked is so when the last copy is closed.
        let _at_the_close = self.file.unlock();
    }
}

impl Lock {
    /// Makes this process the one that has the store open.
    pub(crate) fn store(home: &Path) -> Result<Self, LockError> {
        Self::take(home, STORE)
    }

    /// Makes this process the one ledgerd of a home.
    pub fn ledgerd(home: &Path) -> Result<Self, LockError> {
        Self::take(home, LEDGERD)
    }

    fn take(home: &Path, name: &str) -> Result<Self, LockError> {
        let path = home.join(name);
        let failed = |source| LockError::Io { path: path.clone(), source };
        let open = File::options().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = open.map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {
                file.set_len(0).map_err(failed)?;
                writeln!(file, "{}", std::process::id()).map_err(failed)?;
                Ok(Self { file })
            }
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                file.read_to_string(&mut pid).map_err(failed)?;
                Err(LockError::Held { home: home.to_path_buf(), pid: pid.trim().to_string() })
            }
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_is_free_at_once_though_a_child_on_its_way_has_a_copy_of_the_lock() {
        let home = tempfile::tempdir().unwrap();
        let lock = Lock::store(home.path()).unwrap();
        let of_a_child = lock.file.try_clone().unwrap();
        assert!(Lock::store(home.path()).is_err_and(|error| error.is_held()));
        drop(lock);
        let _again = Lock::store(home.path()).unwrap();
        drop(of_a_child);
        assert!(
            Lock::store(home.path()).is_err_and(|error| error.is_held()),
            "the copy's end changes nothing"
        );
    }
}
