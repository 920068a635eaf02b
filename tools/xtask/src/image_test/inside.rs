//! What a machine is like inside: commands by SSH, and the lines of its gpio-sim chip.
//!
//! One connection serves all commands of a machine (OpenSSH's ControlMaster), for an emulated processor takes a second for each
//! new one.

use super::machine::{Bench, Machine};
use crate::{
    qemu::Net,
    shell::{Done, command, output, run},
};
use std::{
    fs,
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(120);
const STEP: Duration = Duration::from_millis(100);
/// Where the lines of the chip that `board/qemu-aarch64` makes can be seen and moved.
const LINES: &str = "/sys/devices/platform/gpio-sim.*/gpiochip*/sim_gpio";

/// An SSH key of the test's own.
pub struct Key(PathBuf);

impl Key {
    /// The one in the test's folder.
    pub fn new(bench: &Bench<'_>) -> Done<Self> {
        let file = bench.file("key");
        if !file.exists() {
            run(command("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&file))?;
        }
        Ok(Self(file))
    }

    /// What the settings are given.
    pub fn public(&self) -> Done<String> {
        Ok(fs::read_to_string(self.0.with_extension("pub"))?)
    }
}

/// The inside of a machine.
pub struct Inside<'a> {
    key: &'a Key,
    net: Net,
}

impl<'a> Inside<'a> {
    /// Of this machine.
    pub fn of(machine: &Machine, key: &'a Key) -> Self {
        Self { key, net: machine.net.clone() }
    }

    /// What a command says, as root.
    pub fn run(&self, line: &str) -> Done<String> {
        output(&mut self.ssh(line))
    }

    /// Puts a program there.
    pub fn put(&self, bytes: &[u8], to: &str) -> Done {
        let mut ssh = self.ssh(&format!("cat >{to} && chmod 755 {to}"));
        let mut ssh = ssh.stdin(Stdio::piped()).spawn()?;
        if let Some(mut input) = ssh.stdin.take() {
            input.write_all(bytes)?;
        }
        if ssh.wait()?.success() {
            Ok(())
        } else {
            Err(format!("{to} could not be written on the box").into())
        }
    }

    fn ssh(&self, line: &str) -> Command {
        let (host, port) = self.net.ssh();
        let mut ssh = self.net.client("ssh");
        ssh.args(["-q", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]);
        ssh.args(["-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "ConnectTimeout=60"]);
        ssh.args(["-o", "ControlMaster=auto", "-o", "ControlPersist=20", "-o"]);
        ssh.arg(format!("ControlPath={}-%h-%p", self.key.0.display())).arg("-i").arg(&self.key.0);
        ssh.args(["-p", &port.to_string(), &format!("root@{host}"), line]);
        ssh
    }

    /// The level of a line.
    pub fn level(&self, line: u8) -> Done<bool> {
        Ok(self.run(&format!("cat {LINES}{line}/value"))?.trim() == "1")
    }

    /// Moves an input line.
    pub fn pull(&self, line: u8, up: bool) -> Done {
        let pull = if up { "pull-up" } else { "pull-down" };
        self.run(&format!("echo {pull} >$(echo {LINES}{line}/pull)")).map(drop)
    }

    /// Waits until a line has this level.
    pub fn until_level(&self, line: u8, high: bool) -> Done {
        self.until(&format!("line {line} to be {}", u8::from(high)), || {
            self.level(line).is_ok_and(|is| is == high)
        })
    }

    /// Waits until a command says this.
    pub fn until_says(&self, line: &str, text: &str) -> Done<String> {
        self.until(&format!("`{line}` to say {text:?}"), || {
            self.run(line).is_ok_and(|said| said.contains(text))
        })?;
        self.run(line)
    }

    fn until(&self, what: &str, seen: impl Fn() -> bool) -> Done {
        let begun = Instant::now();
        while !seen() {
            if begun.elapsed() > PATIENCE {
                return Err(format!("waited {PATIENCE:?} for {what}").into());
            }
            thread::sleep(STEP);
        }
        Ok(())
    }
}
