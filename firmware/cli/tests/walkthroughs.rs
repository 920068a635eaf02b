//! Runs every docs/walkthroughs/*.md but those for people and compares.
//!
//! The crate `walk` says how a page is read. Each file runs in one bash, in a fresh folder, with the built ledgerctl and ledgerd
//! first in PATH and LEDGER_DAPPS naming the built dapps; of a page of several boxes each is a network namespace with a bash and
//! a folder of its own, and `STICK` names a folder that they share. What it leaves running is stopped. Nothing is skipped: no root
//! or a missing tool is a failure.
//!
//! While one writes a page, `LEDGER_WALKTHROUGH=cut` runs that one alone.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod walkthrough;

use std::path::{Path, PathBuf};
use walk::Part;
use walkthrough::{build, place::Here};

/// The pages for people, with a real board, and with checkouts of Buildroot and Yocto, which no machine has at hand; and the one whose boxes are machines
/// of QEMU's, which `cargo xtask image-test` runs.
const BY_HAND: [&str; 3] = ["first-light", "layers", "update"];

/// What the walkthroughs call besides our own programs.
const TOOLS: &[&str] = &["bash", "git", "curl", "jq", "ssh-keygen", "timeout", "ip"];

#[test]
fn every_walkthrough_does_what_it_says() {
    require_root();
    require_tools();
    let built = build::programs();
    let mut failures = Vec::new();
    for path in walkthroughs() {
        if let Err(failure) = run(&path, &built) {
            failures.push(format!("{}:{failure}", path.display()));
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n\n"));
}

fn run(path: &Path, built: &build::Built) -> Result<(), String> {
    let mut parts = walk::parse(&std::fs::read_to_string(path).unwrap())?.into_iter().peekable();
    let folder = tempfile::tempdir().unwrap();
    let mut place = match parts.next_if(|part| matches!(part, Part::Network(_))) {
        Some(Part::Network(groups)) => Here::boxes(folder.path(), built, &groups),
        _ => Here::alone(folder.path(), built),
    };
    walk::walk(parts, &mut place)
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
