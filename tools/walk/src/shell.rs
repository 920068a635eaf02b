//! One shell for one box of a walkthrough: a bash here, or one at the other end of a line.
//!
//! Commands go to its stdin, each followed by one that prints a mark and the status; stdout and stderr come back
//! through one pipe. It has a process group of its own, so that all it started here can be stopped.

use std::{
    io::{BufRead, BufReader, Write},
    os::unix::process::CommandExt,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver},
    time::Duration,
};

const MARK: &str = "=== done, exit";

/// A shell that runs.
pub struct Shell {
    process: Child,
    input: ChildStdin,
    lines: Receiver<String>,
    patience: Duration,
}

impl Shell {
    /// Starts one: a program that reads commands as `sh` does. No command may take longer than `patience`.
    pub fn start(mut program: Command, patience: Duration) -> std::io::Result<Self> {
        program.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = program.spawn()?;
        let (input, output) = (process.stdin.take(), process.stdout.take());
        let (mut input, output) = input.zip(output).expect("because both were asked for");
        writeln!(input, "exec 2>&1")?;
        Ok(Self { process, input, lines: read_lines(output), patience })
    }

    /// Runs a command: its output and its status.
    pub fn run(&mut self, command: &str) -> Result<(Vec<String>, i32), String> {
        // In braces and not in a subshell: what it sets stays set. Its stdin is not the script.
        let script = format!("{{ {command}\n}} < /dev/null\nprintf '\\n{MARK} %s\\n' $?\n");
        self.input.write_all(script.as_bytes()).map_err(|e| format!("the shell is gone: {e}"))?;
        let mut output = Vec::new();
        loop {
            let line = self.lines.recv_timeout(self.patience).map_err(|_| {
                format!("$ {command}\ndid not end in {:?}; it said\n{}", self.patience, output.join("\n"))
            })?;
            if let Some(status) = line.strip_prefix(MARK) {
                output.pop_if(|last: &mut String| last.is_empty());
                let status = status.trim().parse().map_err(|_| format!("a status of {status:?}"))?;
                return Ok((output, status));
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
    /// Stops the shell and all that it started, gently first: ledgerd makes its outputs safe.
    fn drop(&mut self) {
        let group = format!("-{}", self.process.id());
        let kill =
            |signal: &str| Command::new("kill").args([signal, "--", &group]).stderr(Stdio::null()).status();
        for signal in ["-TERM", "-KILL"] {
            drop(kill(signal));
            for _ in 0..100 {
                if !kill("-0").is_ok_and(|status| status.success()) {
                    break;
                }
                drop(self.process.try_wait());
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        drop(self.process.wait());
    }
}
