//! What may run, where, and within which limits: the agent's order to the helper, as one line of JSON.
//!
//! It holds choices only. What every container gets without being asked (a read-only root, namespaces of its
//! own, no capability, seccomp) is not a field and so cannot be left out; `runtime.rs` adds it.
//! [`Spec::check`] refuses what could not be run or would point outside the container.

use model::Name;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    path::{Component, Path, PathBuf},
};

/// How many user and group ids each container has to itself, from its `uid_base` on.
pub const IDS_PER_CONTAINER: u32 = 65_536;

/// An order to run one container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The container's name: its host name and its cgroup's. A second one of the name replaces the first.
    pub name: Name,
    /// The unpacked root folder, its files owned from `uid_base` on.
    pub root: PathBuf,
    /// The program, absolute or found in PATH, and its arguments.
    pub args: Vec<String>,
    /// The whole environment. `PATH` is added if missing.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// The working folder inside.
    #[serde(default = "slash")]
    pub cwd: PathBuf,
    /// Who runs it, as seen inside.
    #[serde(default)]
    pub user: User,
    /// User 0 inside is this user outside; likewise for groups.
    pub uid_base: u32,
    /// What it may use up.
    #[serde(default)]
    pub limits: Limits,
    /// Folders and files of the host that it sees.
    #[serde(default)]
    pub mounts: Vec<Bind>,
    /// Devices of the host that it may open, beside null, zero, full, random, urandom and tty.
    #[serde(default)]
    pub devices: Vec<DeviceNode>,
    /// Which network it has.
    #[serde(default)]
    pub network: Network,
    /// How long it may take to end after SIGTERM before it is killed.
    #[serde(default = "Spec::default_stop_timeout_ms")]
    pub stop_timeout_ms: u64,
    /// Kill it when it has run this long.
    #[serde(default)]
    pub deadline_ms: Option<u64>,
    /// The cgroup under which the container's own is made, from the root of the hierarchy.
    #[serde(default = "Spec::default_cgroup_parent")]
    pub cgroup_parent: PathBuf,
}

/// User and group inside the container.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// User id, below [`IDS_PER_CONTAINER`].
    pub uid: u32,
    /// Group id, below [`IDS_PER_CONTAINER`].
    pub gid: u32,
}

/// What a container may use up. `None` is no limit; a limit that the machine cannot enforce is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Memory with swap, file cache and its temporary files, in MiB.
    pub memory_mib: Option<u32>,
    /// Processes and threads together.
    pub pids: Option<u32>,
    /// Percent of one core: 200 is two cores.
    pub cpu_percent: Option<u32>,
    /// Open files of each process.
    pub open_files: u32,
    /// Size of /tmp in MiB, part of the memory.
    pub tmp_mib: u32,
}

/// A folder or file of the host, seen inside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bind {
    /// Where it is on the host.
    pub source: PathBuf,
    /// Where the container sees it.
    pub target: PathBuf,
    /// Whether the container may write there (file permissions still count).
    #[serde(default)]
    pub writable: bool,
}

/// A device of the host that the container may open for reading and writing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceNode {
    /// The node on the host, for instance `/dev/gpiochip0`.
    pub source: PathBuf,
    /// The node inside, below `/dev`.
    pub target: PathBuf,
}

/// The network of a container.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// A network namespace with nothing in it but loopback.
    #[default]
    None,
    /// The host's network.
    Host,
}

