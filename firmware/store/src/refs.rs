//! The files that hold references; their names are [`RefName`]s, so none leaves the folder `refs`.
//!
//! Each is a file of its own that is replaced in one step and synced; git's `packed-refs` is read too, in
//! case somebody ran `git pack-refs`, but never written.

use crate::disk::{Disk, DiskError, Doing};
use model::{BlockId, IdError, KeyId, Name, RefName};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

const HEADS: &str = "refs/heads";
const LEDGER: &str = "refs/ledger";
const PACKED: &str = "packed-refs";

/// A reference that cannot be read or moved.
#[derive(Debug, thiserror::Error)]
pub enum RefError {
    /// The disk failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The file holds something else than a block's id.
    #[error("reference {name} is damaged: its file does not hold the id of a block")]
    Damaged {
        /// The reference.
        name: RefName,
        /// What is wrong with it.
        source: IdError,
    },
}

/// The block that a reference points to, if it is there.
pub(crate) fn read(disk: &dyn Disk, git: &Path, name: &RefName) -> Result<Option<BlockId>, RefError> {
    let path = git.join(name.to_string());
    match disk.read(&path).doing("read", &path) {
        Ok(bytes) => parse(name, &String::from_utf8_lossy(&bytes)).map(Some),
        Err(error) if error.is_not_found() => Ok(packed(disk, git)?.remove(name)),
        Err(error) => Err(error.into()),
    }
}

fn parse(name: &RefName, text: &str) -> Result<BlockId, RefError> {
    let damaged = |source| RefError::Damaged { name: name.clone(), source };
    text.trim_end_matches('\n').parse().map_err(damaged)
}

/// All references with the blocks that they point to.
pub(crate) fn all(disk: &dyn Disk, git: &Path) -> Result<BTreeMap<RefName, BlockId>, RefError> {
    let mut found = packed(disk, git)?;
    for folder in folders(disk, git)? {
        read_folder(disk, git, &folder, &mut found)?;
    }
    Ok(found)
}

/// The newest block of each branch of the organisation.
pub(crate) fn branches(disk: &dyn Disk, git: &Path) -> Result<BTreeMap<Name, BlockId>, RefError> {
    let mut found = packed(disk, git)?;
    read_folder(disk, git, &git.join(HEADS), &mut found)?;
    let branch = |(name, block)| match name {
        RefName::Head(branch) => Some((branch, block)),
        RefName::Writer(..) => None,
    };
    Ok(found.into_iter().filter_map(branch).collect())
}

fn read_folder(
    disk: &dyn Disk,
    git: &Path,
    folder: &Path,
    found: &mut BTreeMap<RefName, BlockId>,
) -> Result<(), RefError> {
    for path in disk.list(folder).doing("list", folder)? {
        let relative = path.strip_prefix(git).unwrap_or(&path).to_string_lossy();
        if let Ok(name) = relative.parse::<RefName>()
            && let Some(block) = read(disk, git, &name)?
        {
            found.insert(name, block);
        }
    }
    Ok(())
}

/// The folders that hold references.
pub(crate) fn folders(disk: &dyn Disk, git: &Path) -> Result<Vec<PathBuf>, DiskError> {
    let ledger = git.join(LEDGER);
    let mut folders = vec![git.join(HEADS)];
    for writer in disk.list(&ledger).doing("list", &ledger)? {
        if writer.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.parse::<KeyId>().is_ok())
        {
            folders.push(writer);
        }
    }
    Ok(folders)
}

/// Makes durable what a process that died may have moved without syncing; removes the half-written.
pub(crate) fn sync(disk: &dyn Disk, git: &Path) -> Result<(), DiskError> {
    let mut folders = folders(disk, git)?;
    folders.push(git.join(LEDGER));
    for folder in folders {
        for path in disk.list(&folder).doing("list", &folder)? {
            if path.extension().is_some_and(|extension| extension == "lock") {
                disk.remove(&path).doing("remove", &path)?;
            }
        }
        disk.sync_dir(&folder).doing("sync", &folder)?;
    }
    Ok(())
}

/// What `git pack-refs` left. Lines of other references and peeled tags are passed over.
fn packed(disk: &dyn Disk, git: &Path) -> Result<BTreeMap<RefName, BlockId>, DiskError> {
    let path = git.join(PACKED);
    if !disk.exists(&path) {
        return Ok(BTreeMap::new());
    }
    let bytes = disk.read(&path).doing("read", &path)?;
    Ok(parse_packed(&String::from_utf8_lossy(&bytes)))
}

/// The references of a `packed-refs` file (gitformat-packed-refs: lines `ID SPACE NAME`).
pub fn parse_packed(text: &str) -> BTreeMap<RefName, BlockId> {
    let entry = |line: &str| {
        let (id, name) = line.split_once(' ')?;
        Some((name.parse().ok()?, id.parse().ok()?))
    };
    text.lines().filter_map(entry).collect()
}

/// Moves a reference: replaced in one step, durable on return.
pub(crate) fn write(disk: &dyn Disk, git: &Path, name: &RefName, block: BlockId) -> Result<(), DiskError> {
    let path = git.join(name.to_string());
    if let RefName::Writer(key, _) = name {
        let folder = git.join(LEDGER);
        if !disk.exists(&folder.join(key.to_string())) {
            disk.make_folders(&folder, Path::new(&key.to_string())).doing("make", &folder)?;
        }
    }
    disk.replace(&path, format!("{block}\n").as_bytes()).doing("move reference", &path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::RealDisk;

    #[test]
    fn a_damaged_reference_is_named() {
        let git = tempfile::tempdir().unwrap();
        RealDisk.make_folders(git.path(), Path::new(HEADS)).unwrap();
        std::fs::write(git.path().join("refs/heads/main"), "ref: elsewhere\n").unwrap();
        let error = read(&RealDisk, git.path(), &RefName::main()).unwrap_err();
        assert!(error.to_string().contains("refs/heads/main"), "{error}");
    }

    #[test]
    fn packed_references_are_read_and_loose_ones_count_more() {
        let git = tempfile::tempdir().unwrap();
        RealDisk.make_folders(git.path(), Path::new(HEADS)).unwrap();
        RealDisk.make_folders(git.path(), Path::new(LEDGER)).unwrap();
        let (old, new) = (BlockId::new([1; 32]), BlockId::new([2; 32]));
        let text = format!("# pack-refs with: peeled\n{old} refs/heads/main\n^{old}\n{old} refs/tags/x\n");
        std::fs::write(git.path().join(PACKED), text).unwrap();
        assert_eq!(read(&RealDisk, git.path(), &RefName::main()).unwrap(), Some(old));
        write(&RealDisk, git.path(), &RefName::main(), new).unwrap();
        let key = RefName::writer("cd".repeat(16).parse().unwrap());
        write(&RealDisk, git.path(), &key, old).unwrap();
        let found = all(&RealDisk, git.path()).unwrap();
        assert_eq!(found, BTreeMap::from([(RefName::main(), new), (key, old)]));
    }
}
