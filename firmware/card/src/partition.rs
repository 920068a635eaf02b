//! A partition that holds a copy of the boot state: read and written whole, in place, and synced.

use slots::{COPY_BYTES, Place, PlaceError, UBoot};
use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

/// A partition, or any file that is large enough.
#[derive(Debug)]
pub struct Partition {
    path: PathBuf,
}

impl Partition {
    /// The partition with this device node.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    fn failed(&self, doing: &'static str) -> impl FnOnce(io::Error) -> PlaceError {
        move |error| PlaceError { doing, place: self.path.display().to_string(), source: error.into() }
    }
}

impl Place for Partition {
    fn read(&self, into: &mut [u8]) -> Result<(), PlaceError> {
        let file = File::open(&self.path).map_err(self.failed("open"))?;
        file.read_exact_at(into, 0).map_err(self.failed("read"))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), PlaceError> {
        let file = File::options().write(true).open(&self.path).map_err(self.failed("open"))?;
        file.write_all_at(bytes, 0).map_err(self.failed("write"))?;
        file.sync_all().map_err(self.failed("sync"))
    }
}

/// The boot state of the card whose partitions have their names in this folder (`/dev/disk/by-partlabel`).
pub fn boot_state(by_name: &Path) -> UBoot<Partition> {
    let places = ["state0", "state1"].map(|name| Partition::new(by_name.join(name)));
    UBoot::new(places, COPY_BYTES)
}
