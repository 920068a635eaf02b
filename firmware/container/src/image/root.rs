//! A root folder that is being filled, and from which no path of an image leads out.
//!
//! Every path is resolved by the kernel with `RESOLVE_IN_ROOT`: a symbolic link that the image itself holds
//! is followed as the container would follow it, absolute ones and `..` included, and ends inside. The last
//! name is never followed. Needs Linux 5.6 (openat2).

use super::{layer::Step, layer::What, path::LayerPath};
use crate::IDS_PER_CONTAINER;
use rustix::{
    fs::{
        AtFlags, FileType, Gid, Mode, OFlags, ResolveFlags, Timespec, Timestamps, Uid, chownat, fchmod,
        fchown, linkat, mkdirat, openat, openat2, statat, symlinkat, unlinkat, utimensat,
    },
    io::Errno,
};
use std::{
    collections::HashSet,
    ffi::OsStr,
    fs::File,
    io::{self, Read},
    os::fd::{AsRawFd, OwnedFd},
    path::Path,
};

/// What people expect to be there for mounting on, whether or not the image has it.
const MOUNT_POINTS: [&str; 4] = ["dev", "proc", "run", "tmp"];

/// An open root folder.
#[derive(Debug)]
pub struct Root {
    folder: OwnedFd,
    uid_base: u32,
}

