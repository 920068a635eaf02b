//! A home in a temporary folder, and ledgerctl run on it.

#![allow(dead_code, reason = "each test program uses its own part of this")]

use serde_json::Value;
use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

/// A home that goes with the test.
pub struct TestHome {
    folder: tempfile::TempDir,
}

impl TestHome {
    /// An organisation founded by alice, on the node front-door.
    pub fn new() -> Self {
        let home = Self { folder: tempfile::tempdir().unwrap() };
        home.good(&["init", "--org", "Example Makers", "--founder", "alice", "--timezone", "Europe/Berlin"]);
        home
    }

    /// A folder in which there is no home yet.
    pub fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// The temporary folder; the home is below it.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The home.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("box")
    }

    /// The repository.
    pub fn git(&self) -> PathBuf {
        self.path().join("ledger.git")
    }

    /// ledgerctl on this home.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ledgerctl"));
        command.arg("--home").arg(self.path()).args(args).current_dir(self.folder.path());
        command.env_remove("LEDGER_HOME").stdin(Stdio::null());
        command
    }

    /// What a command says when it succeeds.
    pub fn good(&self, args: &[&str]) -> String {
        let output = self.command(args).output().unwrap();
        assert!(output.status.success(), "ledgerctl {args:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// What a command says as JSON.
    pub fn json(&self, args: &[&str]) -> Value {
        let args: Vec<&str> = ["--json"].iter().chain(args).copied().collect();
        let said = self.good(&args);
        serde_json::from_str(&said).unwrap_or_else(|e| panic!("{args:?} said {said:?}: {e}"))
    }

    /// What a command says on stderr when it is refused.
    pub fn bad(&self, args: &[&str]) -> String {
        let output = self.command(args).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "ledgerctl {args:?}: {output:?}");
        text(&output.stderr)
    }

    /// A command with something on stdin.
    pub fn feed(&self, args: &[&str], input: &str) -> Output {
        let mut command = self.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    /// Writes a file beside the home.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_string()
    }
}

/// Runs a program that must succeed; its stdout.
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(output.status.success(), "{command:?}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// Bytes that a program said.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Bytes that look random and are the same every time (xorshift64).
pub fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let step = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(step).flatten().take(length).collect()
}

/// The keys of a JSON value, `a.b` and `a[].b`, sorted: its shape.
pub fn keys(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    gather("", value, &mut found);
    found.sort();
    found.dedup();
    found
}

fn gather(above: &str, value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, below) in map {
                let path = if above.is_empty() { key.clone() } else { format!("{above}.{key}") };
                found.push(path.clone());
                gather(&path, below, found);
            }
        }
        Value::Array(list) => list.iter().for_each(|below| gather(&format!("{above}[]"), below, found)),
        _ => {}
    }
}
