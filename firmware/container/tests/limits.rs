//! Containers for real: every limit is tried from inside by a program that does its worst.
//!
//! Needs root and the kernel's namespaces, cgroups and seccomp; without them these tests fail, they never skip.
//! The program is tests/fixtures/probe.rs, which goes the whole way: folder, image tar, root folder, container.

#![allow(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod common;

use common::{Run, helper, run, spec, start};
use container::{Bind, DeviceNode, Ended, Limits, Spec, StartError};
use std::{
    fs,
    net::TcpListener,
    os::{linux::net::SocketAddrExt, unix::net},
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

const EPERM: &str = "1";
const ENOENT: &str = "2";
const EAGAIN: &str = "11";
const EACCES: &str = "13";
const EMFILE: &str = "24";
const ENOSPC: &str = "28";
const EROFS: &str = "30";
const ENOSYS: &str = "38";
const ECONNREFUSED: &str = "111";

#[test]
fn exit_codes_and_signals_are_reported() {
    let exit = run(&spec("exit-code", &["exit", "42"])).exit;
    assert_eq!((exit.code, exit.signal, exit.ended), (Some(42), None, Ended::Itself));
    assert!(run(&spec("exit-zero", &["exit", "0"])).exit.is_success());
    // A first process has no default action for signals that it sends itself, save SIGSEGV and the like.
    let exit = run(&spec("exit-signal", &["raise", "9"])).exit;
    assert_eq!(exit.signal.or(exit.code), Some(0), "SIGKILL from inside cannot kill the first process");
}

#[test]
fn a_fork_bomb_stops_at_the_limit() {
    let mut spec = spec("fork-bomb", &["fork-bomb"]);
    spec.limits.pids = Some(12);
    let run = run(&spec);
    assert_eq!(run.line("made"), "11");
    assert_eq!(run.line("then"), EAGAIN);
    assert!(Command::new("/bin/true").status().unwrap().success(), "the host can still start processes");
    assert_eq!(run.exit.code, Some(0));
}

#[test]
fn a_memory_hog_is_killed_at_the_limit_and_reported() {
    let mut spec = spec("hog", &["hog"]);
    spec.limits.memory_mib = Some(32);
    let run = run(&spec);
    assert_eq!((run.exit.signal, run.exit.oom_killed), (Some(9), true));
    let most = run.lines.iter().filter_map(|line| line.strip_suffix(" MiB")?.parse::<u32>().ok()).max();
    assert!(most.is_some_and(|mib| (8..=32).contains(&mib)), "{:?}", run.lines);
}

#[test]
fn a_spinning_program_gets_its_share_of_a_core_and_no_more() {
    let mut spec = spec("spin", &["spin"]);
    spec.limits.cpu_percent = Some(20);
    spec.stop_timeout_ms = 0;
    let (helper, mut heard) = start(&spec);
    heard.wait_for("spinning");
    // The clock is read outside of the program's time: a busy machine makes the share smaller, never larger.
    let (begun, before) = (Instant::now(), cpu_time(helper.pid()));
    let throttled = throttled(&spec);
    // A share alone would prove nothing on a busy machine: the kernel must have held the program back.
    within(Duration::from_secs(120), "it is held back", || self::throttled(&spec) >= throttled + 10);
    let used = cpu_time(helper.pid()) - before;
    let elapsed = begun.elapsed();
    helper.stop();
    helper.wait().unwrap();
    assert!(used > Duration::ZERO, "it did spin");
    assert!(used < elapsed / 2, "{used:?} of {elapsed:?}");
}

#[test]
fn files_beyond_the_limit_cannot_be_opened() {
    let mut spec = spec("open-files", &["open-files"]);
    spec.limits.open_files = 20;
    let run = run(&spec);
    // Standard input, output and error are open already, and nothing else of the helper's.
    assert_eq!((run.line("opened"), run.line("then")), ("17", EMFILE));
    assert_eq!(run.line("raise"), EPERM);
}

#[test]
fn tmp_is_full_at_its_limit() {
    let mut spec = spec("fill", &["fill", "/tmp/big"]);
    spec.limits.tmp_mib = 2;
    let run = run(&spec);
    assert_eq!((run.line("bytes"), run.line("then")), ((2 << 20).to_string().as_str(), ENOSPC));
    assert_eq!((run.exit.code, run.exit.oom_killed), (Some(0), false));
}

#[test]
fn the_root_is_read_only_and_tmp_runs_nothing() {
    let run = run(&spec("write", &["write"]));
    assert_eq!((run.line("/new"), run.line("chmod")), (EROFS, EROFS));
    assert!([EROFS, EACCES].contains(&run.line("/proc/sys/kernel/hostname")));
    for path in ["/dev/shm/ok", "/tmp/ok", "/run/ok"] {
        assert_eq!(run.line(path), "ok", "{path}");
    }
    assert_eq!(run.line("run what is in /tmp"), EACCES);
    assert!(!common::root().join("new").exists());
}

#[test]
fn there_is_no_network() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let name = format!("container-test-{port}");
    let address = net::SocketAddr::from_abstract_name(&name).unwrap();
    let _unix = net::UnixListener::bind_addr(&address).unwrap();
    let run = run(&spec("network", &["network", &port, &name]));
    // 101 is ENETUNREACH: loopback is not even up.
    assert!([ECONNREFUSED, "101"].contains(&run.line("connect")), "{:?}", run.lines);
    assert_eq!(run.line("abstract"), ECONNREFUSED);
    assert_eq!(run.line("interfaces"), "lo");
}

