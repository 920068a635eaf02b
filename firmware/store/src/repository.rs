//! The layout of the git repository: bare, SHA-256, and settings under which git's own tools leave it alone.
//!
//! [`make`] may be cut off anywhere and repeated: each step is safe to do again, and the file `HEAD`, by which
//! git knows a repository, comes last. Housekeeping by git (`gc.auto`) is off, for it would take packs away
//! under us without syncing.

use crate::disk::{Disk, DiskError, Doing};
use std::path::{Path, PathBuf};

/// The repository's folder in a home.
pub(crate) const FOLDER: &str = "ledger.git";

const CONFIG: &str = "\
[core]
\trepositoryformatversion = 1
\tfilemode = true
\tbare = true
\tlogallrefupdates = false
[extensions]
\tobjectformat = sha256
[gc]
\tauto = 0
[maintenance]
\tauto = false
[receive]
\tautogc = false
";
const HEAD: &str = "ref: refs/heads/main\n";

/// Where the packs are.
pub(crate) fn packs(git: &Path) -> PathBuf {
    git.join("objects/pack")
}

/// Makes the repository in `home`, or what is missing of it; durable on return. Gives its path.
pub(crate) fn make(disk: &dyn Disk, home: &Path) -> Result<PathBuf, DiskError> {
    let git = home.join(FOLDER);
    disk.make_folders(home, Path::new(FOLDER)).doing("make", &git)?;
    for folder in ["objects/pack", "objects/info", "refs/heads", "refs/ledger"] {
        disk.make_folders(&git, Path::new(folder)).doing("make", &git.join(folder))?;
    }
    for (name, text) in [("config", CONFIG), ("HEAD", HEAD)] {
        let path = git.join(name);
        if !disk.exists(&path) {
            disk.replace(&path, text.as_bytes()).doing("write", &path)?;
        }
    }
    disk.sync_dir(&git).doing("sync", &git)?;
    Ok(git)
}
