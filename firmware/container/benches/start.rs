//! Start to exit of a container that does nothing: our helper against `crun run` and `runc run`.
//!
//! All three get the same bundle: busybox `/bin/true` in a user namespace and the six others, our seccomp filter, no
//! cgroup limits. All run in a mount namespace that has cgroup v2 alone (crun refuses a hybrid), in turns, so that
//! a busy minute hits all alike. Needs root, and crun, runc, busybox and unshare installed; what is missing is an
//! error, nothing is skipped. `cargo bench -p container --bench start` prints medians in ms, and processor time.
//!
//! Not quite the same work: crun is told to leave cgroups out, because it asks for a right that virtual machines
//! may lack. What that spares it is measured beside it: one move of a process into a cgroup, for which the kernel
//! waits until every core has passed a quiet point.

#![allow(clippy::print_stdout, clippy::expect_used, clippy::unwrap_used, reason = "a bench speaks and stops")]

use container::{Helper, Limits, Spec};
use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

const ROUNDS: usize = 50;
const UID_BASE: u32 = 300_000;
/// Set in the process that already has cgroup v2 alone.
const INSIDE: &str = "CONTAINER_BENCH_INSIDE";

fn main() {
    if std::env::var_os(INSIDE).is_none() {
        return enter();
    }
    let folder = tempfile::tempdir().expect("because there is room for a folder");
    // The others do not go round private folders as our helper does.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let root = make_root(folder.path());
    let order = order(&root);
    let mut bundle = Bundle::new(folder.path(), &order);
    let mut rows = ["container helper", "crun run, no cgroup", "runc run", "move to a cgroup"].map(Row::new);
    for _ in 0..ROUNDS {
        rows[0].time(|| helper(&order));
        rows[1].time(|| bundle.run("crun", &["--cgroup-manager=disabled"]));
        rows[2].time(|| bundle.run("runc", &[]));
        rows[3].time(cgroup_move);
    }
    println!("start to exit, {ROUNDS} rounds in turns, cgroup v2 alone, ms: median (least), processor time");
    rows.iter_mut().for_each(Row::print);
}

/// The times of one contender.
struct Row {
    name: &'static str,
    times: Vec<Duration>,
    ticks: u64,
}

impl Row {
    fn new(name: &'static str) -> Self {
        Self { name, times: Vec::new(), ticks: 0 }
    }

    fn time(&mut self, run: impl FnOnce() -> Duration) {
        let before = ticks_of_children();
        self.times.push(run());
        self.ticks += ticks_of_children() - before;
    }

    fn print(&mut self) {
        self.times.sort();
        let (median, least) = (ms(self.times[ROUNDS / 2]), ms(self.times[0]));
        // A tick is 10 ms; over all rounds their rounding evens out.
        let processor = self.ticks as f64 * 10.0 / ROUNDS as f64;
        println!("{:20} {median:7.2} ({least:6.2}) {processor:7.1}", self.name);
    }
}

/// Processor time of all that this process started and that is gone: fields 16 and 17 of proc(5)'s stat.
fn ticks_of_children() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields = stat.rsplit_once(')').unwrap().1.split_whitespace();
    fields.skip(13).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum()
}

/// One process, this one, into a cgroup; the way back is not counted.
fn cgroup_move() -> Duration {
    let root = Path::new("/sys/fs/cgroup");
    let group = root.join("container-bench");
    fs::create_dir_all(&group).unwrap();
    let begun = Instant::now();
    fs::write(group.join("cgroup.procs"), "0").unwrap();
    let time = begun.elapsed();
    fs::write(root.join("cgroup.procs"), "0").unwrap();
    fs::remove_dir(&group).unwrap();
    time
}

/// Starts this program again where cgroup v2 is the only one.
fn enter() {
    let script = "umount -R -l /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup && exec \"$0\"";
    let exe = std::env::current_exe().unwrap();
    let mut command = Command::new("unshare");
    let status = command.args(["--mount", "sh", "-c", script]).arg(exe).env(INSIDE, "1").status();
    assert!(status.expect("because util-linux has unshare").success(), "the bench needs root");
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn make_root(folder: &Path) -> PathBuf {
    let root = folder.join("root");
    fs::create_dir_all(root.join("bin")).unwrap();
    for name in ["dev", "proc", "run", "tmp"] {
        fs::create_dir(root.join(name)).unwrap();
    }
    fs::copy("/bin/busybox", root.join("bin/true")).expect("because busybox-static is installed");
    for path in ["", "dev", "proc", "run", "tmp", "bin", "bin/true"] {
        chown(root.join(path), Some(UID_BASE), Some(UID_BASE)).unwrap();
    }
    root
}

fn order(root: &Path) -> Spec {
    let limits = Limits { memory_mib: None, pids: None, cpu_percent: None, ..Limits::default() };
    let spec = Spec::new("bench".parse().unwrap(), root.to_owned(), UID_BASE, vec!["/bin/true".into()]);
    Spec { limits, ..spec }
}

fn helper(order: &Spec) -> Duration {
    let begun = Instant::now();
    let helper = Helper::start(Path::new(env!("CARGO_BIN_EXE_container-helper")), order, drop).unwrap();
    assert!(helper.wait().unwrap().is_success());
    begun.elapsed()
}

/// The same container as a bundle for other runtimes.
struct Bundle {
    folder: PathBuf,
    count: usize,
}

impl Bundle {
    fn new(folder: &Path, order: &Spec) -> Self {
        let folder = folder.join("bundle");
        fs::create_dir(&folder).unwrap();
        let config = container::bundle_config(order);
        fs::write(folder.join("config.json"), config.to_string()).unwrap();
        Self { folder, count: 0 }
    }

    fn run(&mut self, runtime: &str, options: &[&str]) -> Duration {
        self.count += 1;
        let name = format!("bench-{}-{}", std::process::id(), self.count);
        let mut command = Command::new(runtime);
        command.args(options).args(["run", "--bundle"]).arg(&self.folder).arg(name);
        let begun = Instant::now();
        let out = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{runtime}: {error}"));
        let time = begun.elapsed();
        assert!(out.status.success(), "{runtime}: {}", String::from_utf8_lossy(&out.stderr));
        time
    }
}