#[test]
fn devices_that_were_not_granted_are_out_of_reach() {
    let run = run(&spec("devices", &["devices"]));
    assert_eq!(run.line("mknod"), EPERM);
    for path in ["/tmp/kmsg", "/dev/kmsg", "/dev/mem", "/dev/sda", "/dev/vda"] {
        assert_eq!(run.line(path), ENOENT, "{path}");
    }
    let names: Vec<&str> = run.line("dev").split(',').collect();
    for name in &names {
        let harmless = "fd full null ptmx random shm stderr stdin stdout tty urandom zero core";
        assert!(harmless.split(' ').any(|harmless| harmless == *name), "{names:?}");
    }
}

#[test]
fn a_granted_device_can_be_read_and_its_neighbour_cannot() {
    // The host's node is root's alone, as that of a real device.
    let folder = tempfile::tempdir().unwrap();
    let node = folder.path().join("zero");
    assert!(
        Command::new("mknod")
            .args(["-m", "600"])
            .arg(&node)
            .args(["c", "1", "5"])
            .status()
            .unwrap()
            .success()
    );
    let mut spec = spec("device", &["device", "/dev/strike"]);
    spec.devices.push(DeviceNode { source: node, target: "/dev/strike".into() });
    assert_eq!(run(&spec).line("read"), "ok");
    spec.args[2] = "/dev/kmsg".into();
    assert_eq!(run(&spec).line("read"), ENOENT);
}

#[test]
fn only_a_character_device_can_be_granted() {
    let mut spec = spec("no-device", &["exit", "0"]);
    spec.devices.push(DeviceNode { source: "/etc/passwd".into(), target: "/dev/strike".into() });
    let said = failure(&spec);
    assert!(said.contains("/etc/passwd") && said.contains("not a character device"), "{said}");
}

#[test]
fn dangerous_system_calls_are_refused_and_ordinary_ones_are_not() {
    let run = run(&spec("calls", &["calls"]));
    let refused =
        "ptrace mount unshare setns keyctl bpf perf_event_open userfaultfd io_uring_setup chroot init_module";
    for call in refused.split(' ') {
        assert_eq!(run.line(call), EPERM, "{call}");
    }
    for call in
        ["clone with a user namespace", "clone3", "socket AF_PACKET", "socket AF_ALG", "socket AF_VSOCK"]
    {
        assert_eq!(run.line(call), ENOSYS, "{call}");
    }
    for call in ["thread", "process", "socket AF_INET"] {
        assert_eq!(run.line(call), "ok", "{call}");
    }
}

#[test]
fn it_has_no_rights_and_sees_only_itself() {
    let mut spec = spec("self", &["self"]);
    spec.env.insert("GREETING".into(), "hello".into());
    let run = run(&spec);
    assert_eq!((run.line("NoNewPrivs"), run.line("Seccomp")), ("1", "2"));
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "SigBlk"] {
        assert_eq!(run.line(set), "0000000000000000");
    }
    assert_eq!((run.line("Uid"), run.line("Pid"), run.line("processes")), ("0 0 0 0", "1", "[1]"));
    assert_eq!(run.line("root"), "dev,probe,proc,run,tmp");
    assert_eq!((run.line("hostname"), run.line("cgroup")), ("self", "true"));
    let environment = run.line("environment");
    assert!(environment.contains("GREETING=hello") && !environment.contains("CARGO"), "{environment}");
}

