//! `dapp.toml`: a dapp's list of rights.
//!
//! What is not named here, the agent does not give: ledger paths, devices, other dapps, memory, the network.
//! An unknown key is an error at every level, so a misspelt limit is not a missing limit. [`Manifest::parse`]
//! checks every field against its limits; whoever holds a `Manifest` need not. The format is
//! docs/formats/dapp-manifest.md.

use model::{Glob, Name, StatePath};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, ops::RangeInclusive};

/// The longest manifest, in bytes.
pub const MAX_MANIFEST_BYTES: usize = 16 * 1024;
/// The most patterns in `reads`, and in `writes`.
const MAX_GLOBS: usize = 64;
/// The most devices.
const MAX_DEVICES: usize = 64;
/// The most other dapps that may be called.
const MAX_CALLS: usize = 16;
/// The most words of a command line, and the most bytes of one.
const MAX_ARGS: usize = 32;
const MAX_ARG_BYTES: usize = 1024;
/// The longest `about`, in bytes.
const MAX_ABOUT_BYTES: usize = 200;
const MEMORY_MIB: RangeInclusive<u64> = 4..=4096;
const PIDS: RangeInclusive<u64> = 1..=1024;
/// Percent of one core.
const CPU_PERCENT: RangeInclusive<u64> = 1..=400;
const TIMEOUT_MS: RangeInclusive<u64> = 10..=600_000;
const HEALTH_MS: RangeInclusive<u64> = 100..=600_000;

/// A checked manifest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The dapp's name; the same as its folder below `dapps/`.
    pub name: Name,
    /// The dapp's own version, such as `1.2.0`; shown, not compared.
    pub version: String,
    /// One line for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// Paths of the ledger that it may read and watch.
    #[serde(default)]
    pub reads: Vec<Glob>,
    /// Paths of the ledger that it may write, if the policy allows it too.
    #[serde(default)]
    pub writes: Vec<Glob>,
    /// Devices by logical name; it gets those that the board has too.
    #[serde(default)]
    pub devices: Vec<Name>,
    /// Other dapps that it may call.
    #[serde(default)]
    pub calls: Vec<Name>,
    /// Whether it gets the node's network. No, unless it says so.
    #[serde(default)]
    pub network: bool,
    /// The program that runs as long as the agent does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serve: Option<Entry>,
    /// The program that judges proposals: no network, no device, no socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judge: Option<Entry>,
    /// Whether `serve` promises to say that it is alive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
}

/// One entry point and its limits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The whole command line, the program first by its absolute path in the image. Empty: the image's own
    /// entrypoint and command.
    #[serde(default)]
    pub args: Vec<String>,
    /// Memory, in MiB; beyond it the kernel ends the program.
    #[serde(default = "default_memory_mib")]
    pub memory_mib: u64,
    /// How many processes and threads.
    #[serde(default = "default_pids")]
    pub pids: u64,
    /// Processor time, in percent of one core.
    #[serde(default = "default_cpu_percent")]
    pub cpu_percent: u64,
    /// `serve`: how long it may take to stop after SIGTERM. `judge`: its deadline. In milliseconds.
    #[serde(default = "default_timeout_ms")]
    pub timeout_ms: u64,
}

/// A promise to say `POST /v1/alive` at least so often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// After this long without a word the agent ends the program, makes its devices safe and starts it anew.
    pub interval_ms: u64,
}

fn default_memory_mib() -> u64 {
    32
}
fn default_pids() -> u64 {
    16
}
fn default_cpu_percent() -> u64 {
    100
}
fn default_timeout_ms() -> u64 {
    5000
}

