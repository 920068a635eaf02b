//! Looks, before the program runs, whether the container is as closed as it was ordered.
//!
//! libcontainer built without its `libseccomp` feature only warns of a filter that it does not load; a
//! controller that the kernel lacks, a mapping gone wrong or a later release could leave other doors open. The
//! container's first process waits at this point, so the kernel itself can be asked about it: what is not in
//! /proc is not believed.

use crate::{
    Network, Spec,
    cgroup::{Cgroup, CpuLimit},
};
use std::{fmt::Display, fs, io, path::Path};

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
    check_status(spec, &read(&format!("/proc/{pid}/status"))?)?;
    check_namespaces(spec, pid)?;
    check_limits(spec, cgroup)
}

/// Checks the text of `/proc/PID/status`. A line that is not there is as bad as a wrong one: a kernel without
/// seccomp has none about it.
fn check_status(spec: &Spec, status: &str) -> Result<(), CheckError> {
    let uid = spec.uid_base + spec.user.uid;
    let gid = spec.uid_base + spec.user.gid;
    let none = "0000000000000000";
    let four = |id: u32| [id.to_string().as_str(); 4].join("\t");
    expect(status, "Uid", &four(uid))?;
    expect(status, "Gid", &four(gid))?;
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        expect(status, set, none)?;
    }
    expect(status, "NoNewPrivs", "1")?;
    // 2 is a filter. 0 is what is there when libcontainer was built without libseccomp.
    expect(status, "Seccomp", "2")
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
    holds("memory limit", bytes, cgroup.memory_limit())?;
    holds("limit of processes", spec.limits.pids.map(u64::from), cgroup.pids_limit())?;
    holds("CPU limit", spec.limits.cpu_percent.map(CpuLimit::from_percent), cgroup.cpu_limit())
}

/// A limit that was ordered is in force, to the number.
fn holds<T: PartialEq + Display>(what: &str, wanted: Option<T>, found: Option<T>) -> Result<(), CheckError> {
    match wanted {
        Some(wanted) if found.as_ref() != Some(&wanted) => {
            let found = found.map_or("none".to_owned(), |found| found.to_string());
            Err(open(what, &found, &wanted.to_string()))
        }
        _ => Ok(()),
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limits;

    const CLOSED: &str = "Name:\tyouki:[2:INIT]\nUid:\t100000\t100000\t100000\t100000\n\
        Gid:\t100000\t100000\t100000\t100000\nCapInh:\t0000000000000000\nCapPrm:\t0000000000000000\n\
        CapEff:\t0000000000000000\nCapBnd:\t0000000000000000\nCapAmb:\t0000000000000000\n\
        NoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1\n";

    fn spec() -> Spec {
        Spec::new("door".parse().unwrap(), "/roots/door".into(), 100_000, vec!["/bin/door".into()])
    }

    /// What is said when the line of a closed container is another.
    fn refusal(line: &str, instead: &str) -> String {
        assert!(CLOSED.contains(line), "{line:?} is there to be replaced");
        check_status(&spec(), &CLOSED.replace(line, instead)).unwrap_err().to_string()
    }

    #[test]
    fn a_closed_container_passes() {
        check_status(&spec(), CLOSED).unwrap();
    }

    #[test]
    fn without_the_seccomp_filter_it_is_refused() {
        for instead in ["Seccomp:\t0\n", "Seccomp:\t1\n", ""] {
            let said = refusal("Seccomp:\t2\n", instead);
            assert!(said.contains("its Seccomp is") && said.contains("should be \"2\""), "{said}");
        }
    }

    #[test]
    fn with_a_way_to_new_privileges_it_is_refused() {
        for instead in ["NoNewPrivs:\t0\n", ""] {
            let said = refusal("NoNewPrivs:\t1\n", instead);
            assert!(said.contains("its NoNewPrivs is") && said.contains("should be \"1\""), "{said}");
        }
    }

    #[test]
    fn with_a_capability_or_another_user_it_is_refused() {
        for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
            let line = |bits| format!("{set}:\t00000000000000{bits}\n");
            assert!(refusal(&line("00"), &line("20")).contains(set));
        }
        // The saved user id is root's of the host.
        let uid = "Uid:\t100000\t100000\t100000\t100000\n";
        assert!(refusal(uid, "Uid:\t100000\t100000\t0\t100000\n").contains("Uid"));
    }

    /// Checks limits against a group that has these files.
    fn with_files(limits: Limits, files: &[(&str, &str)]) -> Result<(), CheckError> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        check_limits(&Spec { limits, ..spec() }, &Cgroup::at(vec![folder.path().to_owned()]))
    }

    #[test]
    fn a_cpu_limit_that_does_not_hold_is_refused() {
        let limits = Limits { cpu_percent: Some(20), memory_mib: None, pids: None, ..Limits::default() };
        let v1 = |quota| [("cpu.cfs_quota_us", quota), ("cpu.cfs_period_us", "100000\n")];
        with_files(limits, &[("cpu.max", "20000 100000\n")]).unwrap();
        with_files(limits, &v1("20000\n")).unwrap();
        for text in ["max 100000\n", "20000 50000\n", "20001 100000\n", "20000\n", ""] {
            let said = with_files(limits, &[("cpu.max", text)]).unwrap_err().to_string();
            assert!(said.contains("CPU limit") && said.contains("20000 us in 100000 us"), "{text:?}: {said}");
        }
        for quota in ["-1\n", "200000\n"] {
            assert!(with_files(limits, &v1(quota)).is_err(), "{quota:?}");
        }
        assert!(with_files(limits, &[]).is_err(), "a machine without the controller");
        with_files(Limits { cpu_percent: None, ..limits }, &[]).unwrap();
    }

    #[test]
    fn limits_of_memory_and_processes_that_do_not_hold_are_refused() {
        let limits = Limits { cpu_percent: None, memory_mib: Some(1), pids: Some(12), ..Limits::default() };
        let files = |memory, pids| [("memory.max", memory), ("pids.max", pids)];
        with_files(limits, &files("1048576\n", "12\n")).unwrap();
        assert!(with_files(limits, &files("max\n", "12\n")).is_err());
        assert!(with_files(limits, &files("1048576\n", "max\n")).is_err());
    }
}