#[test]
fn files_of_the_host_are_not_there() {
    let secret = tempfile::NamedTempFile::new().unwrap();
    let path = secret.path().to_str().unwrap();
    let through_init = format!("/proc/1/root{path}");
    let run = run(&spec("files", &["see", path, &through_init, "/etc/passwd", "/sys/fs/cgroup"]));
    for path in [path, &through_init, "/etc/passwd", "/sys/fs/cgroup"] {
        assert_eq!(run.line(path), ENOENT, "{path}");
    }
}

#[test]
fn binds_are_what_was_ordered() {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::chown(folder.path(), Some(common::UID_BASE), None).unwrap();
    let touch = |name, path: &str, writable| {
        let mut spec = spec(name, &["touch", path]);
        let source = folder.path().to_owned();
        spec.mounts.push(Bind { source, target: "/run/ledger".into(), writable });
        run(&spec).line("touch").to_owned()
    };
    assert_eq!(touch("bind-ro", "/run/ledger/a", false), EROFS);
    assert_eq!(touch("bind-rw", "/run/ledger/b", true), "ok");
    assert!(!folder.path().join("a").exists() && folder.path().join("b").exists());
}

#[test]
fn from_outside_its_user_is_nobody_of_the_host() {
    let (helper, _) = start(&spec("uid", &["sleep"]));
    let status = fs::read_to_string(format!("/proc/{}/status", helper.pid())).unwrap();
    let uid = status.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap();
    assert_eq!(uid.split_whitespace().next(), Some(common::UID_BASE.to_string().as_str()));
    helper.stop();
    helper.wait().unwrap();
}

#[test]
fn stopping_asks_first_and_kills_when_the_time_is_over() {
    let (helper, mut heard) = start(&spec("term", &["wait-for-term"]));
    heard.wait_for("ready");
    helper.stop();
    let exit = helper.wait().unwrap();
    assert_eq!((exit.code, exit.ended), (Some(7), Ended::Stopped));

    let (helper, _) = start(&Spec { stop_timeout_ms: 200, ..spec("deaf", &["sleep"]) });
    let begun = Instant::now();
    helper.stop();
    let exit = helper.wait().unwrap();
    assert_eq!((exit.signal, exit.ended), (Some(9), Ended::Stopped));
    assert!(begun.elapsed() >= Duration::from_millis(200));
}

#[test]
fn a_terminate_signal_to_the_helper_stops_the_container() {
    let (helper, mut heard) = start(&spec("sigterm", &["wait-for-term"]));
    heard.wait_for("ready");
    signal("TERM", parent(helper.pid()));
    assert_eq!(helper.wait().unwrap().code, Some(7));
}

#[test]
fn the_deadline_kills() {
    let exit = run(&Spec { deadline_ms: Some(300), ..spec("deadline", &["wait-for-term"]) }).exit;
    assert_eq!((exit.signal, exit.ended), (Some(9), Ended::Deadline));
}

#[test]
fn a_killed_helper_takes_its_container_along_and_leaves_room_for_the_next() {
    let (first, _) = start(&spec("orphan", &["sleep"]));
    let pid = first.pid();
    signal("KILL", parent(pid));
    assert!(first.wait().unwrap_err().to_string().contains("killed"));
    eventually("the container dies with its helper", || !Path::new(&format!("/proc/{pid}")).exists());
    // Its cgroup is still there; a second container of the name must not mind.
    assert!(run(&spec("orphan", &["exit", "0"])).exit.is_success());
}

#[test]
fn a_dropped_handle_stops_the_container() {
    let (helper, _) = start(&Spec { stop_timeout_ms: 0, ..spec("dropped", &["sleep"]) });
    let pid = helper.pid();
    drop(helper);
    eventually("the container stops", || !Path::new(&format!("/proc/{pid}")).exists());
}

#[test]
fn a_second_container_of_the_name_replaces_the_first() {
    let (first, _) = start(&spec("twice", &["sleep"]));
    assert!(run(&spec("twice", &["exit", "0"])).exit.is_success());
    assert_eq!(first.wait().unwrap().signal, Some(9));
}

#[test]
fn output_is_cut_into_lines_and_a_flood_is_thinned() {
    let run = run(&spec("flood", &["flood"]));
    assert_eq!(run.lines[0], "line 0");
    assert!(run.lines.iter().any(|line| line.contains("lines left out")), "{} lines", run.lines.len());
    assert!(run.lines.len() < 5_000);
    assert!(run.lines.iter().all(|line| line.len() <= Spec::OUTPUT_LINE_BYTES));
}