/// Bytes that are not a manifest, and why.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Over the limit.
    #[error("dapp.toml has {bytes} bytes, at most {MAX_MANIFEST_BYTES} are taken")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Not UTF-8.
    #[error("dapp.toml is not UTF-8 text")]
    Utf8(#[source] std::str::Utf8Error),
    /// Not TOML, a field is missing, unknown or of the wrong type.
    #[error("dapp.toml: {0}")]
    Parse(#[source] toml::de::Error),
    /// A number outside its limits.
    #[error("dapp.toml: {field} = {value}, it must be {least} to {most}")]
    Range {
        /// Which, such as `serve.memory_mib`.
        field: String,
        /// What stands there.
        value: u64,
        /// The least that is taken.
        least: u64,
        /// The most that is taken.
        most: u64,
    },
    /// A list longer than its limit.
    #[error("dapp.toml: {field} has {count} entries, at most {most} are taken")]
    TooMany {
        /// Which, such as `reads`.
        field: String,
        /// How many there are.
        count: usize,
        /// How many are taken.
        most: usize,
    },
    /// Something named twice.
    #[error("dapp.toml: {field} names {value:?} twice")]
    Twice {
        /// Which list.
        field: &'static str,
        /// What.
        value: String,
    },
    /// A text that cannot be what it should be.
    #[error("dapp.toml: {field} = {value:?}: {wanted}")]
    Text {
        /// Which.
        field: String,
        /// What stands there.
        value: String,
        /// What should.
        wanted: &'static str,
    },
    /// Neither serves nor judges.
    #[error("dapp.toml has neither [serve] nor [judge]: name the program that it runs")]
    NoEntry,
    /// Rights that only a serving dapp can use.
    #[error("dapp.toml: {field} needs a [serve] entry; a judge gets none of it")]
    NeedsServe {
        /// Which.
        field: &'static str,
    },
}

impl Manifest {
    /// Reads and checks a manifest.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        if bytes.len() > MAX_MANIFEST_BYTES {
            return Err(ManifestError::TooLong { bytes: bytes.len() });
        }
        let text = std::str::from_utf8(bytes).map_err(ManifestError::Utf8)?;
        let manifest: Self = toml::from_str(text).map_err(ManifestError::Parse)?;
        manifest.check()?;
        Ok(manifest)
    }

    /// Whether the dapp may read this path.
    pub fn may_read(&self, path: &StatePath) -> bool {
        self.reads.iter().any(|glob| glob.matches(path))
    }

    /// Whether the dapp may read anything at or below this folder.
    pub fn may_watch(&self, folder: &StatePath) -> bool {
        self.reads.iter().any(|glob| glob.reaches(folder))
    }

    /// Whether the dapp may write this path; the policy has its say too.
    pub fn may_write(&self, path: &StatePath) -> bool {
        self.writes.iter().any(|glob| glob.matches(path))
    }

    /// Whether the dapp may use this device.
    pub fn may_use(&self, device: &Name) -> bool {
        self.devices.contains(device)
    }

    /// Whether the dapp may call this other one.
    pub fn may_call(&self, dapp: &Name) -> bool {
        self.calls.contains(dapp)
    }

    fn check(&self) -> Result<(), ManifestError> {
        self.check_texts()?;
        count("reads", self.reads.len(), MAX_GLOBS)?;
        count("writes", self.writes.len(), MAX_GLOBS)?;
        count("devices", self.devices.len(), MAX_DEVICES)?;
        count("calls", self.calls.len(), MAX_CALLS)?;
        once("devices", &self.devices)?;
        once("calls", &self.calls)?;
        self.check_entries()
    }

    fn check_texts(&self) -> Result<(), ManifestError> {
        let version = |b: u8| b.is_ascii_alphanumeric() || b".-+".contains(&b);
        if !(1..=32).contains(&self.version.len()) || !self.version.bytes().all(version) {
            return Err(text("version", &self.version, "1 to 32 letters, digits, '.', '-' or '+'"));
        }
        if self.about.len() > MAX_ABOUT_BYTES || self.about.chars().any(char::is_control) {
            return Err(text("about", &self.about, "one line of at most 200 bytes"));
        }
        Ok(())
    }

    fn check_entries(&self) -> Result<(), ManifestError> {
        if self.serve.is_none() && self.judge.is_none() {
            return Err(ManifestError::NoEntry);
        }
        for (name, entry) in [("serve", &self.serve), ("judge", &self.judge)] {
            entry.as_ref().map_or(Ok(()), |entry| entry.check(name))?;
        }
        if let Some(health) = &self.health {
            range("health.interval_ms", health.interval_ms, HEALTH_MS)?;
        }
        let only_serving = [
            ("[health]", self.health.is_some()),
            ("devices", !self.devices.is_empty()),
            ("calls", !self.calls.is_empty()),
            ("network", self.network),
        ];
        match only_serving.into_iter().find(|(_, used)| *used && self.serve.is_none()) {
            Some((field, _)) => Err(ManifestError::NeedsServe { field }),
            None => Ok(()),
        }
    }
}

impl Entry {
    fn check(&self, name: &str) -> Result<(), ManifestError> {
        count(&format!("{name}.args"), self.args.len(), MAX_ARGS)?;
        for arg in &self.args {
            if arg.len() > MAX_ARG_BYTES || arg.contains('\0') {
                return Err(text(&format!("{name}.args"), arg, "words of at most 1024 bytes without NUL"));
            }
        }
        if self.args.first().is_some_and(|program| !program.starts_with('/')) {
            return Err(text(
                &format!("{name}.args"),
                &self.args[0],
                "begins with the program's absolute path",
            ));
        }
        range(&format!("{name}.memory_mib"), self.memory_mib, MEMORY_MIB)?;
        range(&format!("{name}.pids"), self.pids, PIDS)?;
        range(&format!("{name}.cpu_percent"), self.cpu_percent, CPU_PERCENT)?;
        range(&format!("{name}.timeout_ms"), self.timeout_ms, TIMEOUT_MS)
    }
}

fn text(field: &str, value: &str, wanted: &'static str) -> ManifestError {
    ManifestError::Text { field: field.to_string(), value: value.chars().take(80).collect(), wanted }
}

