//! The scripts of the box, as far as they can be tried without one: in the shell that runs them there.

use super::board::common;
use crate::shell::root;
use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
};

/// Debian's busybox, the program of the box.
fn sh(args: &[&str]) -> Output {
    let output = Command::new("busybox").arg("sh").args(args).output();
    output.unwrap_or_else(|e| panic!("busybox (Debian package busybox-static): {e}"))
}

fn scripts() -> Vec<PathBuf> {
    let folders = fs::read_dir(root().join("board")).unwrap();
    let folders = folders.map(|board| board.unwrap().path().join("root/usr/lib/ledger"));
    let folders = folders.filter(|folder| folder.exists());
    folders.flat_map(|folder| fs::read_dir(folder).unwrap()).map(|file| file.unwrap().path()).collect()
}

#[test]
fn every_script_can_be_read_by_the_boxs_shell() {
    let scripts = scripts();
    assert!(scripts.len() > 8);
    for script in scripts {
        let read = sh(&["-n", script.to_str().unwrap()]);
        assert!(read.status.success(), "{}: {read:?}", script.display());
    }
}

#[test]
fn init_starts_nobody_on_the_console_where_a_reader_may_be() {
    let inittab = fs::read_to_string(common("root/etc/inittab")).unwrap();
    let lines: Vec<&str> = inittab.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(lines.len() > 8 && lines.iter().all(|line| line.starts_with("null::")), "{lines:?}");
}

#[test]
fn the_settings_are_read_as_their_page_writes_them() {
    let page = fs::read_to_string(root().join("docs/formats/settings.md")).unwrap();
    let example = page.split("```").nth(1).unwrap().strip_prefix("toml\n").unwrap();
    let values: toml::Table = toml::from_str(example).unwrap();
    assert_eq!(crate::settings::check(example).unwrap().len(), values.len());
    let folder = std::env::temp_dir().join(format!("xtask-settings-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join("settings.toml");
    fs::write(&file, example).unwrap();
    for (key, value) in &values {
        let ask = r#". "$1"; PATH=$4; settings=$2; setting "$3""#;
        let path = std::env::var("PATH").unwrap();
        let functions = common("root/usr/lib/ledger/common");
        let said = sh(&["-c", ask, "sh", functions.to_str().unwrap(), file.to_str().unwrap(), key, &path]);
        assert_eq!(String::from_utf8(said.stdout).unwrap().trim_end(), value.as_str().unwrap(), "{key}");
    }
    fs::remove_dir_all(folder).unwrap();
}
