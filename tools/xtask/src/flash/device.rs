//! A whole disk, opened for us alone and past the page cache.
//!
//! With `O_EXCL` the kernel refuses a disk of which any part is mounted, swapped to or in a volume, also those uses that
//! `/proc` does not show; while it is open nobody can mount it. With `O_DIRECT` what is read is what the card has.

use super::write::{Aligned, Card};
use crate::shell::{Done, command};
use rustix::{
    fs::{FallocateFlags, OFlags, fallocate},
    io::Errno,
};
use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::Path,
};

/// What is made zeros at once: a person sees it go on.
const ZEROS: usize = 64 << 10;

/// An opened disk.
#[derive(Debug)]
pub struct Device {
    file: File,
    /// Whether the kernel makes zeros of this disk by itself.
    zeroes: bool,
}

impl Device {
    /// Opens it.
    pub fn open(path: &Path) -> Done<Self> {
        let flags = OFlags::EXCL | OFlags::DIRECT;
        let file =
            OpenOptions::new().read(true).write(true).custom_flags(flags.bits().cast_signed()).open(path);
        let path = path.display();
        let file = file.map_err(|error| match Errno::from_io_error(&error) {
            Some(Errno::BUSY) => {
                format!("{path} is in use by this computer: close what shows it, and unmount it")
            }
            _ => format!("cannot open {path}: {error}"),
        })?;
        Ok(Self { file, zeroes: true })
    }
}

impl Card for Device {
    fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, at)
    }

    fn zero(&mut self, at: u64, bytes: u64) -> io::Result<()> {
        if self.zeroes {
            match fallocate(&self.file, FallocateFlags::ZERO_RANGE | FallocateFlags::KEEP_SIZE, at, bytes) {
                Err(Errno::OPNOTSUPP | Errno::INVAL) => self.zeroes = false,
                done => return Ok(done?),
            }
        }
        let mut zeros = Aligned::new(ZEROS);
        let mut written = 0;
        while written < bytes {
            let length = (bytes - written).min(ZEROS as u64);
            self.file.write_all_at(zeros.part(length as usize), at + written)?;
            written += length;
        }
        Ok(())
    }

    fn read(&mut self, at: u64, into: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(into, at)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_all()
    }
}

/// Tells the kernel of the new partitions. Answers whether it took them.
pub fn read_partitions_again(path: &Path) -> bool {
    command("/usr/sbin/blockdev").arg("--rereadpt").arg(path).output().is_ok_and(|out| out.status.success())
}
