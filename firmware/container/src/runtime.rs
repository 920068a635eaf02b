//! The order, completed and translated for an OCI runtime.
//!
//! Here stands what every container gets whether or not anybody asked: a read-only root, all seven
//! namespaces, an own range of users, no capability, no new privileges, the seccomp filter, and a /dev with
//! nothing in it but the harmless six. `check.rs` looks whether it came true.

use crate::{IDS_PER_CONTAINER, Network, Spec, cgroup::CpuLimit, seccomp, stage::Stage};
use serde_json::{Value, json};

/// Where programs are looked for, if the order does not say.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// The kernel's choice when the whole machine is short of memory: a dapp before the agent (OOM score).
const OOM_SCORE: i32 = 500;
/// Files of /proc that tell about the host and nothing about the container.
const MASKED: [&str; 10] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
];
/// Files of /proc through which the host is set.
const READ_ONLY: [&str; 5] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// The `config.json` of a bundle with which any OCI runtime runs the same container. Devices are left out: they
/// are nodes that the helper makes for itself.
pub fn bundle_config(spec: &Spec) -> Value {
    let binds = spec.mounts.iter().map(|bind| bind.source.clone()).collect();
    config(spec, &Stage { root: spec.root.clone(), binds, devices: Vec::new() })
}

/// The same, with the paths of what the helper laid out.
pub fn config(spec: &Spec, stage: &Stage) -> Value {
    json!({
        "ociVersion": "1.0.2",
        "hostname": spec.name,
        "root": { "path": stage.root, "readonly": true },
        "process": process(spec),
        "mounts": mounts(spec, stage),
        "linux": {
            "namespaces": namespaces(spec.network),
            "uidMappings": [mapping(spec)],
            "gidMappings": [mapping(spec)],
            "cgroupsPath": spec.cgroup(),
            "resources": resources(spec, stage),
            "rootfsPropagation": "private",
            "maskedPaths": MASKED,
            "readonlyPaths": READ_ONLY,
            "seccomp": seccomp::profile(),
        },
    })
}

fn process(spec: &Spec) -> Value {
    let mut env: Vec<String> = spec.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
    if !spec.env.contains_key("PATH") {
        env.push(format!("PATH={DEFAULT_PATH}"));
    }
    let none: [&str; 0] = [];
    let limit = |kind: &str, value: u32| json!({ "type": kind, "soft": value, "hard": value });
    json!({
        "terminal": false,
        "user": spec.user,
        "args": spec.args,
        "env": env,
        "cwd": spec.cwd,
        "capabilities": {
            "bounding": none, "effective": none, "inheritable": none, "permitted": none, "ambient": none,
        },
        "noNewPrivileges": true,
        "rlimits": [limit("RLIMIT_NOFILE", spec.limits.open_files), limit("RLIMIT_CORE", 0)],
        "oomScoreAdj": OOM_SCORE,
    })
}

fn namespaces(network: Network) -> Vec<Value> {
    let mut kinds = vec!["user", "mount", "pid", "ipc", "uts", "cgroup"];
    if network == Network::None {
        kinds.push("network");
    }
    kinds.into_iter().map(|kind| json!({ "type": kind })).collect()
}

fn mapping(spec: &Spec) -> Value {
    json!({ "containerID": 0, "hostID": spec.uid_base, "size": IDS_PER_CONTAINER })
}

