//! A program of Debian's newest suite, unpacked into the cache beside the machine's own suite.
//!
//! For peers of the benches that the stable suite does not carry. Nothing is installed into the system.

use crate::{
    debian::Apt,
    shell::{Done, cache, say},
};
use std::path::PathBuf;

/// The suite that has everything.
const SUITE: &str = "sid";

/// A program `/usr/bin/<name>` of the package `<name>`, fetched once.
pub fn program(name: &str) -> Done<PathBuf> {
    let tools = cache()?.join("tools");
    let program = tools.join(name).join("usr/bin").join(name);
    if !program.exists() {
        say(&format!("{name} is fetched once, from Debian's {SUITE}, into the cache"));
        Apt::for_suite(&tools.join("apt"), SUITE)?.unpack(&[name], &tools.join(name))?;
    }
    Ok(program)
}
