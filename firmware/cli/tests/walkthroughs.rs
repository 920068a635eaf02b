//! Runs every docs/walkthroughs/*.md but those for people and compares.
//!
//! A fenced block marked `console` holds commands after `$ ` (lines after `> ` go on with it) and the output that is
//! expected, stdout and stderr as they come. `[..]` stands for anything within a line, a line `...` for any lines. A
//! command must succeed, unless its output ends with a line `[exit N]`. Each file runs in one bash, in a fresh folder, with the
//! built ledgerctl and ledgerd first in PATH and LEDGER_DAPPS naming the built dapps. What it leaves running is
//! stopped. Nothing is skipped: no root or a missing tool is a failure.
//!
//! A page of several boxes begins with a fenced block marked `network` that names them. Each is a network namespace with
//! a bash and a folder of its own; `front$ ` runs a command on that box, `all$ ` on each. Another such block changes the
//! network: `front | back shop` is a cut between the two sides. `STICK` names a folder that they share.
//!
//! While one writes a page, `LEDGER_WALKTHROUGH=cut` runs that one alone.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod walkthrough;

use std::path::{Path, PathBuf};
use walkthrough::{
    build,
    page::{self, Part},
    place::Place,
};

/// The pages for people: with a real board, and with checkouts of Buildroot and Yocto, which no machine has at hand.
const BY_HAND: [&str; 2] = ["first-light", "layers"];

/// What the walkthroughs call besides our own programs.
const TOOLS: &[&str] = &["bash", "git", "curl", "jq", "ssh-keygen", "timeout", "ip"];

#[test]
fn every_walkthrough_does_what_it_says() {
    require_root();
    require_tools();
    let built = build::programs();
    let mut failures = Vec::new();
    for path in walkthroughs() {
        if let Err(failure) = walk(&path, &built) {
            failures.push(format!("{}:{failure}", path.display()));
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n\n"));
}

fn walk(path: &Path, built: &build::Built) -> Result<(), String> {
    let mut parts = page::parse(&std::fs::read_to_string(path).unwrap())?.into_iter().peekable();
    let folder = tempfile::tempdir().unwrap();
    let mut place = match parts.next_if(|part| matches!(part, Part::Network(_))) {
        Some(Part::Network(groups)) => Place::boxes(folder.path(), built, &groups),
        _ => Place::alone(folder.path(), built),
    };
    for part in parts {
        match part {
            Part::Step(step) => place.run(&step)?,
            Part::Network(groups) => place.connect(&groups)?,
        }
    }
    Ok(())
}

fn walkthroughs() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/walkthroughs");
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    let one = std::env::var_os("LEDGER_WALKTHROUGH");
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    paths.retain(|path| path.file_stem().is_none_or(|stem| BY_HAND.iter().all(|name| stem != *name)));
    paths.retain(|path| one.as_deref().is_none_or(|one| path.file_stem() == Some(one)));
    paths.sort();
    assert!(!paths.is_empty(), "docs/walkthroughs has no such walkthrough");
    paths
}

fn require_root() {
    use std::os::unix::fs::MetadataExt;
    let uid = std::fs::metadata("/proc/self").unwrap().uid();
    assert_eq!(uid, 0, "the walkthroughs start containers, which needs root: cargo xtask test uses sudo");
}

fn require_tools() {
    let path = std::env::var("PATH").unwrap_or_default();
    let there = |tool: &&&str| std::env::split_paths(&path).any(|folder| folder.join(tool).is_file());
    let missing: Vec<_> = TOOLS.iter().filter(|tool| !there(tool)).collect();
    assert!(missing.is_empty(), "the walkthroughs need {missing:?}: cargo xtask test installs them");
}
