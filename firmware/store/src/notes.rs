//! Notes: small things that a box must not forget and that are in no block, such as its own votes.
//!
//! One file a note in `DIR/notes`, replaced in one step: after a power cut the old note is there or the new one,
//! whole. A note ends with its checksum, so that a card that forgets bits is noticed: a damaged note is an error
//! and never an absent one, for a box that has forgotten its vote might vote again. docs/formats/notes.md.

use crate::disk::{Disk, DiskError, Doing};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// The folder in a home.
const FOLDER: &str = "notes";
/// The longest name.
const NAME_MAX: usize = 100;
/// The largest note, in bytes: what it is for is small.
pub const NOTE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The bytes of the checksum at the end.
const SUM: usize = 4;

/// A note that cannot be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum NoteError {
    /// The disk failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A name that could leave the folder.
    #[error("{0:?} is no name of a note: a-z, 0-9, dots and hyphens, 1 to {NAME_MAX} bytes, a letter first")]
    Name(String),
    /// More than [`NOTE_BYTES_MAX`].
    #[error("the note {name} has {bytes} bytes, more than {NOTE_BYTES_MAX}")]
    TooLarge {
        /// Which.
        name: String,
        /// How many.
        bytes: usize,
    },
    /// The bytes are not those that were kept.
    #[error("the note {} is damaged: its checksum is wrong", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
}

/// The notes of a home.
pub(crate) struct Notes {
    folder: PathBuf,
    disk: Arc<dyn Disk>,
}

impl Notes {
    /// Opens the notes of a home; what a power cut left half-written goes.
    pub(crate) fn open(home: &Path, disk: Arc<dyn Disk>) -> Result<Self, DiskError> {
        let folder = home.join(FOLDER);
        disk.make_folders(home, Path::new(FOLDER)).doing("make", &folder)?;
        for path in disk.list(&folder).doing("list", &folder)? {
            if path.extension().is_some_and(|extension| extension == "lock") {
                disk.remove(&path).doing("remove", &path)?;
            }
        }
        // A process that died may have renamed without syncing.
        disk.sync_dir(&folder).doing("sync", &folder)?;
        Ok(Self { folder, disk })
    }

    /// A note; none if none was ever kept under that name.
    pub(crate) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, NoteError> {
        let path = self.path(name)?;
        let bytes = match self.disk.read(&path).doing("read", &path) {
            Err(error) if error.is_not_found() => return Ok(None),
            bytes => bytes?,
        };
        unwrap_note(bytes).map(Some).ok_or(NoteError::Damaged { path })
    }

    /// Keeps a note; empty bytes remove it. Durable on return.
    pub(crate) fn keep(&self, name: &str, bytes: &[u8]) -> Result<(), NoteError> {
        let path = self.path(name)?;
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(NoteError::TooLarge { name: name.to_string(), bytes: bytes.len() });
        }
        if bytes.is_empty() {
            return Ok(self.remove(&path)?);
        }
        let mut file = bytes.to_vec();
        file.extend(crc32c::crc32c(bytes).to_le_bytes());
        Ok(self.disk.replace(&path, &file).doing("keep the note", &path)?)
    }

    fn remove(&self, path: &Path) -> Result<(), DiskError> {
        match self.disk.remove(path).doing("remove the note", path) {
            Err(error) if error.is_not_found() => Ok(()),
            Err(error) => Err(error),
            Ok(()) => self.disk.sync_dir(&self.folder).doing("sync", &self.folder),
        }
    }

    fn path(&self, name: &str) -> Result<PathBuf, NoteError> {
        let first = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
        let known = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-');
        if !first || name.len() > NAME_MAX || !name.bytes().all(known) || name.ends_with(".lock") {
            return Err(NoteError::Name(name.chars().take(NAME_MAX).collect()));
        }
        Ok(self.folder.join(name))
    }
}

