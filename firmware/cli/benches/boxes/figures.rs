//! What is measured: times in order, memory at its peak, bytes at an interface.

use std::{
    collections::BTreeMap,
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// A line: what, and how much.
pub fn print(name: &str, value: impl std::fmt::Display, unit: &str) {
    println!("{name:48} {value:>10} {unit}");
}

/// Times, to be told by how many were shorter.
#[derive(Default)]
pub struct Times(Vec<Duration>);

impl Times {
    /// One more.
    pub fn add(&mut self, time: Duration) {
        self.0.push(time);
    }

    /// Prints how long half of them took at most, and 99 of a hundred.
    pub fn print(mut self, name: &str) {
        self.0.sort();
        for percent in [50, 99] {
            let time = self.0[(self.0.len() * percent).div_ceil(100).max(1) - 1];
            print(&format!("{name}_p{percent}"), format!("{:.0}", time.as_secs_f64() * 1e3), "ms");
        }
    }
}

/// The most memory that a process had resident so far, in MiB, or none if it is gone.
pub fn peak_mib(pid: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<f64>().ok()? / 1024.0)
}

/// How long a process has run on a processor, without those that it started.
pub fn cpu(pid: u32) -> Duration {
    ticks(pid, 11)
}

/// The same of all processes that this one started and waited for.
pub fn children_cpu() -> Duration {
    ticks(std::process::id(), 13)
}

/// Two fields of /proc/PID/stat, in hundredths of a second, counted after the name.
fn ticks(pid: u32, field: usize) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[field..field + 2].iter().map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

/// Watches a process and all that it starts until it ends: the sum of each one's peak.
pub struct Memory {
    thread: JoinHandle<BTreeMap<u32, f64>>,
    stop: Arc<AtomicBool>,
}

impl Memory {
    /// Watches from now on.
    pub fn of(pid: u32) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = thread::spawn(move || {
            let mut peaks = BTreeMap::new();
            while !stopped.load(Ordering::Relaxed) {
                look(pid, &mut peaks);
                thread::sleep(Duration::from_millis(5));
            }
            peaks
        });
        Self { thread, stop }
    }

    /// The largest peak of one process, in MiB.
    pub fn largest(self) -> f64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap().into_values().fold(0.0, f64::max)
    }
}

fn look(pid: u32, peaks: &mut BTreeMap<u32, f64>) {
    if let Some(peak) = peak_mib(pid) {
        peaks.insert(pid, peak);
    }
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return };
    for task in tasks.flatten() {
        let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        children.split_whitespace().filter_map(|pid| pid.parse().ok()).for_each(|pid| look(pid, peaks));
    }
}

/// Bytes that an interface of this thread's network has sent.
pub fn sent_bytes(interface: &str) -> u64 {
    let table = fs::read_to_string("/proc/thread-self/net/dev").unwrap();
    let line = table.lines().find_map(|line| line.trim().strip_prefix(&format!("{interface}:"))).unwrap();
    line.split_whitespace().nth(8).unwrap().parse().unwrap()
}
