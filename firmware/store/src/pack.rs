//! Packs: the files that hold git objects, made by gix-pack and put on the disk by us.
//!
//! gix-pack neither syncs nor chooses an order that survives a power cut; [`write`] does: the pack is written
//! and synced, its index is made by reading the pack *back* (each object is inflated, deltas resolved, and
//! its id computed), written and synced, then both take their names, pack first, and the folder is synced.
//! A pack without an index is invisible to git, so a crash leaves a whole pack or litter, which [`sweep`] removes.

use crate::disk::{Disk, DiskError, DiskFile, Doing};
use gix_pack::data::{
    File, Version,
    input::{BytesToEntriesIter, EntryDataMode, Mode},
    output,
};
use std::{
    collections::HashSet,
    io::{self, BufReader, Read, Write},
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

/// The hash of all objects.
pub(crate) const HASH: gix::hash::Kind = gix::hash::Kind::Sha256;
/// Names that git's own tools take for unfinished packs.
const UNFINISHED: &str = "tmp_";
const BUFFER_BYTES: usize = 64 * 1024;

/// Any error of gix.
pub(crate) type GixError = gix::error::Error;

/// A pack that cannot be made or read.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// The disk failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// gix-pack could not make the pack.
    #[error("cannot make a pack of new objects")]
    Make(#[source] GixError),
    /// What was read back is not what was written.
    #[error("the pack {} cannot be read back", path.display())]
    ReadBack {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: GixError,
    },
    /// A pack on the disk is damaged.
    #[error("pack {} is damaged at byte {offset}; it was left as it is", path.display())]
    Damaged {
        /// The pack.
        path: PathBuf,
        /// Where the damaged entry begins.
        offset: u64,
    },
    /// A pack on the disk, or its index, cannot be opened.
    #[error("cannot open pack {}", path.display())]
    Open {
        /// The pack.
        path: PathBuf,
        /// Why.
        source: GixError,
    },
}

impl PackError {
    /// Whether the disk has no room left.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Disk(error) if error.is_full())
    }
}

/// Writes one pack of `count` entries and its index into `folder`; durable on return. Gives the pack's path.
pub(crate) fn write<I>(disk: &dyn Disk, folder: &Path, count: u32, entries: I) -> Result<PathBuf, PackError>
where
    I: Iterator<Item = gix::error::Result<Vec<output::Entry>>>,
{
    let (pack, index) = (folder.join(format!("{UNFINISHED}pack")), folder.join(format!("{UNFINISHED}idx")));
    let written = write_data(disk, &pack, count, entries)
        .and_then(|name| write_index(disk, &pack, &index).map(|()| name))
        .and_then(|name| place(disk, folder, &pack, &index, &name));
    if written.is_err() {
        let _ = (disk.remove(&index), disk.remove(&pack)); // litter; `sweep` removes what stays
    }
    written
}

fn write_data<I>(disk: &dyn Disk, path: &Path, count: u32, entries: I) -> Result<String, PackError>
where
    I: Iterator<Item = gix::error::Result<Vec<output::Entry>>>,
{
    let mut out = FileWriter::make(disk, path)?;
    let mut bytes = output::bytes::FromEntriesIter::new(entries, &mut out, count, Version::V2, HASH);
    let made = bytes.by_ref().try_for_each(|written| written.map(drop));
    let digest = bytes.digest();
    drop(bytes);
    out.finish(made.map_err(PackError::Make))?;
    Ok(digest.expect("because an iteration that came to its end has hashed the pack").to_string())
}

fn write_index(disk: &dyn Disk, pack: &Path, path: &Path) -> Result<(), PackError> {
    let wrong = |source| PackError::ReadBack { path: pack.to_path_buf(), source };
    let file = disk.open(pack, false).doing("open", pack)?;
    let reader = BufReader::with_capacity(BUFFER_BYTES, FileReader { file, offset: 0 });
    let mut entries = BytesToEntriesIter::new_from_header(reader, Mode::Verify, EntryDataMode::Crc32, HASH)
        .map_err(wrong)?;
    let data = File::at(pack, HASH).map_err(wrong)?;
    let mut out = FileWriter::make(disk, path)?;
    let made = gix_pack::index::write_data_iter_to_stream(
        gix_pack::index::Version::V2,
        move || Ok((entry_bytes, data)),
        &mut entries,
        Some(1),
        &mut gix::progress::Discard,
        &mut out,
        &AtomicBool::new(false),
        HASH,
        None,
        Version::V2,
    );
    out.finish(made.map(drop).map_err(wrong))
}

