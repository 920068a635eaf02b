//! The container's control group: found, emptied, removed.
//!
//! libcontainer makes it and sets its limits; here is what it does not do well enough: killing what is left of
//! a former run, and asking why something was killed. Works on cgroup v2 (one folder) and on v1 (one folder for
//! each controller) alike, since in both `cgroup.procs` lists the processes.

use rustix::process::{Pid, Signal, kill_process};
use std::{
    fmt, fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    thread::sleep,
    time::{Duration, Instant},
};

const MOUNT: &str = "/sys/fs/cgroup";
/// How long killed processes may take to vanish; one in the middle of a slow disk write takes its time.
const PATIENCE: Duration = Duration::from_secs(5);

/// The period in which CPU time is counted, the kernel's default.
const CPU_PERIOD_US: u64 = 100_000;

/// How much CPU time a group may use in each period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CpuLimit {
    /// The time that all its processes have together, on all cores.
    pub quota_us: u64,
    /// How often they get it.
    pub period_us: u64,
}

/// A control group, by its folder in each hierarchy where it is.
#[derive(Debug)]
pub struct Cgroup(Vec<PathBuf>);

impl Cgroup {
    /// Finds a group by its path from the root of the hierarchy; it may not exist.
    pub fn find(path: &Path) -> io::Result<Self> {
        let inside = path.strip_prefix("/").unwrap_or(path);
        let folders = hierarchies()?.into_iter().map(|root| root.join(inside));
        Ok(Self::at(folders.filter(|folder| folder.is_dir()).collect()))
    }

    /// Makes a group, and those above it, where they are missing. Others may do the same at this moment: libcontainer
    /// makes what is missing, too, but fails if somebody else was faster.
    pub fn make(path: &Path) -> io::Result<()> {
        let inside = path.strip_prefix("/").unwrap_or(path);
        hierarchies()?.into_iter().try_for_each(|root| fs::create_dir_all(root.join(inside)))
    }

    /// The group that has these folders.
    pub fn at(folders: Vec<PathBuf>) -> Self {
        Self(folders)
    }

    /// Kills all in the group and removes it. Fine if there is none.
    pub fn destroy(&self) -> io::Result<()> {
        let until = Instant::now() + PATIENCE;
        for folder in &self.0 {
            let mut pause = Duration::from_micros(200);
            while let Err(error) = empty_and_remove(folder) {
                if error.kind() != ErrorKind::ResourceBusy || Instant::now() > until {
                    return Err(error);
                }
                sleep(pause);
                pause = (pause * 2).min(Duration::from_millis(50));
            }
        }
        Ok(())
    }

    /// How often the kernel killed a process of the group because its memory limit was reached.
    pub fn oom_kills(&self) -> u64 {
        // v2, v1
        self.number("memory.events", "oom_kill")
            .or(self.number("memory.oom_control", "oom_kill"))
            .unwrap_or(0)
    }

    /// Lets an out-of-memory kill take the whole group: half a dapp is worse than none. v2 only; v1 has no such
    /// thing.
    pub fn die_together(&self) -> io::Result<()> {
        match self.0.iter().map(|folder| folder.join("memory.oom.group")).find(|file| file.exists()) {
            Some(file) => fs::write(file, "1"),
            None => Ok(()),
        }
    }

    /// The memory limit in force, in bytes.
    pub fn memory_limit(&self) -> Option<u64> {
        self.whole("memory.max").or(self.whole("memory.limit_in_bytes"))
    }

    /// The limit of processes in force.
    pub fn pids_limit(&self) -> Option<u64> {
        self.whole("pids.max")
    }

    /// The CPU limit in force.
    pub fn cpu_limit(&self) -> Option<CpuLimit> {
        // v2 says both in one line, and "max" for no limit; v1 says -1.
        if let Some(text) = self.text("cpu.max") {
            let (quota, period) = text.trim().split_once(' ')?;
            return Some(CpuLimit { quota_us: quota.parse().ok()?, period_us: period.parse().ok()? });
        }
        let quota_us = self.whole("cpu.cfs_quota_us")?;
        Some(CpuLimit { quota_us, period_us: self.whole("cpu.cfs_period_us")? })
    }

    fn whole(&self, file: &str) -> Option<u64> {
        self.text(file)?.trim().parse().ok()
    }

    fn text(&self, file: &str) -> Option<String> {
        self.0.iter().find_map(|folder| fs::read_to_string(folder.join(file)).ok())
    }

    fn number(&self, file: &str, key: &str) -> Option<u64> {
        let text = self.text(file)?;
        let mut pairs = text.lines().filter_map(|line| line.split_once(' '));
        pairs.find(|(name, _)| *name == key)?.1.trim().parse().ok()
    }
}

impl CpuLimit {
    /// So many percent of one core.
    pub fn from_percent(percent: u32) -> Self {
        Self { quota_us: CPU_PERIOD_US * u64::from(percent) / 100, period_us: CPU_PERIOD_US }
    }
}

impl fmt::Display for CpuLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} us in {} us", self.quota_us, self.period_us)
    }
}

/// The folders at which hierarchies begin.
fn hierarchies() -> io::Result<Vec<PathBuf>> {
    let root = Path::new(MOUNT);
    if root.join("cgroup.controllers").exists() {
        return Ok(vec![root.to_owned()]);
    }
    let entries = fs::read_dir(root)?.filter_map(Result::ok);
    // On v1 some names are links to others (cpu -> cpu,cpuacct).
    Ok(entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|e| e.path()).collect())
}

fn empty_and_remove(folder: &Path) -> io::Result<()> {
    let gone = |error: &io::Error| error.kind() == ErrorKind::NotFound;
    match fs::read_to_string(folder.join("cgroup.procs")) {
        Ok(processes) => processes.lines().for_each(kill),
        Err(error) if gone(&error) => return Ok(()),
        Err(error) => return Err(error),
    }
    match fs::remove_dir(folder) {
        Err(error) if !gone(&error) => Err(error),
        _ => Ok(()),
    }
}

fn kill(process: &str) {
    if let Some(pid) = process.parse().ok().and_then(Pid::from_raw) {
        // It may have gone by itself in between.
        let _ = kill_process(pid, Signal::KILL);
    }
}