fn mounts(spec: &Spec, stage: &Stage) -> Vec<Value> {
    let tmpfs = |target: &str, options: &str| mount("tmpfs", "tmpfs", target, options);
    let mut mounts = vec![
        mount("proc", "proc", "/proc", "nosuid,noexec,nodev"),
        tmpfs("/dev", "nosuid,noexec,mode=755,size=64k"),
        // Python's multiprocessing and POSIX semaphores live here.
        tmpfs("/dev/shm", "nosuid,noexec,nodev,mode=1777,size=8m"),
        tmpfs("/run", "nosuid,noexec,nodev,mode=755,size=1m"),
        tmpfs("/tmp", &format!("nosuid,noexec,nodev,mode=1777,size={}m", spec.limits.tmp_mib)),
    ];
    for (bind, source) in spec.mounts.iter().zip(&stage.binds) {
        let access = if bind.writable { "rw" } else { "ro" };
        let (source, target) = (source.to_string_lossy(), bind.target.to_string_lossy());
        mounts.push(mount("bind", &source, &target, &format!("bind,nosuid,noexec,nodev,{access}")));
    }
    for (device, granted) in stage.devices.iter().zip(&spec.devices) {
        let (source, target) = (device.path.to_string_lossy(), granted.target.to_string_lossy());
        mounts.push(mount("bind", &source, &target, "bind,nosuid,noexec"));
    }
    mounts
}

fn mount(kind: &str, source: &str, target: &str, options: &str) -> Value {
    let options: Vec<&str> = options.split(',').collect();
    json!({ "type": kind, "source": source, "destination": target, "options": options })
}

fn resources(spec: &Spec, stage: &Stage) -> Value {
    let mut resources = json!({ "devices": devices(stage) });
    if let Some(mib) = spec.limits.memory_mib {
        // The swap limit counts memory and swap together: the same number means no swap.
        let bytes = u64::from(mib) << 20;
        resources["memory"] = json!({ "limit": bytes, "swap": bytes });
    }
    if let Some(pids) = spec.limits.pids {
        resources["pids"] = json!({ "limit": pids });
    }
    if let Some(percent) = spec.limits.cpu_percent {
        let limit = CpuLimit::from_percent(percent);
        resources["cpu"] = json!({ "quota": limit.quota_us, "period": limit.period_us });
    }
    resources
}

/// Device rules for cgroup v1; on v2 it is the user namespace alone that keeps devices away.
fn devices(stage: &Stage) -> Vec<Value> {
    let mut rules = vec![json!({ "allow": false, "access": "rwm" })];
    let granted = stage.devices.iter().map(|device| {
        json!({ "allow": true, "type": "c", "major": device.major, "minor": device.minor, "access": "rw" })
    });
    rules.extend(granted);
    rules
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Bind, Limits};

    fn spec() -> Spec {
        Spec::new("door".parse().unwrap(), "/roots/door".into(), 100_000, vec!["/bin/door".into()])
    }

    fn stage() -> Stage {
        Stage { root: "/stage/root".into(), binds: vec!["/stage/binds/0".into()], devices: Vec::new() }
    }

    #[test]
    fn is_a_configuration_that_runtimes_read() {
        let bind = Bind { source: "/srv".into(), target: "/run/ledger".into(), writable: false };
        let config = config(&Spec { mounts: vec![bind], ..spec() }, &stage());
        let read: oci_spec::runtime::Spec = serde_json::from_value(config).unwrap();
        assert_eq!(read.root().as_ref().unwrap().readonly(), Some(true));
        let process = read.process().as_ref().unwrap();
        assert_eq!(process.no_new_privileges(), Some(true));
        let capabilities = process.capabilities().as_ref().unwrap();
        assert!(capabilities.bounding().as_ref().unwrap().is_empty());
        let linux = read.linux().as_ref().unwrap();
        assert_eq!(linux.namespaces().as_ref().unwrap().len(), 7);
        let limit = linux.resources().as_ref().unwrap().memory().as_ref().unwrap();
        assert_eq!((limit.limit(), limit.swap()), (Some(64 << 20), Some(64 << 20)));
    }

    #[test]
    fn the_hosts_network_is_shared_only_when_asked() {
        let has_network = |network| {
            let kinds = namespaces(network);
            kinds.iter().any(|kind| kind["type"] == "network")
        };
        assert!(has_network(Network::None));
        assert!(!has_network(Network::Host));
    }

    #[test]
    fn no_limit_is_no_entry() {
        let limits = Limits { memory_mib: None, pids: None, cpu_percent: None, ..Limits::default() };
        let resources = resources(&Spec { limits, ..spec() }, &stage());
        assert_eq!(resources.as_object().unwrap().len(), 1);
    }
}