/// An order that cannot be carried out as written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// No program.
    #[error("the container has no program to run: give at least one argument")]
    NoProgram,
    /// A NUL byte where the system cannot have one.
    #[error("{0} has a NUL byte in it")]
    Nul(&'static str),
    /// An environment variable without a usable name.
    #[error("{0:?} cannot be the name of an environment variable")]
    VariableName(String),
    /// A path that is not absolute and plain.
    #[error("{what} {path:?} must be an absolute path without '.' and '..'")]
    NotAbsolute {
        /// Which field.
        what: &'static str,
        /// What it said.
        path: PathBuf,
    },
    /// A mount over what the container itself needs.
    #[error("nothing may be mounted at {0:?}: the container's own /, /proc, /dev and /tmp stay as they are")]
    MountTarget(PathBuf),
    /// A device outside /dev.
    #[error("a device must appear below /dev, not at {0:?}")]
    DeviceTarget(PathBuf),
    /// A user or group outside the container's range.
    #[error("user {0} is outside the container's {IDS_PER_CONTAINER} ids")]
    User(u32),
    /// The ids of the container would be ids of the host.
    #[error("uid_base {0} must be {IDS_PER_CONTAINER} or more, so that no user of the machine is meant")]
    UidBase(u32),
    /// A limit of nothing.
    #[error("the limit {0} is 0: the container could not run")]
    ZeroLimit(&'static str),
}

impl Spec {
    /// The longest line of output passed on; what is longer is cut into several.
    pub const OUTPUT_LINE_BYTES: usize = 8 * 1024;

    /// An order with every choice at its default: no mount, no device, no network.
    pub fn new(name: Name, root: PathBuf, uid_base: u32, args: Vec<String>) -> Self {
        Self {
            name,
            root,
            args,
            env: BTreeMap::new(),
            cwd: slash(),
            user: User::default(),
            uid_base,
            limits: Limits::default(),
            mounts: Vec::new(),
            devices: Vec::new(),
            network: Network::None,
            stop_timeout_ms: Self::default_stop_timeout_ms(),
            deadline_ms: None,
            cgroup_parent: Self::default_cgroup_parent(),
        }
    }

    /// Where the container's cgroup is, from the root of the hierarchy.
    pub fn cgroup(&self) -> PathBuf {
        self.cgroup_parent.join(self.name.as_str())
    }

    /// The user that `user` of the container is on the host: chown to it what the container may write.
    pub fn host_uid(&self) -> u32 {
        self.uid_base.saturating_add(self.user.uid)
    }

    /// Refuses what cannot run or would reach outside the container.
    pub fn check(&self) -> Result<(), SpecError> {
        if self.args.first().is_none_or(|program| program.is_empty()) {
            return Err(SpecError::NoProgram);
        }
        if self.args.iter().any(|arg| arg.contains('\0')) {
            return Err(SpecError::Nul("an argument"));
        }
        self.check_environment()?;
        self.check_ids()?;
        self.limits.check()?;
        absolute("the root folder", &self.root)?;
        absolute("the working folder", &self.cwd)?;
        absolute("the cgroup parent", &self.cgroup_parent)?;
        self.mounts.iter().try_for_each(Bind::check)?;
        self.devices.iter().try_for_each(DeviceNode::check)
    }

    fn check_environment(&self) -> Result<(), SpecError> {
        for (name, value) in &self.env {
            if name.is_empty() || name.contains(['=', '\0']) {
                return Err(SpecError::VariableName(name.clone()));
            }
            if value.contains('\0') {
                return Err(SpecError::Nul("an environment variable"));
            }
        }
        Ok(())
    }

    fn check_ids(&self) -> Result<(), SpecError> {
        let ids = [self.user.uid, self.user.gid];
        if let Some(id) = ids.into_iter().find(|id| *id >= IDS_PER_CONTAINER) {
            return Err(SpecError::User(id));
        }
        let fits = self.uid_base.checked_add(IDS_PER_CONTAINER).is_some();
        if self.uid_base < IDS_PER_CONTAINER || !fits {
            return Err(SpecError::UidBase(self.uid_base));
        }
        Ok(())
    }

    fn default_stop_timeout_ms() -> u64 {
        5_000
    }

    fn default_cgroup_parent() -> PathBuf {
        "/ledger".into()
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory_mib: Some(64), pids: Some(64), cpu_percent: Some(100), open_files: 1024, tmp_mib: 16 }
    }
}

