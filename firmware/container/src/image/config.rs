//! What an image says of itself: platform, program, environment, user, and the digests of its layers.
//!
//! The bytes are an OCI image configuration, kept as the builder wrote them, so that their SHA-256 stays the
//! image's id. Only what we use is read; what we do not know is left alone, as the format asks.

use oci_spec::image::ImageConfiguration;
use std::{collections::BTreeMap, fmt, path::PathBuf};

/// The parts of an image's configuration that running it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageConfig {
    /// What its programs were built for.
    pub platform: Platform,
    /// Entry point and its arguments; empty if the image names none.
    pub args: Vec<String>,
    /// The environment that it asks for.
    pub env: BTreeMap<String, String>,
    /// The working folder.
    pub cwd: PathBuf,
    /// `user`, `user:group`, by name or number, or empty for user 0.
    pub user: String,
    /// SHA-256 in hex of each layer uncompressed, from the lowest to the uppermost.
    pub layers: Vec<String>,
}

/// Operating system, processor and its variant, in the words of OCI (and Go).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Platform {
    /// `linux`.
    pub os: String,
    /// `amd64`, `arm64`, `arm`, ...
    pub architecture: String,
    /// `v7` and the like, or empty.
    pub variant: String,
}

/// An image configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Not an image configuration.
    #[error("the image's configuration is not valid: {0}")]
    Syntax(#[from] oci_spec::OciSpecError),
    /// A layer digest of another kind.
    #[error("the image's configuration names a layer {0:?}; only sha256: and 64 hex digits are known")]
    DiffId(String),
    /// More layers than sense.
    #[error("the image has {0} layers; at most {max} are taken", max = ImageConfig::MAX_LAYERS)]
    TooManyLayers(usize),
    /// An environment entry without `=`.
    #[error("the image's environment has {0:?}, which is not NAME=value")]
    Environment(String),
}

impl ImageConfig {
    /// The most layers taken; OCI runtimes stop at 127.
    pub const MAX_LAYERS: usize = 127;

    /// Reads an OCI image configuration.
    pub fn parse(bytes: &[u8]) -> Result<Self, ConfigError> {
        let whole = ImageConfiguration::from_reader(bytes)?;
        let diff_ids = whole.rootfs().diff_ids();
        if diff_ids.len() > Self::MAX_LAYERS {
            return Err(ConfigError::TooManyLayers(diff_ids.len()));
        }
        let layers = diff_ids.iter().map(|id| diff_id(id)).collect::<Result<_, _>>()?;
        let run = whole.config().clone().unwrap_or_default();
        let mut args = run.entrypoint().clone().unwrap_or_default();
        args.extend(run.cmd().clone().unwrap_or_default());
        let env = run.env().iter().flatten().map(|entry| variable(entry)).collect::<Result<_, _>>()?;
        let cwd = run.working_dir().as_deref().filter(|dir| !dir.is_empty()).unwrap_or("/");
        let user = run.user().clone().unwrap_or_default();
        let platform = Platform {
            os: whole.os().to_string(),
            architecture: whole.architecture().to_string(),
            variant: whole.variant().clone().unwrap_or_default(),
        };
        Ok(Self { platform, args, env, cwd: cwd.into(), user, layers })
    }
}

impl Platform {
    /// The machine that this program was built for.
    pub fn host() -> Self {
        let (architecture, variant) = match std::env::consts::ARCH {
            "x86_64" => ("amd64", ""),
            "x86" => ("386", ""),
            "aarch64" => ("arm64", "v8"),
            "arm" => ("arm", "v7"),
            other => (other, ""),
        };
        Self { os: "linux".into(), architecture: architecture.into(), variant: variant.into() }
    }

    /// How well a program built for `built` runs here: `None` not at all, else the greater the better.
    pub fn fitness(&self, built: &Self) -> Option<u32> {
        if self.os != built.os || self.architecture != built.architecture {
            return None;
        }
        match (number(&self.variant), number(&built.variant)) {
            (ours, theirs) if ours == theirs => Some(100),
            (_, None) => Some(1),
            (Some(ours), Some(theirs)) if theirs < ours => Some(1 + theirs),
            (Some(_), Some(_)) => None,
            (None, Some(_)) => Some(2),
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        if self.variant.is_empty() { Ok(()) } else { write!(f, "/{}", self.variant) }
    }
}

fn number(variant: &str) -> Option<u32> {
    variant.strip_prefix('v').and_then(|digits| digits.parse().ok()).filter(|n| *n < 64)
}

fn diff_id(text: &str) -> Result<String, ConfigError> {
    let hex = text.strip_prefix("sha256:").filter(|hex| is_sha256(hex));
    hex.map(str::to_owned).ok_or_else(|| ConfigError::DiffId(text.chars().take(100).collect()))
}

/// Whether `hex` is a SHA-256 in lower-case hex.
pub(super) fn is_sha256(hex: &str) -> bool {
    hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn variable(entry: &str) -> Result<(String, String), ConfigError> {
    let (name, value) = entry.split_once('=').ok_or_else(|| ConfigError::Environment(entry.into()))?;
    Ok((name.into(), value.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(architecture: &str, variant: &str) -> Platform {
        Platform { os: "linux".into(), architecture: architecture.into(), variant: variant.into() }
    }

    #[test]
    fn entry_point_comes_before_command() {
        let id = "a".repeat(64);
        let text = format!(
            r#"{{"architecture":"amd64","os":"linux","config":{{"Entrypoint":["/a"],"Cmd":["b"],
            "Env":["X=1=2"],"User":"7:8","WorkingDir":""}},
            "rootfs":{{"type":"layers","diff_ids":["sha256:{id}"]}},"history":[]}}"#
        );
        let config = ImageConfig::parse(text.as_bytes()).unwrap();
        assert_eq!(config.args, ["/a", "b"]);
        assert_eq!(config.env["X"], "1=2");
        assert_eq!((config.user.as_str(), config.cwd), ("7:8", PathBuf::from("/")));
        assert_eq!(config.layers, [id]);
    }

    #[test]
    fn a_digest_that_is_a_path_is_refused() {
        let text = r#"{"architecture":"amd64","os":"linux",
            "rootfs":{"type":"layers","diff_ids":["sha256:../../../../etc/passwd"]}}"#;
        assert!(matches!(ImageConfig::parse(text.as_bytes()), Err(ConfigError::DiffId(_))));
    }

    #[test]
    fn an_older_arm_runs_on_a_newer_one_only() {
        let v7 = platform("arm", "v7");
        assert_eq!(v7.fitness(&platform("arm", "v8")), None);
        assert!(v7.fitness(&platform("arm", "v7")) > v7.fitness(&platform("arm", "v6")));
        assert!(v7.fitness(&platform("arm", "v6")) > v7.fitness(&platform("arm", "")));
        assert_eq!(v7.fitness(&platform("arm64", "")), None);
        assert!(platform("arm64", "v8").fitness(&platform("arm64", "")).is_some());
    }
}
