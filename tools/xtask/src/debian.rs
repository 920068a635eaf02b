//! Packages that are unpacked into the cache, not installed: of another architecture, or of another suite.
//!
//! apt downloads and checks them, from the mirrors that it is set up with, with its lists and its cache in a folder of
//! ours. The system's own packages stay untouched.

use crate::shell::{Done, command, output, run, say};
use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

/// How often a mirror is asked for its lists, and how long is waited in between.
const UPDATES: usize = 3;
const BETWEEN_UPDATES: Duration = Duration::from_secs(5);

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

    /// For an architecture, from the machine's own release, with one more component of it.
    pub fn for_architecture_and(folder: &Path, architecture: &str, component: &str) -> Done<Self> {
        let mut options = from(folder, &release()?, &format!("main {component}"))?;
        options.push(format!("-oAPT::Architecture={architecture}"));
        options.push(format!("-oAPT::Architectures={architecture}"));
        Self::new(folder, options)
    }

    /// For this machine's architecture, from another suite.
    pub fn for_suite(folder: &Path, suite: &str) -> Done<Self> {
        Self::new(folder, from(folder, suite, "main")?)
    }

    /// For this machine's architecture and another one, from another suite.
    pub fn for_suite_and(folder: &Path, suite: &str, architecture: &str) -> Done<Self> {
        let mut options = from(folder, suite, "main")?;
        let here = output(command("dpkg").arg("--print-architecture"))?;
        options.push(format!("-oAPT::Architectures={},{architecture}", here.trim()));
        Self::new(folder, options)
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
        self.update();
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

    /// A package and all that it needs, and that needs in turn.
    pub fn with_needs(&self, name: &str) -> Done<Vec<String>> {
        self.update();
        let mut ask = command("apt-cache");
        ask.args(&self.options).args(["depends", "--important", "--recurse", name]);
        Ok(dependencies(&output(&mut ask)?))
    }

    /// Fetches the lists. A mirror that is just being changed gives lists that do not belong together: it is asked again, and
    /// then apt goes on with what it has, for another component may have all that is wanted.
    fn update(&self) {
        for attempt in 0..UPDATES {
            if attempt > 0 {
                thread::sleep(BETWEEN_UPDATES);
            }
            match run(self.get().args(["update", "-qq"])) {
                Ok(()) => return,
                Err(error) => say(&error.to_string()),
            }
        }
        say("WARNING: not all lists of packages came; the newest security updates may be missing.");
    }

    fn get(&self) -> std::process::Command {
        let mut get = command("apt-get");
        get.args(&self.options);
        get
    }
}

/// Packages that were unpacked.
pub struct Packages {
    /// One tree of all.
    pub root: PathBuf,
    /// The packages' files, whose names say the versions, a line each.
    pub list: String,
}

impl Packages {
    /// Fetches them into a folder, once. Newer ones come when the folder is deleted.
    pub fn once(folder: &Path, names: &[&str], apt: impl FnOnce() -> Done<Apt>) -> Done<Self> {
        let (root, list) = (folder.join("root"), folder.join("list"));
        if let Ok(list) = fs::read_to_string(&list) {
            return Ok(Self { root, list });
        }
        say(&format!("Debian's packages are fetched into {}.", folder.display()));
        let files = apt()?.unpack(names, &root)?;
        let text = files.join("\n") + "\n";
        fs::write(&list, &text)?;
        Ok(Self { root, list: text })
    }
}

/// Real packages of this machine's architecture that `apt-cache depends` names, each once.
fn dependencies(said: &str) -> Vec<String> {
    let name = |line: &str| {
        let line = line.trim_start();
        let name = line.rsplit(": ").next().unwrap_or_default();
        let plain = !name.starts_with('<') && !name.contains(':');
        plain.then(|| name.to_owned())
    };
    let names: std::collections::BTreeSet<String> = said.lines().filter_map(name).collect();
    names.into_iter().collect()
}

/// Options for an apt that knows one suite alone.
fn from(folder: &Path, suite: &str, components: &str) -> Done<Vec<String>> {
    fs::create_dir_all(folder)?;
    let sources = folder.join("sources.list");
    fs::write(&sources, format!("deb {} {suite} {components}\n", mirror("/debian")?))?;
    Ok(vec![
        format!("-oDir::Etc::sourcelist={}", sources.display()),
        "-oDir::Etc::sourceparts=/dev/null".into(),
    ])
}

/// The name of the machine's own release.
fn release() -> Done<String> {
    let text = fs::read_to_string("/etc/os-release")?;
    let line = text.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    Ok(line.ok_or("/etc/os-release has no VERSION_CODENAME")?.trim_matches('"').to_owned())
}

/// The mirror that apt uses for what lies below such a path: `/debian`, `/debian-security`.
pub fn mirror(path: &str) -> Done<String> {
    let text = output(command("apt-get").args(["indextargets", "--format", "$(SUITE) $(REPO_URI)"]))?;
    let of_path = |line: &&str| {
        let uri = line.split(' ').nth(1).unwrap_or_default();
        uri.trim_end_matches('/').ends_with(path)
    };
    let line = text
        .lines()
        .find(of_path)
        .ok_or_else(|| format!("apt has no mirror of {path}: run apt-get update first"))?;
    Ok(line.split(' ').nth(1).unwrap_or_default().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_package_needs_is_read_from_apts_words() {
        let said = "libstd-rust-1.97\n  Depends: libc6\n |Depends: libgcc-s1\n  Depends: <libfoo>\n    libbar\nlibc6\n  Depends: libc6:arm64\n";
        assert_eq!(dependencies(said), ["libbar", "libc6", "libgcc-s1", "libstd-rust-1.97"]);
    }
}