fn entry_bytes(range: std::ops::Range<u64>, data: &File) -> Option<&[u8]> {
    data.entry_slice(range)
}

fn place(
    disk: &dyn Disk,
    folder: &Path,
    pack: &Path,
    index: &Path,
    name: &str,
) -> Result<PathBuf, PackError> {
    let path = folder.join(format!("pack-{name}.pack"));
    disk.rename(pack, &path).doing("name", &path)?;
    let index_path = path.with_extension("idx");
    disk.rename(index, &index_path).doing("name", &index_path)?;
    disk.sync_dir(folder).doing("sync", folder)?;
    Ok(path)
}

/// The packs in `folder` that have an index.
pub(crate) fn list(disk: &dyn Disk, folder: &Path) -> Result<Vec<PathBuf>, DiskError> {
    let files: HashSet<PathBuf> = disk.list(folder).doing("list", folder)?.into_iter().collect();
    let mut packs: Vec<PathBuf> = files
        .iter()
        .filter(|path| has_extension(path, "pack") && files.contains(&path.with_extension("idx")))
        .cloned()
        .collect();
    packs.sort();
    Ok(packs)
}

/// Removes what a crash left: unfinished files, packs without index, indexes without pack.
pub(crate) fn sweep(disk: &dyn Disk, folder: &Path) -> Result<(), DiskError> {
    let files = disk.list(folder).doing("list", folder)?;
    for path in &files {
        let unfinished = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(UNFINISHED));
        let alone = |ours, other| has_extension(path, ours) && !files.contains(&path.with_extension(other));
        if unfinished || alone("pack", "idx") || alone("idx", "pack") {
            disk.remove(path).doing("remove", path)?;
        }
    }
    disk.sync_dir(folder).doing("sync", folder)
}

/// Removes a pack that another one has made superfluous; its index goes first.
pub(crate) fn remove(disk: &dyn Disk, pack: &Path) -> Result<(), DiskError> {
    for extension in ["idx", "rev", "pack"] {
        let path = pack.with_extension(extension);
        if disk.exists(&path) {
            disk.remove(&path).doing("remove", &path)?;
        }
    }
    Ok(())
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found == extension)
}

/// Writes a file of our disk port from begin to end, and remembers its error, which gix would wrap.
struct FileWriter {
    path: PathBuf,
    file: Box<dyn DiskFile>,
    offset: u64,
    buffer: Vec<u8>,
    failed: Option<io::Error>,
}

impl FileWriter {
    fn make(disk: &dyn Disk, path: &Path) -> Result<Self, DiskError> {
        let file = disk.open(path, true).doing("make", path)?;
        file.set_len(0).doing("empty", path)?;
        let buffer = Vec::with_capacity(BUFFER_BYTES);
        Ok(Self { path: path.to_path_buf(), file, offset: 0, buffer, failed: None })
    }

    /// The disk's error if there was one, else the maker's; else the file is written and synced.
    fn finish(mut self, made: Result<(), PackError>) -> Result<(), PackError> {
        if let Some(error) = self.failed.take() {
            return Err(DiskError { doing: "write", path: self.path, source: error }.into());
        }
        made?;
        self.write_buffer().doing("write", &self.path)?;
        Ok(self.file.sync().doing("sync", &self.path)?)
    }

    fn write_buffer(&mut self) -> io::Result<()> {
        self.file.write_all_at(&self.buffer, self.offset)?;
        self.offset += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

impl Write for FileWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() + bytes.len() > BUFFER_BYTES
            && let Err(error) = self.write_buffer()
        {
            let kind = error.kind();
            self.failed = Some(error);
            return Err(kind.into());
        }
        self.buffer.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads a file of our disk port from begin to end.
struct FileReader {
    file: Box<dyn DiskFile>,
    offset: u64,
}

impl Read for FileReader {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let left = self.file.len()?.saturating_sub(self.offset);
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        self.file.read_exact_at(&mut bytes[..count], self.offset)?;
        self.offset += count as u64;
        Ok(count)
    }
}
