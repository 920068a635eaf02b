//! Runs every docs/walkthroughs/*.md and compares.
//!
//! A fenced block marked `console` holds commands after `$ ` (lines after `> ` go on with it) and the output that is
//! expected, stdout and stderr as they come. `[..]` stands for anything within a line, a line `...` for any lines. A
//! command must succeed, unless its output ends with a line `[exit N]`. Each file runs in one bash, in a fresh folder, with the
//! built ledgerctl and ledgerd first in PATH and LEDGER_DAPPS naming the built dapps. What it leaves running is
//! stopped. Nothing is skipped: no root or a missing tool is a failure.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod walkthrough;

use std::path::{Path, PathBuf};
use walkthrough::{build, page, shell::Shell};

/// What the walkthroughs call besides our own programs.
const TOOLS: &[&str] = &["bash", "git", "curl", "jq", "ssh-keygen", "timeout"];

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
    let steps = page::parse(&std::fs::read_to_string(path).unwrap())?;
    let folder = tempfile::tempdir().unwrap();
    let mut shell = Shell::start(folder.path(), built);
    for step in steps {
        let (output, status) = shell.run(&step.command).map_err(|e| format!("{}: {e}", step.line))?;
        if !page::matches(&step.expected, &output) || status != step.status {
            return Err(format!(
                "{}: $ {}\n--- expected, exit {}\n{}\n--- got, exit {status}\n{}",
                step.line,
                step.command,
                step.status,
                step.expected.join("\n"),
                output.join("\n")
            ));
        }
    }
    Ok(())
}

fn walkthroughs() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/walkthroughs");
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    paths.sort();
    assert!(!paths.is_empty(), "docs/walkthroughs has no walkthrough");
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
