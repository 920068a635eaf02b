//! The peer: Debian's own git, which serves and clones the same repository over the same loopback.

use crate::boxes::{figures::Memory, wait_for};
use std::{
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

const PORT: u16 = 9418;

/// Debian's git, whatever else the machine has.
pub fn git() -> Command {
    let mut git = Command::new("/usr/bin/git");
    git.env("PATH", "/usr/bin:/bin").env("GIT_CONFIG_NOSYSTEM", "1");
    git
}

/// Runs git in a repository; what it says.
pub fn git_in(repository: &Path, args: &[&str]) -> String {
    let output = git().arg("--git-dir").arg(repository).args(args).output().expect("git is needed");
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// `git daemon` for the repositories of a folder.
pub struct Daemon(Child);

impl Daemon {
    /// Starts one and waits until it listens.
    pub fn start(folder: &Path) -> Self {
        // Not by `git daemon`, which would leave its child behind when it is killed.
        let mut daemon = Command::new("/usr/lib/git-core/git-daemon");
        daemon.args(["--export-all", "--reuseaddr", "--listen=127.0.0.1"]);
        daemon.arg(format!("--base-path={}", folder.display())).stdout(Stdio::null()).stderr(Stdio::null());
        let daemon = Self(daemon.spawn().expect("git is needed"));
        wait_for("git daemon", Duration::from_millis(10), || TcpStream::connect(("127.0.0.1", PORT)).ok());
        daemon
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _gone = self.0.kill().and_then(|()| self.0.wait());
    }
}

/// Clones a repository from the daemon. The largest of git's processes, in MiB.
pub fn clone(name: &str, into: &Path) -> f64 {
    let mut clone = git();
    clone.args(["clone", "--quiet", "--mirror", &format!("git://127.0.0.1/{name}")]).arg(into);
    let mut clone = clone.spawn().unwrap();
    let memory = Memory::of(clone.id());
    assert!(clone.wait().unwrap().success());
    memory.largest()
}
