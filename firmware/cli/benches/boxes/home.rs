//! One box: its home, `ledgerctl` on it, and its `ledgerd`.

use super::{
    figures::{cpu, peak_mib},
    http, wait_for,
};
use serde_json::Value;
use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

/// A box.
pub struct Machine {
    /// Its name in the ledger.
    pub name: String,
    /// Its home.
    pub home: PathBuf,
    /// Where others reach it.
    pub address: String,
    /// The network namespace in which its programs run, if not the bench's own.
    pub namespace: Option<String>,
    ledgerd: Option<Child>,
}

impl Machine {
    /// A box that has nothing yet.
    pub fn new(name: String, home: PathBuf, address: String, namespace: Option<String>) -> Self {
        Self { name, home, address, namespace, ledgerd: None }
    }

    /// A program at this box.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let Some(namespace) = &self.namespace else { return Command::new(program) };
        // Not by `ip netns exec`, which hides the cgroups that containers need.
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/run/netns/{namespace}")).arg("--").arg(program);
        command
    }

    /// ledgerctl on this home.
    pub fn ledgerctl(&self, args: &[&str]) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_ledgerctl"));
        command.arg("--home").arg(&self.home).arg("--json").args(args).stdin(Stdio::null());
        command
    }

    /// What ledgerctl says.
    pub fn ctl(&self, args: &[&str]) -> Value {
        let output = self.ledgerctl(args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
    }

    /// Says in node.toml where this box listens, where the others are, and how soon it shares events.
    pub fn settle(&self, known: &str, share: &str) {
        let path = self.home.join("node.toml");
        let now: toml::Table = fs::read_to_string(&path).unwrap().parse().unwrap();
        let (host, port) = self.address.split_once(':').unwrap();
        let net = format!("[net]\nport = {port}\nbind = [\"{host}\"]\nmdns = false\nknown = {{ {known} }}\n");
        let text = format!("name = {}\norg = {}\n{net}[net.share]\n{share}\n", now["name"], now["org"]);
        fs::write(path, text).unwrap();
    }

    /// Starts ledgerd and waits until it answers.
    pub fn start(&mut self) {
        let program = Path::new(env!("CARGO_BIN_EXE_ledgerctl")).with_file_name("ledgerd");
        let mut command = self.command(program);
        command.arg("--home").arg(&self.home).args(["--board", "sim", "--listen", "none"]);
        let messages = fs::File::create(self.home.with_extension("log")).unwrap();
        let level = std::env::var("RUST_LOG").unwrap_or_else(|_| "warn".into());
        self.ledgerd = Some(command.env("RUST_LOG", level).stderr(messages).spawn().unwrap());
        wait_for(&self.name, Duration::from_millis(20), || http::Connection::open(&self.admin()));
    }

    /// Stops it.
    pub fn stop(&mut self) {
        let Some(mut ledgerd) = self.ledgerd.take() else { return };
        drop(Command::new("kill").arg(ledgerd.id().to_string()).status());
        drop(ledgerd.wait());
    }

    /// The most memory that its ledgerd had resident, in MiB.
    pub fn peak_mib(&self) -> f64 {
        self.ledgerd.as_ref().and_then(|ledgerd| peak_mib(ledgerd.id())).unwrap_or(0.0)
    }

    /// How long its ledgerd has run on a processor.
    pub fn cpu(&self) -> Duration {
        self.ledgerd.as_ref().map_or(Duration::ZERO, |ledgerd| cpu(ledgerd.id()))
    }

    /// Its admin socket.
    pub fn admin(&self) -> PathBuf {
        self.home.join("run/admin.sock")
    }

    /// The socket on which its doorbot speaks to it.
    pub fn doorbot(&self) -> PathBuf {
        self.home.join("run/dapps/doorbot/api.sock")
    }

    /// How it stands.
    pub fn status(&self) -> Value {
        http::ask(&self.admin(), "GET", "/v1/status", "")
    }

    /// The newest block of main that it has.
    pub fn head(&self) -> String {
        self.status()["head"].as_str().unwrap().to_string()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = fs::read_to_string(self.home.with_extension("log")).unwrap_or_default();
            eprintln!("{}:\n{log}", self.name);
        }
        self.stop();
    }
}
