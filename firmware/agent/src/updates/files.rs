//! What is kept of updates on the data partition, durable: the record in its two places, what a person asked for, and what was there before a trial.

use crate::home::{Home, UPDATES};
use model::Name;
use serde::{Deserialize, Serialize};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};
use store::disk::{Disk, DiskError};
use update::{Latest, RECORD_BYTES, Version, latest};

/// What this box had before a trial, and must have again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    /// The dapps that ran.
    pub dapps: Vec<Name>,
    /// The devices that answered.
    pub devices: Vec<Name>,
    /// Whether it had an address that others could reach.
    pub network: bool,
}

/// The folder.
pub struct Files {
    folder: PathBuf,
    disk: Arc<dyn Disk>,
}

impl Files {
    /// Opens the folder, making it if it is not there. A disk that cannot make it is said: the running slot can be committed
    /// without, and nothing is installed.
    pub fn open(home: &Home, disk: Arc<dyn Disk>) -> Self {
        let folder = home.updates_folder();
        if let Err(error) = disk.make_folders(home.folder(), Path::new(UPDATES)) {
            tracing::error!(%error, folder = %folder.display(), "the folder of updates cannot be made");
        }
        Self { folder, disk }
    }

    /// The record that counts.
    pub fn record(&self) -> Latest {
        let [first, second] = [0, 1].map(|place| self.disk.read(&self.place(place)).unwrap_or_default());
        latest(&first, &second)
    }

    /// Writes a place of the record, whole and durable.
    pub fn save(&self, place: usize, bytes: &[u8]) -> Result<(), DiskError> {
        let path = self.place(place);
        let failed = |source| DiskError { doing: "write", path: path.clone(), source };
        let write = || {
            let file = self.disk.open(&path, true)?;
            if file.len()? != RECORD_BYTES as u64 {
                file.set_len(RECORD_BYTES as u64)?;
            }
            file.write_all_at(bytes, 0)?;
            file.sync()?;
            self.disk.sync_dir(&self.folder)
        };
        write().map_err(failed)
    }

    /// The version that a person asked for.
    pub fn asked(&self) -> Option<Version> {
        let bytes = self.disk.read(&self.folder.join("asked")).ok()?;
        String::from_utf8(bytes).ok()?.trim().parse().ok()
    }

    /// Keeps what a person asked for.
    pub fn ask(&self, version: Option<&Version>) -> Result<(), DiskError> {
        let text = version.map_or_else(String::new, |version| format!("{version}\n"));
        self.replace("asked", text.as_bytes())
    }

    /// What was there before the trial.
    pub fn before(&self) -> Before {
        let bytes = self.disk.read(&self.folder.join("before.json")).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    /// Keeps what is there before a trial.
    pub fn keep_before(&self, before: &Before) -> Result<(), DiskError> {
        let bytes = serde_json::to_vec(before).unwrap_or_default();
        self.replace("before.json", &bytes)
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), DiskError> {
        let path = self.folder.join(name);
        let replaced = self.disk.replace(&path, bytes);
        replaced.map_err(|source| DiskError { doing: "write", path, source })
    }

    fn place(&self, place: usize) -> PathBuf {
        self.folder.join(format!("record.{place}"))
    }
}
