//! Every parser of outside bytes, a minute each.
//!
//! cargo-fuzz wants compiler flags that are not stable yet; `RUSTC_BOOTSTRAP` lets the one toolchain take
//! them, so that no second one is needed.

use crate::{
    packages,
    shell::{self, Done, cache, cargo, command, output, root, say},
};
use std::path::{Path, PathBuf};

const CARGO_FUZZ: &str = "0.13.2";

/// `fuzz [TARGET] [--seconds N]`: all targets, or the one that is named. One that fails does not keep the others from running.
pub fn run(args: &[String]) -> Done {
    let (only, seconds) = parse(args)?;
    run_targets(only, seconds)
}

fn run_targets(only: Option<&str>, seconds: u64) -> Done {
    packages::for_build()?;
    let program = install()?;
    let list = output(&mut fuzz(&program, "list"))?;
    let targets: Vec<&str> = list.lines().filter(|name| only.is_none_or(|only| only == *name)).collect();
    if targets.is_empty() {
        return Err(format!("no such fuzz target; there are:\n{list}").into());
    }
    let mut failed = Vec::new();
    for (n, target) in targets.iter().enumerate() {
        say(&format!("fuzz {target} ({} of {}), {seconds} s", n + 1, targets.len()));
        let mut fuzz = fuzz(&program, "run");
        fuzz.args([*target, "--"]).arg(format!("-max_total_time={seconds}"));
        fuzz.args(["-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1", "-verbosity=0"]);
        if let Err(error) = shell::run(&mut fuzz) {
            say(&error.to_string());
            failed.push(*target);
        }
    }
    if failed.is_empty() {
        Ok(())
    } else {
        Err(format!("these targets failed: {}", failed.join(", ")).into())
    }
}

fn parse(args: &[String]) -> Done<(Option<&str>, u64)> {
    let mut seconds = 60;
    let mut only = None;
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--seconds" => seconds = args.next().ok_or("--seconds wants a number")?.parse()?,
            target => only = Some(target),
        }
    }
    Ok((only, seconds))
}

fn fuzz(program: &Path, verb: &str) -> std::process::Command {
    let mut fuzz = command(program);
    fuzz.current_dir(root().join("fuzz")).env("RUSTC_BOOTSTRAP", "1").args([verb, "--fuzz-dir", "."]);
    fuzz
}

fn install() -> Done<PathBuf> {
    let tools = cache()?.join("tools");
    let program = tools.join("bin/cargo-fuzz");
    if !program.exists() {
        say("cargo-fuzz is built once, into the cache");
        shell::run(
            cargo()
                .args(["install", "--quiet", "--locked", "cargo-fuzz", "--version", CARGO_FUZZ, "--root"])
                .arg(&tools),
        )?;
    }
    Ok(program)
}
