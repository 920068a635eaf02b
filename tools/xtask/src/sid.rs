//! A program of Debian's newest suite, unpacked into the cache beside the machine's own suite.
//!
//! For peers of the benches that the stable suite does not carry. The mirror is the one that apt is set up with;
//! nothing is installed into the system.

use crate::shell::{Done, cache, command, output, run, say};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The suite that has everything.
const SUITE: &str = "sid";

/// A program `/usr/bin/<name>` of the package `<name>`, fetched once.
pub fn program(name: &str) -> Done<PathBuf> {
    let tools = cache()?.join("tools");
    let program = tools.join(name).join("usr/bin").join(name);
    if !program.exists() {
        say(&format!("{name} is fetched once, from Debian's {SUITE}, into the cache"));
        fetch(name, &tools)?;
    }
    Ok(program)
}

fn fetch(name: &str, tools: &Path) -> Done {
    let apt = tools.join("apt");
    for folder in ["state/lists/partial", "cache/archives/partial"] {
        fs::create_dir_all(apt.join(folder))?;
    }
    fs::write(apt.join("state/status"), "")?;
    fs::write(apt.join("sources.list"), format!("deb {} {SUITE} main\n", mirror()?))?;
    let options = [
        format!("-oDir::Etc::sourcelist={}", apt.join("sources.list").display()),
        "-oDir::Etc::sourceparts=/dev/null".into(),
        format!("-oDir::State={}", apt.join("state").display()),
        format!("-oDir::State::status={}", apt.join("state/status").display()),
        format!("-oDir::Cache={}", apt.join("cache").display()),
    ];
    run(command("apt-get").args(&options).args(["update", "-qq"]))?;
    run(command("apt-get").args(&options).args(["download", "-qq", name]).current_dir(&apt))?;
    let package = fs::read_dir(&apt)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| {
            path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(&format!("{name}_")))
        })
        .ok_or_else(|| format!("apt-get brought no package of {name}"))?;
    run(command("dpkg-deb").arg("-x").arg(package).arg(tools.join(name)))
}

/// The mirror that apt uses for Debian itself (not for security or others).
fn mirror() -> Done<String> {
    let text = output(command("apt-get").args(["indextargets", "--format", "$(SUITE) $(REPO_URI)"]))?;
    let of_debian = |line: &&str| {
        let uri = line.split(' ').nth(1).unwrap_or_default();
        uri.trim_end_matches('/').ends_with("/debian")
    };
    let line = text.lines().find(of_debian).ok_or("apt has no mirror of Debian: run apt-get update first")?;
    Ok(line.split(' ').nth(1).unwrap_or_default().to_string())
}
