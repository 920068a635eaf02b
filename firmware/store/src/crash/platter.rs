//! What lies on the disk itself and what still waits to be written, and what a power cut makes of the two.

use super::{Content, Node, Operation};
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

/// What a disk writes whole or not at all, in bytes.
const SECTOR: usize = 512;

/// A change of a file that was not synced yet.
#[derive(Clone)]
enum Change {
    Write(u64, Vec<u8>),
    SetLen(u64),
}

#[derive(Clone, Default)]
struct File {
    durable: Vec<u8>,
    waiting: Vec<Change>,
}

/// A change of names that was not synced yet.
#[derive(Clone)]
enum Naming {
    Folder(PathBuf),
    Name(PathBuf, Node),
    Rename(PathBuf, PathBuf, Node),
    Remove(PathBuf),
}

impl Naming {
    /// Whose sync makes it durable.
    fn folder(&self) -> Option<&Path> {
        match self {
            Self::Folder(path) | Self::Name(path, _) | Self::Rename(_, path, _) | Self::Remove(path) => {
                path.parent()
            }
        }
    }
}

/// `None` is a folder.
type Names = BTreeMap<PathBuf, Option<Node>>;

pub(super) struct Platter {
    files: Vec<File>,
    names: Names,
    waiting: Vec<Naming>,
}

impl Platter {
    pub(super) fn new(nodes: usize) -> Self {
        Self { files: vec![File::default(); nodes], names: Names::new(), waiting: Vec::new() }
    }

    /// Something that was there and synced before all operations.
    pub(super) fn place(&mut self, path: &Path, file: Option<Content>) {
        self.names.insert(path.to_path_buf(), file.as_ref().map(|(node, _)| *node));
        if let Some((node, bytes)) = file {
            self.files[node].durable = bytes;
        }
    }

    pub(super) fn apply(&mut self, operation: &Operation) {
        match operation.clone() {
            Operation::MakeFolder(path) => self.waiting.push(Naming::Folder(path)),
            Operation::Make(path, node) => self.waiting.push(Naming::Name(path, node)),
            Operation::Rename(from, to, node) => self.waiting.push(Naming::Rename(from, to, node)),
            Operation::Remove(path) => self.waiting.push(Naming::Remove(path)),
            Operation::Write(node, offset, bytes) => {
                self.files[node].waiting.push(Change::Write(offset, bytes));
            }
            Operation::SetLen(node, len) => self.files[node].waiting.push(Change::SetLen(len)),
            Operation::Sync(node) => {
                let file = &mut self.files[node];
                for change in std::mem::take(&mut file.waiting) {
                    keep(&mut file.durable, &change);
                }
            }
            Operation::SyncFolder(folder) => {
                let (synced, waiting) =
                    std::mem::take(&mut self.waiting).into_iter().partition(|n| n.folder() == Some(&folder));
                self.waiting = waiting;
                let synced: Vec<Naming> = synced;
                synced.iter().for_each(|naming| rename(&mut self.names, naming));
            }
        }
    }

    /// Decides by the seed what of the waiting is kept, and writes it all into a folder.
    pub(super) fn write_out(mut self, seed: u64, into: &Path) -> io::Result<()> {
        let mut lots = Lots(seed);
        // Some file systems keep their order (a journal), others do not: half of the seeds for each.
        let in_order = seed % 2 == 1;
        let kept = lots.below(self.waiting.len() as u64 + 1) as usize;
        for (index, naming) in self.waiting.iter().enumerate() {
            let keep = match seed {
                0 => false,
                1 => true,
                _ if in_order => index < kept,
                _ => lots.below(2) == 0,
            };
            if keep {
                rename(&mut self.names, naming);
            }
        }
        for (path, node) in &self.names {
            let has_folder = path.parent().is_none_or(|p| p.as_os_str().is_empty() || into.join(p).is_dir());
            match node {
                _ if !has_folder => {}
                None => fs::create_dir_all(into.join(path))?,
                Some(node) => fs::write(into.join(path), self.files[*node].cut(seed, &mut lots))?,
            }
        }
        Ok(())
    }
}

impl File {
    /// The content after the power cut.
    fn cut(&self, seed: u64, lots: &mut Lots) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        for change in &self.waiting {
            match (seed, change) {
                (0, _) => {}
                (1, change) => keep(&mut bytes, change),
                (_, Change::SetLen(_)) if lots.below(2) == 0 => keep(&mut bytes, change),
                (_, Change::SetLen(_)) => {}
                (_, Change::Write(offset, written)) => match lots.below(3) {
                    0 => {}
                    1 => keep(&mut bytes, change),
                    _ => tear(&mut bytes, *offset, written, lots),
                },
            }
        }
        bytes
    }
}

/// Keeps some sectors of a write; sectors are those of the disk, so a write may begin within one.
fn tear(bytes: &mut Vec<u8>, offset: u64, written: &[u8], lots: &mut Lots) {
    let mut at = 0;
    while at < written.len() {
        let left_in_sector = SECTOR - (offset as usize + at) % SECTOR;
        let end = (at + left_in_sector).min(written.len());
        if lots.below(2) == 0 {
            keep(bytes, &Change::Write(offset + at as u64, written[at..end].to_vec()));
        }
        at = end;
    }
}

fn keep(bytes: &mut Vec<u8>, change: &Change) {
    match change {
        Change::SetLen(len) => bytes.resize(*len as usize, 0),
        Change::Write(offset, written) => {
            let (begin, end) = (*offset as usize, *offset as usize + written.len());
            if bytes.len() < end {
                bytes.resize(end, 0);
            }
            bytes[begin..end].copy_from_slice(written);
        }
    }
}

fn rename(names: &mut Names, naming: &Naming) {
    match naming {
        Naming::Folder(path) => drop(names.insert(path.clone(), None)),
        Naming::Name(path, node) => drop(names.insert(path.clone(), Some(*node))),
        Naming::Remove(path) => drop(names.remove(path)),
        Naming::Rename(from, to, node) => {
            if names.get(from) == Some(&Some(*node)) {
                names.remove(from);
            }
            names.insert(to.clone(), Some(*node));
        }
    }
}

/// Lots drawn from a seed (SplitMix64, Steele, Lea and Flood 2014).
pub(super) struct Lots(u64);

impl Lots {
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }
}
