//! oelint-adv over the recipes, shellcheck over the scripts. The first is Python's and lives in the cache, in its own environment.

use super::{layer, texts};
use crate::{
    packages,
    shell::{Done, cache, command, output, run, say},
};
use std::path::PathBuf;

/// The release whose rules `.oelint.cfg` was written for.
const OELINT: &str = "oelint-adv==9.11.2";
/// The series of Yocto whose rules hold.
const SERIES: &str = "wrynose";

/// Fails on the first tool that has something to say.
pub fn check() -> Done {
    packages::for_layer()?;
    let names: Vec<String> = texts()?.into_iter().map(|(name, _)| name).collect();
    let of = |ends: &[&str]| -> Vec<&String> {
        names.iter().filter(|name| ends.iter().any(|end| name.ends_with(end))).collect()
    };
    let mut lint = command(oelint()?);
    lint.current_dir(layer()).args(["--quiet", "--release", SERIES]);
    run(lint.args(of(&[".bb", ".bbappend", ".bbclass", ".inc", "layer.conf"])))?;
    let mut scripts = command("shellcheck");
    run(scripts.current_dir(layer()).args(of(&[".sh"])))
}

/// The program, installed at its first use.
fn oelint() -> Done<PathBuf> {
    let place = cache()?.join("tools").join(OELINT);
    let program = place.join("bin/oelint-adv");
    if !program.exists() {
        say("oelint-adv is installed once, into the cache");
        run(command("python3").args(["-m", "venv", "--clear"]).arg(&place))?;
        output(command(place.join("bin/pip")).args(["install", "--quiet", OELINT]))?;
    }
    Ok(program)
}