impl Root {
    /// Opens an existing, empty folder and gives it to the container's user 0.
    pub fn new(path: &Path, uid_base: u32) -> io::Result<Self> {
        let folder = openat(rustix::fs::CWD, path, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let root = Self { folder, uid_base };
        root.own(&root.folder, 0, 0)?;
        fchmod(&root.folder, Mode::from_raw_mode(0o755))?;
        Ok(root)
    }

    /// Does one step of a layer. `fresh` holds the paths that this layer has made so far: an opaque marker
    /// spares them.
    pub fn apply(&self, step: &Step, content: &mut dyn Read, fresh: &HashSet<LayerPath>) -> io::Result<()> {
        match &step.what {
            What::Opaque => return self.clear(&step.path, fresh),
            What::Whiteout => return self.remove_at(&step.path),
            _ => {}
        }
        let Some((parent, name)) = step.path.split() else { return self.settle(&self.folder, step) };
        let parent = self.open_or_make(&parent)?;
        match &step.what {
            What::Folder => self.make_folder(&parent, name, step),
            What::File(size) => self.make_file(&parent, name, step, &mut content.take(*size), *size),
            What::Symlink(target) => self.make_symlink(&parent, name, step, target),
            What::HardLink(target) => self.make_link(&parent, name, target),
            What::Opaque | What::Whiteout => Ok(()),
        }
    }

    /// Makes the folders that every container mounts on, unless the image has something there.
    pub fn add_mount_points(&self) -> io::Result<()> {
        for name in MOUNT_POINTS.map(OsStr::new) {
            match mkdirat(&self.folder, name, Mode::from_raw_mode(0o755)) {
                Ok(()) => self.own_at(&self.folder, name, 0, 0)?,
                Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn open(&self, path: &LayerPath) -> Result<OwnedFd, Errno> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV;
        openat2(&self.folder, path.as_path(), flags, Mode::empty(), resolve)
    }

    /// Opens a folder, making what is missing of it: layers may leave parents out.
    fn open_or_make(&self, path: &LayerPath) -> io::Result<OwnedFd> {
        match self.open(path) {
            Err(Errno::NOENT) => {}
            done => return Ok(done?),
        }
        for part in path.ancestors() {
            if self.open(&part).is_err_and(|error| error == Errno::NOENT) {
                let (above, name) = part.split().ok_or(Errno::NOENT)?;
                let above = self.open(&above)?;
                mkdirat(&above, name, Mode::from_raw_mode(0o755))?;
                self.own_at(&above, name, 0, 0)?;
            }
        }
        Ok(self.open(path)?)
    }

    fn make_folder(&self, parent: &OwnedFd, name: &OsStr, step: &Step) -> io::Result<()> {
        if kind_at(parent, name)? != Some(FileType::Directory) {
            remove(parent, name)?;
            mkdirat(parent, name, Mode::from_raw_mode(0o700))?;
        }
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        self.settle(&openat(parent, name, flags, Mode::empty())?, step)
    }

    fn make_file(
        &self,
        parent: &OwnedFd,
        name: &OsStr,
        step: &Step,
        content: &mut dyn Read,
        size: u64,
    ) -> io::Result<()> {
        remove(parent, name)?;
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(openat(parent, name, flags, Mode::from_raw_mode(0o600))?);
        if io::copy(content, &mut file)? != size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let file = OwnedFd::from(file);
        self.settle(&file, step)?;
        Ok(rustix::fs::futimens(&file, &times(step))?)
    }

    fn make_symlink(&self, parent: &OwnedFd, name: &OsStr, step: &Step, target: &[u8]) -> io::Result<()> {
        remove(parent, name)?;
        symlinkat(target, parent, name)?;
        self.own_at(parent, name, step.uid, step.gid)?;
        Ok(utimensat(parent, name, &times(step), AtFlags::SYMLINK_NOFOLLOW)?)
    }

    fn make_link(&self, parent: &OwnedFd, name: &OsStr, target: &LayerPath) -> io::Result<()> {
        let (target_parent, target_name) = target.split().ok_or(Errno::INVAL)?;
        let target_parent = self.open(&target_parent)?;
        let own = statat(&target_parent, target_name, AtFlags::SYMLINK_NOFOLLOW)?;
        let there = statat(parent, name, AtFlags::SYMLINK_NOFOLLOW);
        if there.is_ok_and(|there| (there.st_dev, there.st_ino) == (own.st_dev, own.st_ino)) {
            return Ok(());
        }
        remove(parent, name)?;
        // Without AT_SYMLINK_FOLLOW a link to a symbolic link is a link to itself, not to where it leads.
        Ok(linkat(&target_parent, target_name, parent, name, AtFlags::empty())?)
    }

    fn remove_at(&self, path: &LayerPath) -> io::Result<()> {
        let Some((parent, name)) = path.split() else { return Ok(()) };
        match self.open(&parent) {
            Ok(parent) => remove(&parent, name),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes what is in a folder, except for what this layer has put there.
    fn clear(&self, path: &LayerPath, fresh: &HashSet<LayerPath>) -> io::Result<()> {
        let folder = match self.open(path) {
            Ok(folder) => folder,
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        for entry in std::fs::read_dir(through(&folder))? {
            let entry = entry?;
            let child = path.join(&entry.file_name()).map_err(io::Error::other)?;
            if !fresh.contains(&child) {
                remove(&folder, &entry.file_name())?;
            } else if entry.file_type()?.is_dir() {
                self.clear(&child, fresh)?;
            }
        }
        Ok(())
    }

    fn settle(&self, open: &OwnedFd, step: &Step) -> io::Result<()> {
        // Owner first: changing it may clear bits of the mode.
        self.own(open, step.uid, step.gid)?;
        Ok(fchmod(open, Mode::from_raw_mode(step.mode))?)
    }

    fn own(&self, open: &OwnedFd, uid: u32, gid: u32) -> io::Result<()> {
        let (uid, gid) = self.ids(uid, gid);
        Ok(fchown(open, uid, gid)?)
    }

    fn own_at(&self, parent: &OwnedFd, name: &OsStr, uid: u32, gid: u32) -> io::Result<()> {
        let (uid, gid) = self.ids(uid, gid);
        Ok(chownat(parent, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW)?)
    }

    fn ids(&self, uid: u32, gid: u32) -> (Option<Uid>, Option<Gid>) {
        debug_assert!(uid < IDS_PER_CONTAINER && gid < IDS_PER_CONTAINER, "layer.rs lets no other through");
        (Some(Uid::from_raw(self.uid_base + uid)), Some(Gid::from_raw(self.uid_base + gid)))
    }
}

/// Opens a file of a finished root for reading, as the container would find it.
pub fn open_file(root: &Path, path: &Path) -> io::Result<File> {
    let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = openat(rustix::fs::CWD, root, flags, Mode::empty())?;
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV;
    Ok(openat2(folder, path, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK, Mode::empty(), resolve)?
        .into())
}

fn times(step: &Step) -> Timestamps {
    // Beyond what 32-bit file systems can say, a time is nothing that a program needs.
    let at = Timespec { tv_sec: i64::from(i32::try_from(step.mtime).unwrap_or(0)), tv_nsec: 0 };
    Timestamps { last_access: at, last_modification: at }
}

fn kind_at(parent: &OwnedFd, name: &OsStr) -> Result<Option<FileType>, Errno> {
    match statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(FileType::from_raw_mode(stat.st_mode))),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Removes whatever has this name, with all below it; following nothing.
fn remove(parent: &OwnedFd, name: &OsStr) -> io::Result<()> {
    match kind_at(parent, name)? {
        None => Ok(()),
        // The standard library walks by descriptors and does not follow links on the way.
        Some(FileType::Directory) => std::fs::remove_dir_all(through(parent).join(name)),
        Some(_) => Ok(unlinkat(parent, name, AtFlags::empty())?),
    }
}

/// The folder of an open descriptor, for calls that want a path.
fn through(folder: &OwnedFd) -> std::path::PathBuf {
    format!("/proc/self/fd/{}", folder.as_raw_fd()).into()
}
