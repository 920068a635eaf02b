//! One process at a time works in a home: a lock on the file `lock`, which the kernel drops when its owner dies.

use std::{
    fs::{File, TryLockError},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

/// The file's name in a home.
const NAME: &str = "lock";

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

/// A home that is ours until this is dropped.
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    pub(crate) fn take(home: &Path) -> Result<Self, LockError> {
        let path = home.join(NAME);
        let failed = |source| LockError::Io { path: path.clone(), source };
        let open = File::options().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = open.map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {
                file.set_len(0).map_err(failed)?;
                writeln!(file, "{}", std::process::id()).map_err(failed)?;
                Ok(Self { _file: file })
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
