//! The programs and dapps that walkthroughs call, built if they are not.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// The dapps that walkthroughs publish.
const DAPPS: &[&str] = &["doorbot", "lockout"];

/// Where they are.
pub struct Built {
    /// The folder of ledgerctl and ledgerd.
    pub programs: PathBuf,
    /// The folder with a folder for each dapp, ready to publish.
    pub dapps: PathBuf,
}

/// Where ledgerd is: beside ledgerctl. Built there, if this is not `cargo xtask test`, which has built everything.
pub fn ledgerd() -> PathBuf {
    let programs = Path::new(env!("CARGO_BIN_EXE_ledgerctl")).parent().unwrap();
    if std::env::var_os("LEDGER_DAPPS").is_some() {
        let ledgerd = programs.join("ledgerd");
        assert!(ledgerd.exists(), "{} is missing: cargo build -p agent", ledgerd.display());
        return ledgerd;
    }
    let profile: &[&str] = if programs.ends_with("release") { &["--release"] } else { &[] };
    let mut build = cargo(programs.parent().unwrap());
    run(build.args(["build", "--quiet", "-p", "agent", "--bin", "ledgerd"]).args(profile));
    programs.join("ledgerd")
}

/// Builds ledgerd, and the dapps if LEDGER_DAPPS does not name them.
pub fn programs() -> Built {
    let programs = ledgerd().parent().unwrap().to_path_buf();
    let target = programs.parent().unwrap();
    let dapps = match std::env::var_os("LEDGER_DAPPS") {
        Some(dapps) => PathBuf::from(dapps),
        None => dapps(target),
    };
    Built { programs, dapps }
}

/// As `cargo xtask test` builds them: static, each with its manifest beside it.
fn dapps(target: &Path) -> PathBuf {
    let host = host();
    let flags = format!("CARGO_TARGET_{}_RUSTFLAGS", host.to_uppercase().replace(['-', '.'], "_"));
    let mut build = cargo(target);
    build.env(flags, "-C target-feature=+crt-static").args(["build", "--quiet", "--target", &host]);
    run(build.args(DAPPS.iter().flat_map(|dapp| ["-p", dapp])));
    for dapp in DAPPS {
        let folder = target.join("dapps").join(dapp);
        std::fs::create_dir_all(&folder).unwrap();
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dapps").join(dapp);
        std::fs::copy(sources.join("dapp.toml"), folder.join("dapp.toml")).unwrap();
        std::fs::copy(target.join(&host).join("debug").join(dapp), folder.join(dapp)).unwrap();
    }
    target.join("dapps")
}

fn host() -> String {
    let said = Command::new("rustc").arg("-vV").output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    said.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_string()
}

fn cargo(target: &Path) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.env("CARGO_TARGET_DIR", target).current_dir(env!("CARGO_MANIFEST_DIR"));
    cargo
}

fn run(command: &mut Command) {
    let status = command.status().unwrap();
    assert!(status.success(), "{command:?} failed: {status}");
}
