//! One bash for one walkthrough.
//!
//! Commands go to its stdin, each followed by one that prints a mark and the status; stdout and stderr come back
//! through one pipe. The bash has a process group of its own, so that all it started can be stopped.

use super::build::Built;
use std::{
    io::{BufRead, BufReader, Write},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    time::Duration,
};

const MARK: &str = "=== done, exit";
const PATIENCE: Duration = Duration::from_secs(120);

/// A bash that runs.
pub struct Shell {
    bash: Child,
    lines: Receiver<String>,
}

impl Shell {
    /// Starts one in a folder, with the folder STICK beside it.
    pub fn start(folder: &Path, built: &Built, stick: &Path) -> Self {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut bash = Command::new("bash");
        bash.args(["--noprofile", "--norc"]).current_dir(folder).process_group(0);
        bash.stdin(Stdio::piped()).stdout(Stdio::piped());
        bash.env("PATH", format!("{}:{path}", built.programs.display())).env("LEDGER_DAPPS", &built.dapps);
        bash.env("STICK", stick);
        bash.env("HOME", folder).env("LC_ALL", "C.UTF-8").env("TZ", "UTC").env_remove("LEDGER_HOME");
        bash.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_PAGER", "cat");
        let mut bash = bash.spawn().expect("bash starts");
        writeln!(bash.stdin.as_mut().unwrap(), "exec 2>&1").unwrap();
        let lines = read_lines(bash.stdout.take().unwrap());
        Self { bash, lines }
    }

    /// Runs a command: its output and its status.
    pub fn run(&mut self, command: &str) -> Result<(Vec<String>, i32), String> {
        let input = self.bash.stdin.as_mut().unwrap();
        // In braces and not in a subshell: what it sets stays set. Its stdin is not the script.
        let script = format!("{{ {command}\n}} < /dev/null\nprintf '\\n{MARK} %s\\n' $?\n");
        input.write_all(script.as_bytes()).map_err(|e| format!("bash is gone: {e}"))?;
        let mut output = Vec::new();
        loop {
            let line = self.lines.recv_timeout(PATIENCE).map_err(|_| {
                format!("$ {command}\ndid not end in {PATIENCE:?}; it said\n{}", output.join("\n"))
            })?;
            if let Some(status) = line.strip_prefix(MARK) {
                output.pop_if(|last: &mut String| last.is_empty());
                return Ok((output, status.trim().parse().unwrap()));
            }
            output.push(line);
        }
    }
}

fn read_lines(from: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (send, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
            if send.send(String::from_utf8_lossy(&line).trim_end().to_string()).is_err() {
                break;
            }
        }
    });
    lines
}

impl Drop for Shell {
    /// Stops the bash and all that it started, gently first: ledgerd makes its outputs safe.
    fn drop(&mut self) {
        let group = format!("-{}", self.bash.id());
        let kill =
            |signal: &str| Command::new("kill").args([signal, "--", &group]).stderr(Stdio::null()).status();
        for signal in ["-TERM", "-KILL"] {
            drop(kill(signal));
            for _ in 0..100 {
                if !kill("-0").is_ok_and(|status| status.success()) {
                    break;
                }
                drop(self.bash.try_wait());
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        drop(self.bash.wait());
    }
}
