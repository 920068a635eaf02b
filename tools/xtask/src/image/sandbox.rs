//! The box's scripts in a folder of their own, with busybox as there, and with stubs for what needs a box.
//!
//! Paths in the scripts are turned into paths below the folder. A stub is a shell function, for busybox's own commands come
//! before any program. Every call of one is a line of the log.

use super::board::common;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

const PATHS: [&str; 6] = ["/usr/lib/ledger", "/run/", "/data", "/sys/", "/dev/", "/proc/sys"];
const STUBS: &str = r#"
ip() { echo "ip $*" >>LOG; [ "$*" != route ] || cat ROUTE 2>/dev/null; }
hwclock() { echo "hwclock $*" >>LOG; }
sleep() { echo "sleep $1" >>LOG; [ ! -e ONE_ROUND ] || exit 0; }
"#;

/// A box made of a folder.
pub struct Sandbox {
    folder: tempfile::TempDir,
}

impl Sandbox {
    /// One with these settings, and with stubs besides ours.
    pub fn new(settings: &str, stubs: &str) -> Self {
        let sandbox = Self { folder: tempfile::tempdir().unwrap() };
        for folder in ["usr/lib/ledger", "run/ledger", "data", "sys/class/net", "dev"] {
            fs::create_dir_all(sandbox.path(folder)).unwrap();
        }
        for script in fs::read_dir(common("root/usr/lib/ledger")).unwrap() {
            sandbox.adopt(&script.unwrap().path(), stubs);
        }
        sandbox.write("data/settings.toml", settings);
        sandbox
    }

    fn adopt(&self, script: &Path, stubs: &str) {
        let here = |path: &str| self.path(path).display().to_string();
        let name = script.file_name().unwrap().to_str().unwrap();
        let mut text = fs::read_to_string(script).unwrap();
        for path in PATHS {
            text = text.replace(path, &format!("{}{path}", self.folder.path().display()));
        }
        // On a file, unlike on a console, a word would wipe out the one before.
        text = text.replace(&format!(">{}", here("dev/console")), &format!(">>{}", here("dev/console")));
        if name == "common" {
            text = text.replace("export PATH=", "nowhere=") + STUBS + stubs;
            text = text.replace("LOG", &here("log")).replace("ROUTE", &here("route"));
            text = text.replace("ONE_ROUND", &here("one-round")).replace("NET", &here("sys/class/net"));
        }
        let to = self.path("usr/lib/ledger").join(name);
        fs::write(&to, text.replace("#!/bin/sh", "#!/bin/busybox sh")).unwrap();
        fs::set_permissions(&to, fs::metadata(script).unwrap().permissions()).unwrap();
    }

    /// A place in it.
    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Writes a file.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A file's text; nothing if it is not there.
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap_or_default()
    }

    /// Adds an interface whose cable is in.
    pub fn interface(&self, name: &str) {
        self.write(&format!("sys/class/net/{name}/carrier"), "1\n");
        if name.starts_with('w') {
            fs::create_dir_all(self.path(&format!("sys/class/net/{name}/phy80211"))).unwrap();
        }
    }

    /// Runs a script to its end, with what udhcpc and others put into its surroundings.
    pub fn run(&self, script: &str, args: &[&str], surroundings: &[(&str, &str)]) -> Output {
        let path = self.path("usr/lib/ledger").join(script);
        let mut sh = Command::new("busybox");
        sh.arg("sh").arg(path).args(args).envs(surroundings.iter().copied());
        sh.output().unwrap_or_else(|e| panic!("busybox (Debian package busybox-static): {e}"))
    }
}
