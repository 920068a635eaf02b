//! What the helper lays out for libcontainer before it makes the container.
//!
//! The helper takes a mount namespace of its own and mounts a small tmpfs there. Everything that the container
//! shall see is bound below it: user 0 of the container is nobody in particular on the host and could not
//! walk through a private home folder to its root. Granted devices are fresh nodes owned by the container's
//! user, so that the host's nodes keep their owner. libcontainer's state lies there too. All of it is gone
//! when the helper is, however it ends; there is nothing to clean up.

use crate::{Bind, DeviceNode, Spec};
use nix::sched::{CloneFlags, unshare};
use rustix::{
    fs::{AtFlags, CWD, FileType, Gid, Mode, OFlags, Uid, chownat, fstat, mknodat, open},
    mount::{MountFlags, MountPropagationFlags, mount, mount_bind, mount_bind_recursive, mount_change},
};
use std::{
    fs::{self, DirBuilder, File},
    io,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::fs::DirBuilderExt,
    },
    path::{Path, PathBuf},
};

/// Where the tmpfs goes; every helper sees its own there.
const FOLDER: &str = "/run/ledger-container";

/// What was laid out, by paths that the container's user can reach.
#[derive(Debug)]
pub struct Stage {
    /// The root folder.
    pub root: PathBuf,
    /// The sources of [`Spec::mounts`], in the same order.
    pub binds: Vec<PathBuf>,
    /// The granted devices, in the order of [`Spec::devices`].
    pub devices: Vec<Device>,
}

/// A device node made for the container.
#[derive(Debug)]
pub struct Device {
    /// Where it lies.
    pub path: PathBuf,
    /// Its driver.
    pub major: u32,
    /// Its number there.
    pub minor: u32,
}

/// What could not be laid out.
#[derive(Debug, thiserror::Error)]
#[error("cannot {what} {path}")]
pub struct StageError {
    what: &'static str,
    path: String,
    source: io::Error,
}

impl Stage {
    /// Lays out what the order names. The process must have one thread.
    pub fn set(spec: &Spec) -> Result<Self, StageError> {
        let private = || -> io::Result<()> {
            unshare(CloneFlags::CLONE_NEWNS)?;
            Ok(mount_change("/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)?)
        };
        private().map_err(failed("take a mount namespace for", Path::new("the helper")))?;
        // Opened before the tmpfs covers anything.
        let root = look_at(&spec.root)?;
        let binds: Vec<_> = spec.mounts.iter().map(|bind| look_at(&bind.source)).collect::<Result<_, _>>()?;
        let devices: Vec<_> =
            spec.devices.iter().map(|dev| look_at(&dev.source)).collect::<Result<_, _>>()?;
        make_tmpfs().map_err(failed("mount a tmpfs at", Path::new(FOLDER)))?;
        let binds = binds.iter().zip(&spec.mounts).enumerate();
        let devices = devices.iter().zip(&spec.devices).enumerate();
        Ok(Self {
            root: bind_root(&root).map_err(failed("bind", &spec.root))?,
            binds: binds.map(|(n, (fd, bind))| bind_one(n, fd, bind)).collect::<Result<_, _>>()?,
            devices: devices.map(|(n, (fd, dev))| make_device(n, fd, dev, spec)).collect::<Result<_, _>>()?,
        })
    }

    /// The file that says that a container of this cgroup has a helper, on the host.
    pub fn lock(cgroup: &Path) -> io::Result<File> {
        DirBuilder::new().recursive(true).mode(0o711).create(FOLDER)?;
        let name = cgroup.to_string_lossy().replace('/', "!");
        File::create(Path::new(FOLDER).join(name))
    }

    /// Where libcontainer finds `config.json`.
    pub fn bundle() -> &'static Path {
        Path::new("/run/ledger-container/bundle")
    }

    /// Where libcontainer keeps its state.
    pub fn state() -> &'static Path {
        Path::new("/run/ledger-container/state")
    }
}

fn look_at(path: &Path) -> Result<OwnedFd, StageError> {
    open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
        .map_err(|error| failed("open", path)(error.into()))
}

fn make_tmpfs() -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o711).create(FOLDER)?;
    let flags = MountFlags::NOSUID | MountFlags::NOEXEC;
    mount("ledger", FOLDER, "tmpfs", flags, Some(c"mode=0711,size=4m"))?;
    for folder in ["bundle", "state", "binds", "devices"] {
        DirBuilder::new().mode(0o711).create(Path::new(FOLDER).join(folder))?;
    }
    Ok(())
}

fn bind_root(root: &OwnedFd) -> io::Result<PathBuf> {
    let target = Path::new(FOLDER).join("root");
    fs::create_dir(&target)?;
    mount_bind_recursive(through(root), &target)?;
    Ok(target)
}

fn bind_one(number: usize, source: &OwnedFd, bind: &Bind) -> Result<PathBuf, StageError> {
    let target = Path::new(FOLDER).join("binds").join(number.to_string());
    let place = || -> io::Result<()> {
        if FileType::from_raw_mode(fstat(source)?.st_mode) == FileType::Directory {
            fs::create_dir(&target)?;
        } else {
            File::create(&target)?;
        }
        Ok(mount_bind(through(source), &target)?)
    };
    place().map_err(failed("bind", &bind.source))?;
    Ok(target)
}

fn make_device(n: usize, source: &OwnedFd, device: &DeviceNode, spec: &Spec) -> Result<Device, StageError> {
    let path = Path::new(FOLDER).join("devices").join(n.to_string());
    let make = || -> io::Result<u64> {
        let stat = fstat(source)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::CharacterDevice {
            return Err(io::Error::other("it is not a character device"));
        }
        mknodat(CWD, &path, FileType::CharacterDevice, Mode::from_raw_mode(0o600), stat.st_rdev)?;
        let uid = Uid::from_raw(spec.uid_base + spec.user.uid);
        let gid = Gid::from_raw(spec.uid_base + spec.user.gid);
        chownat(CWD, &path, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(stat.st_rdev)
    };
    let rdev = make().map_err(failed("grant the device", &device.source))?;
    Ok(Device { major: rustix::fs::major(rdev), minor: rustix::fs::minor(rdev), path })
}

fn through(fd: &OwnedFd) -> String {
    format!("/proc/self/fd/{}", fd.as_raw_fd())
}

fn failed(what: &'static str, path: &Path) -> impl Fn(io::Error) -> StageError {
    let path = path.display().to_string();
    move |source| StageError { what, path: path.clone(), source }
}