impl Limits {
    fn check(&self) -> Result<(), SpecError> {
        let zero = [
            ("memory_mib", self.memory_mib == Some(0)),
            ("pids", self.pids == Some(0)),
            ("cpu_percent", self.cpu_percent == Some(0)),
            ("open_files", self.open_files == 0),
            ("tmp_mib", self.tmp_mib == 0),
        ];
        match zero.into_iter().find(|(_, is_zero)| *is_zero) {
            Some((name, _)) => Err(SpecError::ZeroLimit(name)),
            None => Ok(()),
        }
    }
}

impl Bind {
    fn check(&self) -> Result<(), SpecError> {
        absolute("the mount's source", &self.source)?;
        absolute("the mount's target", &self.target)?;
        let own = ["/proc", "/dev", "/tmp", "/sys"].map(Path::new);
        if self.target == Path::new("/") || own.iter().any(|own| self.target.starts_with(own)) {
            return Err(SpecError::MountTarget(self.target.clone()));
        }
        Ok(())
    }
}

impl DeviceNode {
    fn check(&self) -> Result<(), SpecError> {
        absolute("the device", &self.source)?;
        absolute("the device inside", &self.target)?;
        if !self.target.starts_with("/dev") || self.target == Path::new("/dev") {
            return Err(SpecError::DeviceTarget(self.target.clone()));
        }
        Ok(())
    }
}

fn slash() -> PathBuf {
    "/".into()
}

fn absolute(what: &'static str, path: &Path) -> Result<(), SpecError> {
    if path.as_os_str().as_encoded_bytes().contains(&0) {
        return Err(SpecError::Nul(what));
    }
    let plain = path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    if path.is_absolute() && plain {
        Ok(())
    } else {
        Err(SpecError::NotAbsolute { what, path: path.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> Spec {
        Spec::new("door".parse().unwrap(), "/roots/door".into(), 100_000, vec!["/bin/door".into()])
    }

    #[test]
    fn survives_json() {
        let mut spec = spec();
        spec.devices.push(DeviceNode { source: "/dev/gpiochip0".into(), target: "/dev/strike".into() });
        let text = serde_json::to_string(&spec).unwrap();
        assert!(!text.contains('\n'));
        assert_eq!(serde_json::from_str::<Spec>(&text).unwrap(), spec);
    }

    #[test]
    fn an_unknown_field_is_refused() {
        let text = r#"{"name":"a","root":"/r","args":["/a"],"uid_base":100000,"privileged":true}"#;
        assert!(serde_json::from_str::<Spec>(text).unwrap_err().to_string().contains("privileged"));
    }

    #[test]
    fn ids_of_the_host_are_refused() {
        for base in [0, 1000, u32::MAX - 100] {
            assert_eq!(Spec { uid_base: base, ..spec() }.check(), Err(SpecError::UidBase(base)));
        }
        let user = User { uid: 65_536, gid: 0 };
        assert_eq!(Spec { user, ..spec() }.check(), Err(SpecError::User(65_536)));
        assert_eq!(spec().check(), Ok(()));
    }

    #[test]
    fn mounts_over_the_containers_own_are_refused() {
        for target in ["/", "/proc", "/dev/x", "/tmp/y", "/run/../proc", "run"] {
            let bind = Bind { source: "/srv".into(), target: target.into(), writable: true };
            assert!(Spec { mounts: vec![bind], ..spec() }.check().is_err(), "{target}");
        }
        let bind = Bind { source: "/srv".into(), target: "/run/ledger".into(), writable: true };
        assert_eq!(Spec { mounts: vec![bind], ..spec() }.check(), Ok(()));
    }

    #[test]
    fn a_limit_of_nothing_is_refused() {
        let limits = Limits { pids: Some(0), ..Limits::default() };
        assert_eq!(Spec { limits, ..spec() }.check(), Err(SpecError::ZeroLimit("pids")));
    }

    #[test]
    fn a_device_stays_below_dev() {
        let device = DeviceNode { source: "/dev/x".into(), target: "/etc/x".into() };
        assert!(Spec { devices: vec![device], ..spec() }.check().is_err());
    }
}
