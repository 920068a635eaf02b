//! What every command is given: where the home is, who signs, how to print.

use crate::{command::Common, output::Output};
use model::Name;
use std::path::PathBuf;

/// The home of a box that runs ledgerd as root.
const SYSTEM_HOME: &str = "/var/lib/ledger";

/// The options that all commands share, settled.
pub struct Context {
    /// The home directory.
    pub home: PathBuf,
    /// The person whose key signs, if it was said.
    pub person: Option<Name>,
    /// How to print.
    pub out: Output,
}

impl Context {
    /// Settles the shared options: `--home`, then `LEDGER_HOME`, then the place of the user.
    pub fn new(common: Common) -> Self {
        let named = common.home.or_else(|| std::env::var_os("LEDGER_HOME").map(PathBuf::from));
        Self { home: named.unwrap_or_else(usual_home), person: common.person, out: Output::new(common.json) }
    }
}

/// `/var/lib/ledger` for root, `~/.ledger` for others.
fn usual_home() -> PathBuf {
    let own = std::env::home_dir().map(|home| home.join(".ledger"));
    match own {
        Some(own) if !is_root() => own,
        _ => PathBuf::from(SYSTEM_HOME),
    }
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}
