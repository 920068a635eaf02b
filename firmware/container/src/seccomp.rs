//! Which system calls a container may make: those that ordinary programs need, named one by one.
//!
//! Modelled on the habit of the well-known default profiles, but shorter: what needs a capability that no
//! container of ours has is left out altogether. Everything else fails. Calls that are dangerous and known
//! fail with EPERM, so that a person reading a log sees a refusal; all others fail with ENOSYS, so that a C
//! library newer than this list falls back to an older call, as it does on an older kernel. Only calls of the
//! machine's own ABI exist: libseccomp kills a process that makes one of another (32-bit, x32).
//! Tried with busybox, static glibc programs in Rust, and Python on dynamic glibc (threads, processes, asyncio).

use serde_json::{Value, json};

const ENOSYS: u32 = 38;
const EPERM: u32 = 1;

/// The least of the flags that make clone begin a new namespace: CLONE_NEWCGROUP, and above it NEWUTS, NEWIPC,
/// NEWUSER, NEWPID and NEWNET. Every flag that threads and processes are made with is below.
const CLONE_NAMESPACES: u64 = 0x0200_0000;
/// AF_UNIX, AF_INET, AF_INET6 and AF_NETLINK: the last one for getaddrinfo and if_nameindex.
const SOCKET_FAMILIES: [u64; 4] = [1, 2, 10, 16];

/// Files that are open.
const DESCRIPTORS: &str = "read readv pread64 preadv preadv2 write writev pwrite64 pwritev pwritev2 lseek \
    _llseek close close_range dup dup2 dup3 fcntl fcntl64 ioctl pipe pipe2 sendfile sendfile64 splice tee \
    vmsplice copy_file_range readahead fadvise64 fadvise64_64 arm_fadvise64_64 fallocate ftruncate \
    ftruncate64 fsync fdatasync sync_file_range arm_sync_file_range syncfs sync flock fstat fstat64";
/// Files by name.
const FILES: &str = "open openat openat2 creat access faccessat faccessat2 stat stat64 lstat lstat64 newfstatat \
    fstatat64 statx statfs statfs64 fstatfs fstatfs64 getdents getdents64 readlink readlinkat getcwd chdir \
    fchdir mkdir mkdirat rmdir rename renameat renameat2 link linkat symlink symlinkat unlink unlinkat \
    truncate truncate64 chmod fchmod fchmodat fchmodat2 chown chown32 fchown fchown32 fchownat lchown \
    lchown32 umask utime utimes futimesat utimensat utimensat_time64 getxattr lgetxattr fgetxattr listxattr \
    llistxattr flistxattr mknod mknodat";
/// Waiting for many files at once.
const WAITING: &str = "poll ppoll ppoll_time64 select _newselect pselect6 pselect6_time64 epoll_create \
    epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 eventfd eventfd2 signalfd signalfd4 \
    timerfd_create timerfd_settime timerfd_settime64 timerfd_gettime timerfd_gettime64 inotify_init \
    inotify_init1 inotify_add_watch inotify_rm_watch";
/// Memory. memfd_create is for Python and Wayland-like users of sealed buffers.
const MEMORY: &str = "brk mmap mmap2 munmap mremap mprotect madvise msync mincore mlock mlock2 munlock mlockall \
    munlockall memfd_create membarrier";
/// Processes and threads. clone is treated apart; clone3 is missing on purpose, because a filter cannot look
/// into its arguments: libraries fall back to clone.
const PROCESSES: &str = "fork vfork execve execveat exit exit_group wait4 waitpid waitid getpid getppid gettid \
    getpgid getpgrp setpgid getsid setsid set_tid_address set_robust_list get_robust_list rseq futex \
    futex_time64 futex_waitv kill tkill tgkill pidfd_open pidfd_send_signal prctl arch_prctl set_tls \
    get_tls cacheflush set_thread_area get_thread_area";
/// Who the process is. The setters change nothing beyond the container's own users, and need a capability.
const IDENTITY: &str = "getuid getuid32 geteuid geteuid32 getgid getgid32 getegid getegid32 getresuid \
    getresuid32 getresgid getresgid32 getgroups getgroups32 setuid setuid32 setgid setgid32 setreuid \
    setreuid32 setregid setregid32 setresuid setresuid32 setresgid setresgid32 setgroups setgroups32 \
    setfsuid setfsuid32 setfsgid setfsgid32 capget capset";
/// Signals and timers.
const SIGNALS: &str = "rt_sigaction sigaction rt_sigprocmask sigprocmask rt_sigreturn sigreturn rt_sigpending \
    rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_sigqueueinfo rt_tgsigqueueinfo sigaltstack \
    restart_syscall pause alarm nanosleep clock_nanosleep clock_nanosleep_time64 getitimer setitimer \
    timer_create timer_settime timer_settime64 timer_gettime timer_gettime64 timer_getoverrun timer_delete";
