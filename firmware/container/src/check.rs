//! Looks, before the program runs, whether the container is as closed as it was ordered.
//!
//! libcontainer built without its `libseccomp` feature only warns of a filter that it does not load; a
//! controller that the kernel lacks, a mapping gone wrong or a later release could leave other doors open. The
//! container's first process waits at this point, so the kernel itself can be asked about it: what is not in
//! /proc is not believed.

use crate::{Network, Spec, cgroup::Cgroup};
use std::{fs, io, path::Path};

/// A container that is not what was ordered. It must not be started.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The kernel did not tell.
    #[error("cannot look at the new container in {path}")]
    Look {
        /// What was looked at.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// It told something else.
    #[error("the new container is not closed: its {what} is {found:?} and should be {wanted:?}")]
    Open {
        /// What is wrong.
        what: String,
        /// What it is.
        found: String,
        /// What it should be.
        wanted: String,
    },
}

/// Checks the waiting first process of a container.
pub fn check(spec: &Spec, pid: i32, cgroup: &Cgroup) -> Result<(), CheckError> {
    check_status(spec, pid)?;
    check_namespaces(spec, pid)?;
    check_limits(spec, cgroup)
}

fn check_status(spec: &Spec, pid: i32) -> Result<(), CheckError> {
    let status = read(&format!("/proc/{pid}/status"))?;
    let uid = spec.uid_base + spec.user.uid;
    let gid = spec.uid_base + spec.user.gid;
    let none = "0000000000000000";
    let four = |id: u32| [id.to_string().as_str(); 4].join("\t");
    expect(&status, "Uid", &four(uid))?;
    expect(&status, "Gid", &four(gid))?;
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        expect(&status, set, none)?;
    }
    expect(&status, "NoNewPrivs", "1")?;
    // 2 is a filter. 0 is what is there when libcontainer was built without libseccomp.
    expect(&status, "Seccomp", "2")
}

fn check_namespaces(spec: &Spec, pid: i32) -> Result<(), CheckError> {
    let mut kinds = vec!["user", "mnt", "pid", "ipc", "uts", "cgroup"];
    if spec.network == Network::None {
        kinds.push("net");
    }
    for kind in kinds {
        let (ours, theirs) =
            (link(&format!("/proc/self/ns/{kind}"))?, link(&format!("/proc/{pid}/ns/{kind}"))?);
        if ours == theirs {
            return Err(open(&format!("{kind} namespace"), "the host's", "one of its own"));
        }
    }
    Ok(())
}

fn check_limits(spec: &Spec, cgroup: &Cgroup) -> Result<(), CheckError> {
    let bytes = spec.limits.memory_mib.map(|mib| u64::from(mib) << 20);
    let limits = [
        ("memory limit", bytes, cgroup.memory_limit()),
        ("limit of processes", spec.limits.pids.map(u64::from), cgroup.pids_limit()),
    ];
    for (what, wanted, found) in limits {
        if let Some(wanted) = wanted.filter(|wanted| found != Some(*wanted)) {
            let found = found.map_or("none".to_owned(), |found| found.to_string());
            return Err(open(what, &found, &wanted.to_string()));
        }
    }
    Ok(())
}

fn expect(status: &str, key: &str, wanted: &str) -> Result<(), CheckError> {
    let mut pairs = status.lines().filter_map(|line| line.split_once(':'));
    let found = pairs.find(|(name, _)| *name == key).map_or("", |(_, value)| value.trim());
    if found == wanted { Ok(()) } else { Err(open(key, found, wanted)) }
}

fn open(what: &str, found: &str, wanted: &str) -> CheckError {
    CheckError::Open { what: what.into(), found: found.into(), wanted: wanted.into() }
}

fn read(path: &str) -> Result<String, CheckError> {
    fs::read_to_string(path).map_err(|source| CheckError::Look { path: path.into(), source })
}

fn link(path: &str) -> Result<String, CheckError> {
    let link = fs::read_link(Path::new(path));
    link.map(|to| to.display().to_string()).map_err(|source| CheckError::Look { path: path.into(), source })
}
