//! Building the box's software, and the dapps as folders ready to publish.

use crate::{
    packages,
    shell::{Done, cargo, output, root, run, say},
};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The dapps of this repository.
const DAPPS: &[&str] = &["doorbot", "lockout"];

/// What was built.
pub struct Built {
    /// `ledgerd`.
    pub ledgerd: PathBuf,
    /// `ledgerctl`.
    pub ledgerctl: PathBuf,
    /// A folder with a folder for each dapp: its manifest and its static program.
    pub dapps: PathBuf,
}

/// Where cargo builds. In CI outside the checkout, so that the next run finds the dependencies there.
pub fn target_dir() -> Done<PathBuf> {
    if let Some(set) = std::env::var_os("CARGO_TARGET_DIR") {
        return Ok(root().join(set));
    }
    if in_ci() {
        return Ok(crate::shell::cache()?.join("target"));
    }
    Ok(root().join("target"))
}

fn in_ci() -> bool {
    std::env::var_os("CI").is_some()
}

/// Cargo, building to [`target_dir`]. In CI without what only a next edit would use, which is gigabytes.
pub fn cargo_here() -> Done<std::process::Command> {
    let mut cargo = cargo();
    cargo.env("CARGO_TARGET_DIR", target_dir()?);
    if in_ci() {
        cargo.env("CARGO_INCREMENTAL", "0");
    }
    Ok(cargo)
}

/// `build`: the programs for a box of one's own, and where they are.
pub fn release() -> Done {
    packages::for_build()?;
    let built = all(true)?;
    say(&format!("ledgerd    {}", built.ledgerd.display()));
    say(&format!("ledgerctl  {}", built.ledgerctl.display()));
    say(&format!("dapps      {}", built.dapps.display()));
    Ok(())
}

/// Builds the agent, the command line and the dapps.
pub fn all(release: bool) -> Done<Built> {
    programs(release)?;
    let dapps = dapps(release)?;
    built(release, dapps)
}

/// Builds the agent and the command line. Answers their folder.
pub fn programs(release: bool) -> Done<PathBuf> {
    let profile: &[&str] = if release { &["--release"] } else { &[] };
    run(cargo_here()?.args(["build", "--quiet", "-p", "agent", "-p", "cli"]).args(profile))?;
    folder(release)
}

fn folder(release: bool) -> Done<PathBuf> {
    Ok(target_dir()?.join(if release { "release" } else { "debug" }))
}

/// Where cargo has put the programs.
pub fn built(release: bool, dapps: PathBuf) -> Done<Built> {
    let folder = folder(release)?;
    Ok(Built { ledgerd: folder.join("ledgerd"), ledgerctl: folder.join("ledgerctl"), dapps })
}

/// Builds each dapp statically for this machine and lays it out to publish.
pub fn dapps(release: bool) -> Done<PathBuf> {
    let host = host()?;
    let flags = format!("CARGO_TARGET_{}_RUSTFLAGS", host.to_uppercase().replace(['-', '.'], "_"));
    let out = target_dir()?.join("dapps");
    for dapp in DAPPS {
        let profile: &[&str] = if release { &["--release"] } else { &[] };
        let mut cargo = cargo_here()?;
        cargo.env(&flags, "-C target-feature=+crt-static").args(["build", "--quiet", "-p", dapp]);
        run(cargo.args(["--target", &host]).args(profile))?;
        let program = target_dir()?.join(&host).join(if release { "release" } else { "debug" }).join(dapp);
        lay_out(dapp, &program, &out.join(dapp))?;
    }
    Ok(out)
}

fn lay_out(dapp: &str, program: &Path, folder: &Path) -> Done {
    fs::create_dir_all(folder)?;
    let manifest = root().join("dapps").join(dapp).join("dapp.toml");
    for (from, to) in [(manifest.as_path(), folder.join("dapp.toml")), (program, folder.join(dapp))] {
        fs::copy(from, &to).map_err(|e| format!("copy {} to {}: {e}", from.display(), to.display()))?;
    }
    Ok(())
}

/// The machine's own target triple.
fn host() -> Done<String> {
    let text = output(crate::shell::command("rustc").arg("-vV"))?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.ok_or("rustc -vV names no host")?.to_string())
}
