//! A layer's tar, read as a list of things to do; nothing here touches a disk.
//!
//! The bytes are hostile. Headers that describe the next member (GNU long names, pax records) are read with
//! a limit, which is why the tar crate is used in its raw mode: by itself it would take a name of any
//! length into memory. What a container has no use for is an error that names the path: devices, FIFOs,
//! sparse files, ids beyond the container's own. Set-user-id and set-group-id bits are dropped.
//! Whiteouts are those of the OCI image specification (layer.md, "Whiteouts").

use super::path::{LayerPath, LayerPathError};
use crate::IDS_PER_CONTAINER;
use std::{
    ffi::OsStr,
    io::{self, Read},
    os::unix::ffi::OsStrExt,
};
use tar::{Archive, EntryType, PaxExtensions};

/// The longest header that describes the next member.
const MAX_DESCRIPTION_BYTES: u64 = 64 * 1024;
/// The longest target of a symbolic link.
const MAX_TARGET_BYTES: usize = 4095;

/// One thing that a layer does to the folder under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Where.
    pub path: LayerPath,
    /// What.
    pub what: What,
    /// Permission bits, without set-user-id and set-group-id.
    pub mode: u32,
    /// Owner inside the container.
    pub uid: u32,
    /// Group inside the container.
    pub gid: u32,
    /// Modification time in seconds since 1970.
    pub mtime: u64,
}

/// What a layer does at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A folder is there; an existing one stays and gets new permissions.
    Folder,
    /// A file of this many bytes is there.
    File(u64),
    /// A symbolic link is there; where it leads is nobody's business until something follows it.
    Symlink(Vec<u8>),
    /// Another name for the file at this path.
    HardLink(LayerPath),
    /// What lower layers had at the path is gone.
    Whiteout,
    /// What lower layers had in the folder at the path is gone.
    Opaque,
}