#[test]
fn what_cannot_run_is_said_in_words() {
    let said = failure(&Spec { args: vec!["/no/such".into()], ..spec("missing", &[]) });
    assert!(said.contains("/no/such") && said.contains("not found"), "{said}");
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("noise"), "\x7fELF and no more").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(folder.path().join("noise"), mode).unwrap();
    let mut noise = Spec { args: vec!["/run/bin/noise".into()], ..spec("noise", &[]) };
    noise.mounts.push(Bind { source: folder.path().into(), target: "/run/bin".into(), writable: false });
    let run = run(&noise);
    assert_eq!(run.exit.code, Some(126));
    assert!(
        run.line("cannot run /run/bin/noise").contains("ermission denied"),
        "binds run nothing: {:?}",
        run.lines
    );
    let said = failure(&Spec { root: "/no/root".into(), ..spec("rootless", &["exit", "0"]) });
    assert!(said.contains("/no/root"), "{said}");
    let missing = container::Helper::start(Path::new("/no/helper"), &spec("helpless", &[]), drop);
    assert!(missing.unwrap_err().to_string().contains("/no/helper"));
    let wrong = Spec { uid_base: 0, ..spec("wrong", &["exit", "0"]) };
    assert!(matches!(container::Helper::start(&helper(), &wrong, drop), Err(StartError::Spec(_))));
}

#[test]
fn the_same_on_cgroup_v2_alone() {
    // Controllers belong to v1 on some machines; the limits of this one container are left out for them.
    let limits = Limits { memory_mib: None, pids: None, cpu_percent: None, ..Limits::default() };
    let v2 = common::helper_on_cgroup_v2();
    let run = Run::of(&v2, &Spec { limits, ..spec("cgroup-v2", &["self"]) });
    assert_eq!((run.line("Seccomp"), run.line("cgroup"), run.exit.code), ("2", "true", Some(0)));
    let run = Run::of(&v2, &Spec { limits, ..spec("cgroup-v2", &["devices"]) });
    assert_eq!(run.line("mknod"), EPERM);
}

/// As after a box's start, when nothing of the control groups is there yet and all dapps start. Deep ones, so that
/// they meet on the way.
#[test]
fn containers_that_start_at_the_same_moment_share_a_new_parent_group() {
    let v2 = common::helper_on_cgroup_v2();
    let limits = Limits { memory_mib: None, pids: None, cpu_percent: None, ..Limits::default() };
    for round in 0..8 {
        let top = format!("/ledger-together-{}-{round}", std::process::id());
        let cgroup_parent = Path::new(&top).join("d/".repeat(90));
        std::thread::scope(|scope| {
            for name in ["together-a", "together-b", "together-c", "together-d"] {
                let order =
                    Spec { limits, cgroup_parent: cgroup_parent.clone(), ..spec(name, &["exit", "0"]) };
                scope.spawn(|| assert!(Run::of(&v2, &{ order }).exit.is_success()));
            }
        });
        common::remove_on_cgroup_v2(&top);
    }
}

fn failure(spec: &Spec) -> String {
    container::Helper::start(&helper(), spec, drop).unwrap_err().to_string()
}

fn eventually(what: &str, is_so: impl Fn() -> bool) {
    within(Duration::from_secs(10), what, is_so);
}

fn within(patience: Duration, what: &str, is_so: impl Fn() -> bool) {
    let until = Instant::now() + patience;
    while !is_so() {
        assert!(Instant::now() < until, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// How much time on cores a process has had, user's and system's.
fn cpu_time(pid: i32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // The program's name in parentheses may have spaces; what follows it is field 3. Fields 14 and 15 are in
    // ticks, proc_pid_stat(5), of which a second has 100 on every machine that this runs on.
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: u64 = fields[11..=12].iter().map(|field| field.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

/// In how many periods the kernel held a container back, on cgroup v1 or v2.
fn throttled(spec: &Spec) -> u64 {
    let inside = spec.cgroup();
    let folders = ["cpu", ""].map(|root| Path::new("/sys/fs/cgroup").join(root));
    let file = folders.map(|root| root.join(inside.strip_prefix("/").unwrap()).join("cpu.stat"));
    let text = file.iter().find_map(|file| fs::read_to_string(file).ok()).unwrap();
    text.lines().find_map(|line| line.strip_prefix("nr_throttled ")).unwrap().parse().unwrap()
}

fn parent(pid: i32) -> i32 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    status.lines().find_map(|line| line.strip_prefix("PPid:")).unwrap().trim().parse().unwrap()
}

fn signal(name: &str, pid: i32) {
    let status = Command::new("/bin/sh").arg("-c").arg(format!("kill -{name} {pid}")).status().unwrap();
    assert!(status.success());
}
