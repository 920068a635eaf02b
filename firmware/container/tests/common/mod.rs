//! What the tests share: the unpacked probe, orders for it, and a way to hear what it says.

use container::{
    Exit, Helper, Output, Spec,
    image::{Platform, Source, UnpackLimits, unpack},
};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::{OnceLock, mpsc},
    time::Duration,
};

/// The host's user for user 0 of the containers.
pub const UID_BASE: u32 = 300_000;

/// The helper program.
pub fn helper() -> PathBuf {
    env!("CARGO_BIN_EXE_container-helper").into()
}

/// A helper in a mount namespace that has cgroup v2 and no other, as the boxes have it.
pub fn helper_on_cgroup_v2() -> PathBuf {
    let script = work().join("helper-on-cgroup-v2");
    let text = format!(
        "#!/bin/sh\nexec unshare --mount sh -c 'umount -R -l /sys/fs/cgroup; \
         mount -t cgroup2 none /sys/fs/cgroup && exec {} \"$@\"' sh \"$@\"\n",
        helper().display()
    );
    fs::write(&script, text).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    script
}

/// Removes a group of cgroup v2, and those below it.
pub fn remove_on_cgroup_v2(group: &str) {
    let script = format!(
        "umount -R -l /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup && find /sys/fs/cgroup{group} -depth -type d -exec rmdir {{}} +"
    );
    assert!(Command::new("unshare").args(["--mount", "sh", "-c", &script]).status().unwrap().success());
}

/// An order to run the probe.
pub fn spec(name: &str, args: &[&str]) -> Spec {
    let args = ["/probe"].iter().chain(args).map(|arg| arg.to_string()).collect();
    Spec::new(name.parse().unwrap(), root(), UID_BASE, args)
}

/// The probe's root folder, made once for all tests of a program.
pub fn root() -> PathBuf {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(make_root).clone()
}

fn work() -> &'static Path {
    static WORK: OnceLock<tempfile::TempDir> = OnceLock::new();
    WORK.get_or_init(|| tempfile::tempdir().unwrap()).path()
}

fn make_root() -> PathBuf {
    let root_only = fs::read("/proc/self/status").unwrap();
    assert!(
        String::from_utf8_lossy(&root_only).contains("Uid:\t0\t"),
        "these tests make containers and need root: run them as root, on a machine or in a virtual one"
    );
    let folder = work().join("dapp");
    fs::create_dir(&folder).unwrap();
    compile(&folder.join("probe"));
    let manifest = "name = \"probe\"\nversion = \"1\"\n[serve]\nargs = [\"/probe\"]\n";
    fs::write(folder.join("dapp.toml"), manifest).unwrap();
    let mut image = Vec::new();
    Source::open(&folder, &Platform::host()).unwrap().write(&mut image).unwrap();
    unpack(image.as_slice(), &work().join("image"), UID_BASE, UnpackLimits::default()).unwrap().root
}

fn compile(program: &Path) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/probe.rs");
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let flags = ["--edition=2024", "-O", "-C", "target-feature=+crt-static", "-C", "strip=symbols", "-o"];
    let status = Command::new(rustc).args(flags).arg(program).arg(source).status().unwrap();
    assert!(status.success(), "the probe does not compile");
}

/// A container that ended.
#[derive(Debug)]
pub struct Run {
    pub exit: Exit,
    pub lines: Vec<String>,
}

/// Runs an order to its end.
pub fn run(spec: &Spec) -> Run {
    Run::of(&helper(), spec)
}

impl Run {
    /// Runs an order to its end by this helper program.
    pub fn of(helper: &Path, spec: &Spec) -> Self {
        let (helper, heard) = start_by(helper, spec);
        let exit = helper.wait().unwrap();
        drop(helper);
        Self { exit, lines: heard.0.iter().map(|output| output.line).collect() }
    }

    /// What the probe said about something.
    pub fn line(&self, what: &str) -> &str {
        let found = self.lines.iter().find_map(|line| line.strip_prefix(what)?.strip_prefix(':'));
        found.unwrap_or_else(|| panic!("nothing about {what} in {:#?}", self.lines)).trim()
    }
}

/// What a running container writes.
pub struct Heard(mpsc::Receiver<Output>);

impl Heard {
    /// Waits until the container has written this line.
    pub fn wait_for(&mut self, line: &str) {
        while self.0.recv_timeout(Duration::from_secs(10)).unwrap().line != line {}
    }
}

/// Starts an order.
pub fn start(spec: &Spec) -> (Helper, Heard) {
    start_by(&helper(), spec)
}

fn start_by(helper: &Path, spec: &Spec) -> (Helper, Heard) {
    let (say, hear) = mpsc::channel();
    let helper = Helper::start(helper, spec, move |output| drop(say.send(output)));
    (helper.unwrap_or_else(|error| panic!("{error}")), Heard(hear))
}
