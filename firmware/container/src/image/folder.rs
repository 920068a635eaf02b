//! A dapp as a plain folder: `dapp.toml`, and either `rootfs/` or the static programs that it names.
//!
//! Becomes an image of one layer. Times, owners and the order in which the disk lists files do not show: the
//! same files give the same image anywhere. `/bin/doorbot` in dapp.toml is `rootfs/bin/doorbot`, or without a
//! `rootfs` the file `bin/doorbot` or just `doorbot` in the folder.

use super::{
    Platform,
    digest::HashingWriter,
    elf,
    path::{LayerPath, LayerPathError},
    tar::{ImageTar, layer_name, plain_header},
};
use dapp::{Manifest, ManifestError};
use std::{
    collections::BTreeMap,
    fs::{self, File, Metadata},
    io::{self, Read, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// How much of a program is read to find its headers.
const ELF_BYTES: u64 = 64 * 1024;

/// The files of a dapp's folder that go into its image, by their path inside.
#[derive(Debug)]
pub struct DappFolder {
    members: BTreeMap<LayerPath, Member>,
    layer_bytes: u64,
}

#[derive(Debug)]
enum Member {
    Folder,
    File { source: PathBuf, is_program: bool },
    Symlink { target: PathBuf },
}

/// A folder that cannot become an image.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Not readable.
    #[error("cannot read {path}")]
    Read {
        /// What.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The manifest.
    #[error("{path}: {source}")]
    Manifest {
        /// Where it is.
        path: PathBuf,
        /// What is wrong.
        source: ManifestError,
    },
    /// A program without a name.
    #[error("dapp.toml names no program: a folder without an image needs args in [serve] or [judge]")]
    NoProgram,
    /// A program that is not there.
    #[error("dapp.toml names the program {program}, but there is no such file in {folder}")]
    Missing {
        /// The program.
        program: String,
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// A program that could not run alone.
    #[error(
        "{0} is dynamically linked and would find no libraries: link it statically, or put it with its \
         libraries into rootfs/"
    )]
    Dynamic(PathBuf),
    /// Something that an image cannot hold.
    #[error("{0} is neither a file, a folder nor a symbolic link")]
    Kind(PathBuf),
    /// A path that an image cannot hold.
    #[error(transparent)]
    Path(#[from] LayerPathError),
    /// The image tar.
    #[error("cannot write the image tar")]
    Write(#[source] io::Error),
}

impl DappFolder {
    /// Reads a dapp's folder; tells also the configuration of its image.
    pub fn open(path: &Path) -> Result<(Self, Vec<u8>), FolderError> {
        let toml = path.join("dapp.toml");
        let manifest = Manifest::parse(&fs::read(&toml).map_err(unreadable(&toml))?)
            .map_err(|source| FolderError::Manifest { path: toml, source })?;
        let rootfs = path.join("rootfs");
        let mut members = BTreeMap::new();
        let platform = if rootfs.is_dir() {
            walk(&rootfs, &LayerPath::parse(b".")?, &mut members)?;
            check_programs(&manifest, &rootfs)?
        } else {
            add_programs(&manifest, path, &mut members)?
        };
        let mut folder = Self { members, layer_bytes: 0 };
        let (hash, size) = folder.measure().map_err(unreadable(path))?;
        folder.layer_bytes = size;
        Ok((folder, config(&platform.unwrap_or_else(Platform::host), &hash)))
    }

    /// Adds the layer to an image tar.
    pub fn append_to(&self, tar: &mut ImageTar<impl Write>) -> Result<(), FolderError> {
        let layer = |out: &mut dyn Write| self.write_layer(out);
        tar.append_with(&layer_name(0), self.layer_bytes, layer).map_err(FolderError::Write)
    }

    /// SHA-256 and length of the layer.
    fn measure(&self) -> io::Result<(String, u64)> {
        let mut hashing = HashingWriter::default();
        self.write_layer(&mut hashing)?;
        Ok(hashing.finish())
    }

    fn write_layer(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut tar = tar::Builder::new(out);
        for (path, member) in &self.members {
            member.append_to(&mut tar, path.as_path())?;
        }
        tar.into_inner().map(drop)
    }
}

impl Member {
    fn append_to(&self, tar: &mut tar::Builder<&mut dyn Write>, path: &Path) -> io::Result<()> {
        match self {
            Self::Folder => {
                let mut header = plain_header(0, 0o755);
                header.set_entry_type(tar::EntryType::Directory);
                tar.append_data(&mut header, path, io::empty())
            }
            Self::Symlink { target } => {
                let mut header = plain_header(0, 0o777);
                header.set_entry_type(tar::EntryType::Symlink);
                tar.append_link(&mut header, path, target)
            }
            Self::File { source, is_program } => {
                let file = File::open(source)?;
                let size = file.metadata()?.len();
                let mut header = plain_header(size, if *is_program { 0o755 } else { 0o644 });
                tar.append_data(&mut header, path, file.take(size))
            }
        }
    }
}

/// Takes in all below a folder, without following links.
fn walk(
    folder: &Path,
    inside: &LayerPath,
    members: &mut BTreeMap<LayerPath, Member>,
) -> Result<(), FolderError> {
    for entry in fs::read_dir(folder).map_err(unreadable(folder))? {
        let entry = entry.map_err(unreadable(folder))?;
        let path = entry.path();
        let inside = inside.join(&entry.file_name())?;
        let metadata = entry.metadata().map_err(unreadable(&path))?;
        let member = if metadata.is_dir() {
            walk(&path, &inside, members)?;
            Member::Folder
        } else if metadata.is_symlink() {
            Member::Symlink { target: fs::read_link(&path).map_err(unreadable(&path))? }
        } else if metadata.is_file() {
            Member::File { is_program: is_program(&metadata), source: path }
        } else {
            return Err(FolderError::Kind(path));
        };
        members.insert(inside, member);
    }
    Ok(())
}

/// The programs that the manifest names, as paths inside.
fn programs(manifest: &Manifest) -> impl Iterator<Item = &str> {
    let entries = [&manifest.serve, &manifest.judge].into_iter().flatten();
    entries.filter_map(|entry| entry.args.first()).map(|program| program.trim_start_matches('/'))
}

/// Looks for the manifest's programs in `rootfs`; tells for which machine the first one is.
fn check_programs(manifest: &Manifest, rootfs: &Path) -> Result<Option<Platform>, FolderError> {
    let mut platform = None;
    for program in programs(manifest) {
        let file = rootfs.join(LayerPath::parse(program.as_bytes())?.as_path());
        let metadata = fs::symlink_metadata(&file).map_err(|_| missing(program, rootfs))?;
        if metadata.is_file() {
            platform = platform.or(inspect(&file)?.map(|elf| elf.platform));
        }
    }
    Ok(platform)
}

/// Takes the manifest's programs from the folder itself.
fn add_programs(
    manifest: &Manifest,
    folder: &Path,
    members: &mut BTreeMap<LayerPath, Member>,
) -> Result<Option<Platform>, FolderError> {
    let mut platform = None;
    for program in programs(manifest) {
        let inside = LayerPath::parse(program.as_bytes())?;
        let (parent, name) = inside.split().ok_or(FolderError::NoProgram)?;
        let places = [folder.join(inside.as_path()), folder.join(name)];
        let source = places.into_iter().find(|place| place.is_file());
        let source = source.ok_or_else(|| missing(program, folder))?;
        let elf = inspect(&source)?;
        if elf.as_ref().is_some_and(|elf| elf.is_dynamic) {
            return Err(FolderError::Dynamic(source));
        }
        platform = platform.or(elf.map(|elf| elf.platform));
        members.extend(parent.ancestors().map(|path| (path, Member::Folder)));
        members.insert(inside, Member::File { source, is_program: true });
    }
    if members.is_empty() { Err(FolderError::NoProgram) } else { Ok(platform) }
}

fn inspect(program: &Path) -> Result<Option<elf::Elf>, FolderError> {
    let mut bytes = Vec::new();
    let read = File::open(program).and_then(|file| file.take(ELF_BYTES).read_to_end(&mut bytes));
    read.map_err(unreadable(program))?;
    Ok(elf::inspect(&bytes))
}

fn config(platform: &Platform, diff_id: &str) -> Vec<u8> {
    let mut config = serde_json::json!({
        "architecture": platform.architecture,
        "os": platform.os,
        "config": {},
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{diff_id}")] },
    });
    if !platform.variant.is_empty() {
        config["variant"] = platform.variant.as_str().into();
    }
    // serde_json keeps the keys of a map in order of their names: the same image, the same bytes.
    config.to_string().into_bytes()
}

fn is_program(metadata: &Metadata) -> bool {
    metadata.permissions().mode() & 0o111 != 0
}

fn missing(program: &str, folder: &Path) -> FolderError {
    FolderError::Missing { program: format!("/{program}"), folder: folder.to_owned() }
}

fn unreadable(path: &Path) -> impl Fn(io::Error) -> FolderError {
    let path = path.to_owned();
    move |source| FolderError::Read { path: path.clone(), source }
}
