//! Packages that are unpacked into the cache, not installed: of another architecture, or of another suite.
//!
//! apt downloads and checks them, from the mirrors that it is set up with, with its lists and its cache in a folder of
//! ours. The system's own packages stay untouched.

use crate::shell::{Done, command, output, run};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// An apt with its files in a folder of its own.
pub struct Apt {
    folder: PathBuf,
    options: Vec<String>,
}

impl Apt {
    /// For an architecture, from the suites that the machine itself uses.
    pub fn for_architecture(folder: &Path, architecture: &str) -> Done<Self> {
        Self::new(
            folder,
            vec![
                format!("-oAPT::Architecture={architecture}"),
                format!("-oAPT::Architectures={architecture}"),
            ],
        )
    }

    /// For this machine's architecture, from another suite.
    pub fn for_suite(folder: &Path, suite: &str) -> Done<Self> {
        fs::create_dir_all(folder)?;
        let sources = folder.join("sources.list");
        fs::write(&sources, format!("deb {} {suite} main\n", mirror()?))?;
        Self::new(
            folder,
            vec![
                format!("-oDir::Etc::sourcelist={}", sources.display()),
                "-oDir::Etc::sourceparts=/dev/null".into(),
            ],
        )
    }

    fn new(folder: &Path, mut options: Vec<String>) -> Done<Self> {
        for each in ["state/lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(folder.join(each))?;
        }
        fs::write(folder.join("state/status"), "")?;
        // The folder may be where apt's own user cannot look.
        options.push("-oAPT::Sandbox::User=root".into());
        options.push(format!("-oDir::State={}", folder.join("state").display()));
        options.push(format!("-oDir::State::status={}", folder.join("state/status").display()));
        options.push(format!("-oDir::Cache={}", folder.join("cache").display()));
        Ok(Self { folder: folder.to_owned(), options })
    }

    /// Downloads packages and unpacks them into one folder, which is replaced. Answers with their files' names, sorted,
    /// which say the versions.
    pub fn unpack(&self, names: &[&str], into: &Path) -> Done<Vec<String>> {
        run(self.get().args(["update", "-qq"]))?;
        let fresh = self.folder.join("new");
        for folder in [&fresh, into] {
            if folder.exists() {
                fs::remove_dir_all(folder)?;
            }
        }
        fs::create_dir_all(&fresh)?;
        run(self.get().args(["download", "-qq"]).args(names).current_dir(&fresh))?;
        fs::create_dir_all(into)?;
        let mut files = Vec::new();
        for entry in fs::read_dir(&fresh)? {
            let entry = entry?;
            run(command("dpkg-deb").arg("-x").arg(entry.path()).arg(into))?;
            files.push(entry.file_name().to_string_lossy().into_owned());
        }
        files.sort();
        Ok(files)
    }

    fn get(&self) -> std::process::Command {
        let mut get = command("apt-get");
        get.args(&self.options);
        get
    }
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