fn count(field: &str, count: usize, most: usize) -> Result<(), ManifestError> {
    if count <= most { Ok(()) } else { Err(ManifestError::TooMany { field: field.to_string(), count, most }) }
}

fn once(field: &'static str, names: &[Name]) -> Result<(), ManifestError> {
    let mut seen = BTreeSet::new();
    match names.iter().find(|name| !seen.insert(*name)) {
        Some(name) => Err(ManifestError::Twice { field, value: name.to_string() }),
        None => Ok(()),
    }
}

fn range(field: &str, value: u64, limits: RangeInclusive<u64>) -> Result<(), ManifestError> {
    if limits.contains(&value) {
        return Ok(());
    }
    let (least, most) = (*limits.start(), *limits.end());
    Err(ManifestError::Range { field: field.to_string(), value, least, most })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "name = \"door\"\nversion = \"1.0\"\n[serve]\n";

    fn refused(text: &str) -> String {
        Manifest::parse(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn a_small_manifest_has_no_rights() {
        let manifest = Manifest::parse(SMALL.as_bytes()).unwrap();
        assert!(!manifest.network && manifest.devices.is_empty() && manifest.calls.is_empty());
        assert!(!manifest.may_read(&"people/alice.toml".parse().unwrap()));
        assert!(!manifest.may_write(&"people/alice.toml".parse().unwrap()));
        assert_eq!(manifest.serve.unwrap().memory_mib, 32);
    }

    #[test]
    fn rights_are_what_is_named_and_no_more() {
        let text = format!(
            "reads = [\"people/*\"]\nwrites = [\"door/**\"]\ndevices = [\"strike\"]\ncalls = [\"membership\"]\n{SMALL}"
        );
        let manifest = Manifest::parse(text.as_bytes()).unwrap();
        assert!(manifest.may_read(&"people/alice.toml".parse().unwrap()));
        assert!(manifest.may_watch(&"people".parse().unwrap()));
        assert!(!manifest.may_watch(&"keys".parse().unwrap()));
        assert!(manifest.may_write(&"door/a/b.toml".parse().unwrap()));
        assert!(!manifest.may_write(&"people/alice.toml".parse().unwrap()));
        assert!(manifest.may_use(&"strike".parse().unwrap()) && !manifest.may_use(&"laser".parse().unwrap()));
        assert!(manifest.may_call(&"membership".parse().unwrap()));
        assert!(!manifest.may_call(&"door".parse().unwrap()));
    }

    #[test]
    fn an_unknown_key_is_an_error_at_every_level() {
        assert!(refused(&format!("memory = 3\n{SMALL}")).contains("memory"));
        assert!(refused(&format!("{SMALL}memory_mb = 3\n")).contains("memory_mb"));
        assert!(refused(&format!("{SMALL}[health]\ninterval = 3\n")).contains("interval"));
        assert!(refused(&format!("{SMALL}[judge]\nnetwork = true\n")).contains("network"));
    }

    #[test]
    fn a_number_outside_its_limits_names_the_field_and_the_limits() {
        assert_eq!(
            refused(&format!("{SMALL}memory_mib = 5000\n")),
            "dapp.toml: serve.memory_mib = 5000, it must be 4 to 4096"
        );
        for line in ["pids = 0", "cpu_percent = 401", "timeout_ms = 1", "memory_mib = -1"] {
            assert!(Manifest::parse(format!("{SMALL}{line}\n").as_bytes()).is_err(), "{line} was taken");
        }
        assert!(refused(&format!("{SMALL}[health]\ninterval_ms = 5\n")).contains("health.interval_ms"));
    }

    #[test]
    fn lists_and_texts_have_limits() {
        let many = (0..65).map(|n| format!("\"d{n}\"")).collect::<Vec<_>>().join(",");
        assert!(refused(&format!("devices = [{many}]\n{SMALL}")).contains("at most 64"));
        assert!(refused(&format!("devices = [\"a\", \"a\"]\n{SMALL}")).contains("twice"));
        assert!(refused(&format!("{SMALL}args = [\"doorbot\"]\n")).contains("absolute path"));
        assert!(refused("name = \"door\"\nversion = \"\"\n[serve]\n").contains("version"));
        assert!(refused(&format!("reads = [\"people/a*\"]\n{SMALL}")).contains("people/a*"));
        assert!(refused(&" ".repeat(MAX_MANIFEST_BYTES + 1)).contains("bytes"));
    }

    #[test]
    fn a_dapp_does_something_and_a_judge_gets_no_device() {
        assert!(refused("name = \"door\"\nversion = \"1\"\n").contains("neither"));
        let judge = "name = \"door\"\nversion = \"1\"\ndevices = [\"strike\"]\n[judge]\n";
        assert!(refused(judge).contains("devices needs a [serve]"));
    }
}
