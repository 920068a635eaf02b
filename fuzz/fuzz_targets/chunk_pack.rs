//! A walk through any bytes as a pack ends, stays inside them, and shows records that follow each other.
#![no_main]

use std::io;

use libfuzzer_sys::fuzz_target;
use store::{chunks::scan, disk::DiskFile};

/// A file that is only read.
struct Bytes<'a>(&'a [u8]);

impl DiskFile for Bytes<'_> {
    fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        let from = self.0.get(offset as usize..).and_then(|rest| rest.get(..bytes.len()));
        bytes.copy_from_slice(from.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_all_at(&self, _: &[u8], _: u64) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn set_len(&self, _: u64) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

fuzz_target!(|data: &[u8]| {
    let mut end = 0;
    let shape = scan(&Bytes(data), data.len() as u64, &mut |offset, header, stored| {
        assert!(offset >= end && stored.len() == header.stored as usize);
        end = offset + stored.len() as u64;
    });
    let shape = shape.expect("because the walk stays inside the file");
    assert!(shape.end >= end && shape.end <= data.len() as u64);
    assert!(shape.damage.iter().all(|range| range.start < range.end && range.end <= shape.end));
});