/// Clocks are read, never set.
const CLOCKS: &str = "time gettimeofday clock_gettime clock_gettime64 clock_getres clock_getres_time64 times";
/// Sockets, once made. Which families can be made is treated apart.
const SOCKETS: &str = "socketpair bind listen accept accept4 connect getsockname getpeername getsockopt \
    setsockopt send sendto sendmsg sendmmsg recv recvfrom recvmsg recvmmsg recvmmsg_time64 shutdown";
/// What the process may use up, and what the machine has.
const RESOURCES: &str = "getrlimit ugetrlimit setrlimit prlimit64 getrusage getpriority setpriority ioprio_get \
    sched_yield sched_getaffinity sched_setaffinity sched_getparam sched_getscheduler sched_setscheduler \
    sched_get_priority_max sched_get_priority_min sched_rr_get_interval sched_getattr getcpu sysinfo uname \
    getrandom";
/// System V shared memory and semaphores and POSIX queues, inside the container's own IPC namespace.
const IPC: &str = "shmget shmat shmdt shmctl semget semop semtimedop semtimedop_time64 semctl msgget msgsnd \
    msgrcv msgctl mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr";

/// Refused by name. All of these would fail for lack of a capability too; this is the second lock, and it
/// holds where a kernel fault opens the first.
const REFUSED: &str = "mount umount umount2 pivot_root chroot mount_setattr move_mount open_tree fsopen fspick \
    fsconfig fsmount unshare setns ptrace process_vm_readv process_vm_writev kcmp process_madvise \
    pidfd_getfd keyctl add_key request_key bpf perf_event_open userfaultfd io_uring_setup io_uring_enter \
    io_uring_register init_module finit_module delete_module kexec_load kexec_file_load reboot swapon \
    swapoff settimeofday clock_settime clock_settime64 adjtimex clock_adjtime clock_adjtime64 stime \
    sethostname setdomainname acct quotactl quotactl_fd nfsservctl syslog lookup_dcookie iopl ioperm \
    open_by_handle_at name_to_handle_at fanotify_init fanotify_mark personality vhangup move_pages mbind \
    migrate_pages set_mempolicy get_mempolicy set_mempolicy_home_node setxattr lsetxattr fsetxattr \
    removexattr lremovexattr fremovexattr landlock_create_ruleset landlock_add_rule landlock_restrict_self \
    seccomp memfd_secret modify_ldt vm86 vm86old uselib ustat sysfs _sysctl";

/// The filter, as the OCI runtime configuration has it.
pub fn profile() -> Value {
    let allowed =
        [DESCRIPTORS, FILES, WAITING, MEMORY, PROCESSES, IDENTITY, SIGNALS, CLOCKS, SOCKETS, RESOURCES, IPC];
    let allowed: Vec<&str> = allowed.iter().flat_map(|group| names(group)).collect();
    let refused: Vec<&str> = names(REFUSED).collect();
    let mut rules = vec![
        json!({ "names": allowed, "action": "SCMP_ACT_ALLOW" }),
        json!({ "names": refused, "action": "SCMP_ACT_ERRNO", "errnoRet": EPERM }),
        clone_rule(),
    ];
    rules.extend(SOCKET_FAMILIES.map(socket_rule));
    json!({ "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": ENOSYS, "syscalls": rules })
}

fn names(group: &'static str) -> impl Iterator<Item = &'static str> {
    group.split_ascii_whitespace()
}

/// clone without a flag for a new namespace.
///
/// A comparison, not a mask: libcontainer 0.7 takes the two numbers of `SCMP_CMP_MASKED_EQ` the other way round
/// than the OCI runtime specification, and whichever way is written, the other reading allows everything.
/// CLONE_NEWNS (0x20000) lies among the harmless flags and passes; the kernel refuses it for lack of a
/// capability, which only a new user namespace could give.
fn clone_rule() -> Value {
    let no_namespace = json!({ "index": 0, "op": "SCMP_CMP_LT", "value": CLONE_NAMESPACES });
    json!({ "names": ["clone"], "action": "SCMP_ACT_ALLOW", "args": [no_namespace] })
}

fn socket_rule(family: u64) -> Value {
    let is_family = json!({ "index": 0, "op": "SCMP_CMP_EQ", "value": family });
    json!({ "names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [is_family] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn nothing_is_both_allowed_and_refused() {
        let profile = profile();
        let of = |rule: usize| -> BTreeSet<String> {
            serde_json::from_value(profile["syscalls"][rule]["names"].clone()).unwrap()
        };
        assert_eq!(of(0).intersection(&of(1)).count(), 0);
        assert!(of(0).contains("epoll_wait") && of(1).contains("ptrace"));
        assert!(!of(0).contains("clone3") && !of(0).contains("unshare"));
    }
}