/// The note in a file's bytes; none if its checksum is wrong.
pub fn unwrap_note(mut file: Vec<u8>) -> Option<Vec<u8>> {
    let length = file.len().checked_sub(SUM)?;
    let sum = u32::from_le_bytes(file[length..].try_into().ok()?);
    file.truncate(length);
    (crc32c::crc32c(&file) == sum).then_some(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        crash::{Fault, FaultyDisk, RecordingDisk},
        disk::RealDisk,
    };

    fn notes(home: &Path) -> Notes {
        Notes::open(home, Arc::new(RealDisk)).unwrap()
    }

    #[test]
    fn what_was_kept_comes_back_and_what_was_not_is_none() {
        let home = tempfile::tempdir().unwrap();
        notes(home.path()).keep("certificate.main", b"one").unwrap();
        notes(home.path()).keep("certificate.main", b"two").unwrap();
        assert_eq!(notes(home.path()).read("certificate.main").unwrap(), Some(b"two".to_vec()));
        assert_eq!(notes(home.path()).read("votes").unwrap(), None);
        notes(home.path()).keep("certificate.main", b"").unwrap();
        notes(home.path()).keep("certificate.main", b"").unwrap();
        assert_eq!(notes(home.path()).read("certificate.main").unwrap(), None, "empty is none");
    }

    #[test]
    fn a_name_cannot_leave_the_folder() {
        let home = tempfile::tempdir().unwrap();
        for bad in ["", "..", "../x", "/x", "a/b", "A", ".x", "a.lock", &"a".repeat(101)] {
            assert!(matches!(notes(home.path()).keep(bad, b""), Err(NoteError::Name(_))), "{bad:?}");
            assert!(matches!(notes(home.path()).read(bad), Err(NoteError::Name(_))), "{bad:?}");
        }
    }

    #[test]
    fn a_damaged_note_is_an_error_and_not_an_absent_one() {
        let home = tempfile::tempdir().unwrap();
        notes(home.path()).keep("votes", b"a precommit").unwrap();
        let path = home.path().join("notes/votes");
        let whole = std::fs::read(&path).unwrap();
        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert!(matches!(notes(home.path()).read("votes"), Err(NoteError::Damaged { .. })), "{length}");
        }
        let mut other = whole;
        other[3] ^= 1;
        std::fs::write(&path, &other).unwrap();
        assert!(matches!(notes(home.path()).read("votes"), Err(NoteError::Damaged { .. })));
    }

    #[test]
    fn after_a_power_cut_at_any_operation_the_newest_acknowledged_note_is_there_whole() {
        let home = tempfile::tempdir().unwrap();
        let disk = RecordingDisk::new(home.path()).unwrap();
        let kept = Notes::open(home.path(), Arc::new(disk.clone())).unwrap();
        let versions: Vec<Vec<u8>> = (0..5_u8).map(|n| vec![n; 700 * usize::from(n + 1)]).collect();
        let mut acknowledged = vec![];
        for version in &versions {
            kept.keep("votes", version).unwrap();
            acknowledged.push(disk.operations());
        }
        for cut in 0..=disk.operations() {
            for seed in 0..4 {
                let after = tempfile::tempdir().unwrap();
                disk.materialise(cut, seed, after.path()).unwrap();
                let found = notes(after.path()).read("votes").unwrap();
                let place = found.map(|found| versions.iter().position(|version| *version == found).unwrap());
                let least = acknowledged.iter().filter(|at| **at <= cut).count().checked_sub(1);
                assert!(place >= least, "cut {cut}, seed {seed}: {place:?} after {least:?} was acknowledged");
            }
        }
    }

    #[test]
    fn a_full_disk_leaves_the_old_note() {
        let home = tempfile::tempdir().unwrap();
        notes(home.path()).keep("votes", b"old").unwrap();
        for call in 1..20 {
            let disk = FaultyDisk::new(Arc::new(RealDisk), Fault::Full, call);
            let kept = Notes::open(home.path(), Arc::new(disk)).and_then(|kept| {
                kept.keep("votes", b"new").map_err(|error| match error {
                    NoteError::Disk(error) => error,
                    other => panic!("{other}"),
                })
            });
            let found = notes(home.path()).read("votes").unwrap().unwrap();
            assert!(found == b"new" || (kept.is_err() && found == b"old"), "call {call}");
            notes(home.path()).keep("votes", b"old").unwrap();
        }
    }
}
