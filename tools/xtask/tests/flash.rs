//! `xtask flash` as a person runs it: words, answers, and a disk, which is a loop device. As root, as all of `cargo xtask test`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    io::Write,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

const DISK_BYTES: usize = 32 << 20;
const SETTINGS: &str =
    "name = \"lab\"\norg = \"Example\"\nwifi_ssid = \"Space\"\nwifi_password = 'my \"best\" key'\n";

/// A used disk and a small image.
struct Bench {
    folder: tempfile::TempDir,
    device: String,
}

fn done(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().unwrap_or_else(|e| panic!("{program}: {e}"));
    assert!(output.status.success(), "{program} {args:?} (are you root?): {output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name).display().to_string();
        image(folder.path());
        fs::write(file("disk"), vec![0xee; DISK_BYTES]).unwrap();
        let device = done("/usr/sbin/losetup", &["--find", "--show", "--partscan", &file("disk")]);
        Self { device, folder }
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// Runs `xtask flash`; answers with whether all went well, and everything that it said.
    fn flash(&self, settings: &str, typed: &str) -> (bool, String) {
        let settings = self.file("settings.toml", settings);
        let image = self.folder.path().join("card.img");
        let mut xtask = Command::new(env!("CARGO_BIN_EXE_xtask"));
        xtask.args(["flash", "qemu-aarch64", &self.device, "--settings", &settings, "--image"]).arg(image);
        let mut xtask = xtask.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // It may have ended before it asked.
        let _closed = xtask.stdin.take().unwrap().write_all(typed.as_bytes());
        let output = xtask.wait_with_output().unwrap();
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    }

    fn name(&self) -> &str {
        self.device.trim_start_matches("/dev/")
    }

    fn disk(&self) -> Vec<u8> {
        fs::read(self.folder.path().join("disk")).unwrap()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        done("/usr/sbin/losetup", &["--detach", &self.device]);
    }
}

/// A GPT with a FAT called boot.
fn image(folder: &Path) -> PathBuf {
    let (fat, image) = (folder.join("fat"), folder.join("card.img"));
    done("/usr/sbin/mkfs.vfat", &["-n", "LEDGER", "-C", fat.to_str().unwrap(), "4096"]);
    let file = fs::File::create(&image).unwrap();
    file.set_len(24 << 20).unwrap();
    done("/usr/sbin/sgdisk", &["-n1:2048:+4M", "-c1:boot", "-n2:0:0", "-c2:data", image.to_str().unwrap()]);
    file.write_all_at(&fs::read(&fat).unwrap(), 1 << 20).unwrap();
    image
}

#[test]
fn who_types_the_disks_name_gets_a_card_with_the_image_and_the_settings() {
    let bench = Bench::new();
    let (good, said) = bench.flash(SETTINGS, &format!("{}\n", bench.name()));
    assert!(good, "{said}");
    for wanted in
        ["written over, all of it", "every byte", "The card is ready", "joins Space", "http://lab:8080"]
    {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    assert!(!said.contains("my \"best\" key"), "a password is not said");
    assert!(&bench.disk()[512..520] == b"EFI PART");
    assert_eq!(done("mtype", &["-i", &format!("{}@@1M", bench.device), "::settings.toml"]), SETTINGS.trim());
}

#[test]
fn who_types_anything_else_keeps_the_disk_as_it_is() {
    let bench = Bench::new();
    let (good, said) = bench.flash(SETTINGS, "y\n");
    assert!(!good && said.contains("nothing was written"), "{said}");
    assert!(bench.disk().iter().all(|byte| *byte == 0xee));
}

#[test]
fn wrong_settings_are_said_before_anything_else() {
    let bench = Bench::new();
    let (good, said) = bench.flash("name = \"lab\"\nwifi_pasword = \"12345678\"\n", "");
    let why =
        "settings.toml cannot be used:\n  line 2: there is no key wifi_pasword: did you mean wifi_password?";
    assert!(!good && said.contains(why), "{said}");
    assert!(!said.contains("written over") && bench.disk().iter().all(|byte| *byte == 0xee));
}