/// A layer that cannot be applied.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// Not a tar, or cut short, or not readable.
    #[error("the layer is not a readable tar")]
    Tar(#[source] io::Error),
    /// A path that leaves the root.
    #[error("in the layer, {0}")]
    Path(#[from] LayerPathError),
    /// A header for the next member that nobody needs.
    #[error("the layer has a header of {0} bytes for one path; at most {MAX_DESCRIPTION_BYTES} are taken")]
    LongHeader(u64),
    /// Something that a container may not have.
    #[error("the layer has {what} at {path}; only folders, files and links are taken")]
    Kind {
        /// Where.
        path: LayerPath,
        /// What.
        what: String,
    },
    /// Owned by somebody who does not exist inside.
    #[error("the layer has {path} owned by {id}; a container's ids end at {}", IDS_PER_CONTAINER - 1)]
    Owner {
        /// Where.
        path: LayerPath,
        /// User or group.
        id: u64,
    },
    /// A link to nowhere, or an overlong one.
    #[error("the layer's link {0} has no usable target")]
    Target(LayerPath),
    /// A whiteout of `.`, `..` or nothing.
    #[error("the layer removes something without a name in {0}")]
    Whiteout(LayerPath),
}

/// What long-name headers and pax records said of the next member.
#[derive(Default)]
struct Said {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    uid: Option<u64>,
    gid: Option<u64>,
    size: Option<u64>,
}

/// Reads a layer and hands each step to `apply`, with the file's bytes where it is a file.
pub fn read<E: From<LayerError>>(
    tar: impl Read,
    mut apply: impl FnMut(Step, &mut dyn Read) -> Result<(), E>,
) -> Result<(), E> {
    let mut archive = Archive::new(tar);
    let mut said = Said::default();
    for entry in archive.entries().map_err(LayerError::Tar)?.raw(true) {
        let mut entry = entry.map_err(LayerError::Tar)?;
        if !said.hear(&mut entry)? {
            let told = std::mem::take(&mut said);
            if let Some(step) = told.step(&entry)? {
                apply(step, &mut entry)?;
            }
        }
    }
    Ok(())
}

impl Said {
    /// Takes in a header about the next member; `false` if the entry is a member itself.
    fn hear<R: Read>(&mut self, entry: &mut tar::Entry<'_, R>) -> Result<bool, LayerError> {
        match entry.header().entry_type() {
            EntryType::GNULongName => self.path = Some(without_nul(description(entry)?)),
            EntryType::GNULongLink => self.link = Some(without_nul(description(entry)?)),
            EntryType::XHeader => self.hear_pax(&description(entry)?)?,
            // About the archive as a whole, such as git's comment; nothing that we use.
            EntryType::XGlobalHeader => drop(description(entry)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn hear_pax(&mut self, records: &[u8]) -> Result<(), LayerError> {
        for record in PaxExtensions::new(records) {
            let record = record.map_err(LayerError::Tar)?;
            let number = || record.value().ok().and_then(|text| text.parse().ok());
            match record.key_bytes() {
                b"path" => self.path = Some(record.value_bytes().to_vec()),
                b"linkpath" => self.link = Some(record.value_bytes().to_vec()),
                b"uid" => self.uid = Some(number().unwrap_or(u64::MAX)),
                b"gid" => self.gid = Some(number().unwrap_or(u64::MAX)),
                b"size" => self.size = Some(number().unwrap_or(u64::MAX)),
                _ => {}
            }
        }
        Ok(())
    }

    fn step<R: Read>(self, entry: &tar::Entry<'_, R>) -> Result<Option<Step>, LayerError> {
        let header = entry.header();
        let path = LayerPath::parse(self.path.as_deref().unwrap_or(&header.path_bytes()))?;
        if let Some(whiteout) = whiteout(&path)? {
            return Ok(whiteout);
        }
        let own_size = header.entry_size().map_err(LayerError::Tar)?;
        let what = self.what(entry.header(), &path, own_size)?;
        let id = |said: Option<u64>, own: io::Result<u64>| owner(&path, said.map_or(own, Ok));
        let (uid, gid) = (id(self.uid, header.uid())?, id(self.gid, header.gid())?);
        let kept = if what == What::Folder { 0o1777 } else { 0o777 };
        let mode = header.mode().map_err(LayerError::Tar)? & kept;
        let mtime = header.mtime().unwrap_or(0);
        Ok(Some(Step { path, what, mode, uid, gid, mtime }))
    }

    fn what(&self, header: &tar::Header, path: &LayerPath, own_size: u64) -> Result<What, LayerError> {
        let target = || self.link.clone().or_else(|| header.link_name_bytes().map(|name| name.to_vec()));
        let kind = header.entry_type();
        match kind {
            EntryType::Directory => Ok(What::Folder),
            // Old tars write a folder as a file whose name ends in a slash.
            EntryType::Regular if self.ends_in_slash(header) => Ok(What::Folder),
            EntryType::Regular | EntryType::Continuous if self.size.is_none_or(|size| size == own_size) => {
                Ok(What::File(own_size))
            }
            EntryType::Symlink => match target() {
                Some(to) if !to.is_empty() && to.len() <= MAX_TARGET_BYTES && !to.contains(&0) => {
                    Ok(What::Symlink(to))
                }
                _ => Err(LayerError::Target(path.clone())),
            },
            EntryType::Link => {
                let to = LayerPath::parse(&target().ok_or_else(|| LayerError::Target(path.clone()))?)?;
                if to.split().is_none() {
                    Err(LayerError::Target(path.clone()))
                } else {
                    Ok(What::HardLink(to))
                }
            }
            _ => Err(LayerError::Kind { path: path.clone(), what: named(kind) }),
        }
    }

    fn ends_in_slash(&self, header: &tar::Header) -> bool {
        self.path.as_deref().unwrap_or(&header.path_bytes()).ends_with(b"/")
    }
}

fn named(kind: EntryType) -> String {
    match kind {
        EntryType::Char | EntryType::Block => "a device".into(),
        EntryType::Fifo => "a FIFO".into(),
        EntryType::GNUSparse => "a sparse file".into(),
        EntryType::Regular | EntryType::Continuous => "a file with two sizes".into(),
        other => format!("something of tar's type {:?}", char::from(other.as_byte())),
    }
}

/// `Some(None)` is a marker that means nothing here.
fn whiteout(path: &LayerPath) -> Result<Option<Option<Step>>, LayerError> {
    let Some((parent, name)) = path.split() else { return Ok(None) };
    let Some(hidden) = name.as_bytes().strip_prefix(b".wh.") else { return Ok(None) };
    let (path, what) = match hidden {
        b".wh..opq" => (parent, What::Opaque),
        // Bookkeeping of aufs, which no other system reads.
        _ if hidden.starts_with(b".wh.") => return Ok(Some(None)),
        b"" | b"." | b".." => return Err(LayerError::Whiteout(parent)),
        _ => (parent.join(OsStr::from_bytes(hidden))?, What::Whiteout),
    };
    Ok(Some(Some(Step { path, what, mode: 0, uid: 0, gid: 0, mtime: 0 })))
}

fn owner(path: &LayerPath, id: io::Result<u64>) -> Result<u32, LayerError> {
    let id = id.map_err(LayerError::Tar)?;
    let small = u32::try_from(id).ok().filter(|id| *id < IDS_PER_CONTAINER);
    small.ok_or_else(|| LayerError::Owner { path: path.clone(), id })
}

fn description<R: Read>(entry: &mut tar::Entry<'_, R>) -> Result<Vec<u8>, LayerError> {
    if entry.size() > MAX_DESCRIPTION_BYTES {
        return Err(LayerError::LongHeader(entry.size()));
    }
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes).map_err(LayerError::Tar)?;
    Ok(bytes)
}

fn without_nul(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.last() == Some(&0) {
        bytes.pop();
    }
    bytes
}
