//! An OCI image layout as a store of blobs: a folder, or the same folder as a tar (uncompressed).
//!
//! Finds and opens files by name and lets no name lead out of the layout. Checks no digests; `source.rs`
//! does.

use super::{oci::Blob, path::LayerPath};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};
use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    os::fd::OwnedFd,
    path::Path,
};
use tar::Archive;

/// The most members looked at in a layout's tar.
const MAX_MEMBERS: usize = 100_000;

/// An open image layout.
#[derive(Debug)]
pub enum Layout {
    /// A folder.
    Folder(OwnedFd),
    /// A tar, and where each member's bytes lie in it.
    Tar(File, BTreeMap<LayerPath, (u64, u64)>),
}

impl Layout {
    /// Opens a layout, whichever form it has.
    pub fn open(path: &Path) -> io::Result<Self> {
        if path.is_dir() {
            let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
            return Ok(Self::Folder(openat(CWD, path, flags, Mode::empty())?));
        }
        let file = File::open(path)?;
        let members = index(&file)?;
        Ok(Self::Tar(file, members))
    }

    /// Opens a file of the layout by its name in it.
    pub fn file(&self, name: &str) -> io::Result<Box<dyn Read + '_>> {
        match self {
            Self::Folder(folder) => {
                let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
                let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
                let file = File::from(openat2(folder, name, flags, Mode::empty(), resolve)?);
                let is_file = file.metadata()?.is_file();
                if is_file { Ok(Box::new(file)) } else { Err(io::Error::other("it is not a file")) }
            }
            Self::Tar(file, members) => {
                let path = LayerPath::parse(name.as_bytes()).map_err(io::Error::other)?;
                let (offset, size) = members.get(&path).copied().ok_or(io::ErrorKind::NotFound)?;
                let mut file = file;
                file.seek(SeekFrom::Start(offset))?;
                Ok(Box::new(file.take(size)))
            }
        }
    }

    /// Opens a blob.
    pub fn blob(&self, blob: &Blob) -> io::Result<Box<dyn Read + '_>> {
        self.file(&format!("blobs/sha256/{}", blob.sha256))
    }

    /// Reads a small file whole.
    pub fn read(&self, name: &str, most: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.file(name)?.take(most + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > most {
            return Err(io::Error::other(format!("it has more than {most} bytes")));
        }
        Ok(bytes)
    }
}

fn index(file: &File) -> io::Result<BTreeMap<LayerPath, (u64, u64)>> {
    let mut members = BTreeMap::new();
    // A layout has short names, so nothing but the plain headers is looked at.
    for entry in Archive::new(file).entries_with_seek()?.raw(true) {
        let entry = entry?;
        if entry.header().entry_type().is_file() {
            let path = LayerPath::parse(&entry.path_bytes()).map_err(io::Error::other)?;
            members.insert(path, (entry.raw_file_position(), entry.size()));
        }
        if members.len() > MAX_MEMBERS {
            return Err(io::Error::other(format!("it has more than {MAX_MEMBERS} members")));
        }
    }
    Ok(members)
}
