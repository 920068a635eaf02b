//! The root's files, laid out in a folder: Debian's, ours, the board's, our programs.
//!
//! Modes are set here and owners by the file system's maker, so that neither depends on who builds.

use super::{
    arch::Arch,
    board::{self, Board, Pins, common},
    programs::Programs,
};
use crate::{
    debian::Packages,
    shell::{self, Done},
};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
};

/// Where ledgerd's programs go.
const PROGRAMS: [&str; 4] = ["ledgerd", "ledgerctl", "ledger-card", "ledger-ntp"];
/// The dapps that a new box can publish; its settings say which.
const DAPPS: [&str; 2] = ["doorbot", "lockout"];

/// `board/common/root.toml`, and what a part of the boards has besides.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recipe {
    folders: Vec<PathBuf>,
    applets: Vec<String>,
    /// Debian's packages, and the files that are taken of each.
    pub packages: BTreeMap<String, Vec<String>>,
}

impl Recipe {
    /// A board's.
    pub fn load(board: &Board) -> Done<Self> {
        let mut recipe = Self::read("root.toml")?;
        if board.wireless {
            recipe.add(Self::read("wireless.toml")?);
        }
        Ok(recipe)
    }

    fn read(name: &str) -> Done<Self> {
        let path = common(name);
        let text = fs::read_to_string(&path)?;
        Ok(toml::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))?)
    }

    fn add(&mut self, more: Self) {
        self.folders.extend(more.folders);
        self.applets.extend(more.applets);
        for (package, files) in more.packages {
            self.packages.entry(package).or_default().extend(files);
        }
    }
}

/// What a root is made of.
pub struct Parts<'a> {
    /// What every box has.
    pub recipe: &'a Recipe,
    /// Debian's packages for every box.
    pub debian: &'a Packages,
    /// Those of the board alone.
    pub firmware: Option<&'a Packages>,
    /// Our programs.
    pub programs: &'a Programs,
}

/// Lays the root out in a folder, which is replaced.
pub fn lay_out(board: &Board, parts: &Parts, tree: &Path) -> Done {
    let Parts { recipe, debian, firmware, .. } = *parts;
    if tree.exists() {
        fs::remove_dir_all(tree)?;
    }
    for folder in &recipe.folders {
        fs::create_dir_all(tree.join(folder))?;
    }
    for files in recipe.packages.values() {
        files.iter().try_for_each(|file| from_debian(board.arch, &debian.root, file, tree))?;
    }
    for file in &board.firmware.root {
        let packages = firmware.ok_or("[firmware] names files of the root, and no packages")?;
        from_debian(board.arch, &packages.root, file, tree)?;
    }
    for applet in &recipe.applets {
        symlink("busybox", tree.join("bin").join(applet))?;
    }
    certificates(&debian.root, &tree.join("etc/ssl/certs/ca-certificates.crt"))?;
    copy_folder(&common("root"), tree)?;
    if board.path("root").exists() {
        copy_folder(&board.path("root"), tree)?;
    }
    ours(board, parts, tree)?;
    modes(tree)
}

/// One file, or with a `*` at its end all that begin so.
fn from_debian(arch: Arch, root: &Path, file: &str, tree: &Path) -> Done {
    let file = file.replace("{triple}", arch.triple());
    let Some(begin) = file.strip_suffix('*') else {
        return copy_file(&root.join(&file), &tree.join(&file));
    };
    let (folder, begin) = begin.rsplit_once('/').unwrap_or(("", begin));
    let mut found = false;
    for entry in fs::read_dir(root.join(folder)).map_err(|e| format!("{file}: {e}"))? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(begin) {
            found = true;
            copy_file(&entry.path(), &tree.join(folder).join(entry.file_name()))?;
        }
    }
    if found { Ok(()) } else { Err(format!("no package has {file}").into()) }
}

/// All certificates of Mozilla's list in one file, by name.
fn certificates(root: &Path, to: &Path) -> Done {
    let mut files = Vec::new();
    for entry in fs::read_dir(root.join("usr/share/ca-certificates/mozilla"))? {
        files.push(entry?.path());
    }
    files.sort();
    let mut all = String::new();
    for file in files {
        all += &fs::read_to_string(file)?;
    }
    Ok(fs::write(to, all)?)
}

fn ours(board: &Board, parts: &Parts, tree: &Path) -> Done {
    let programs = parts.programs;
    for program in PROGRAMS {
        copy_file(&programs.folder.join(program), &tree.join("usr/bin").join(program))?;
    }
    let share = tree.join("usr/share/ledger");
    for dapp in DAPPS {
        let folder = share.join("dapps").join(dapp);
        copy_file(&programs.folder.join(dapp), &folder.join(dapp))?;
        copy_file(&shell::root().join("dapps").join(dapp).join("dapp.toml"), &folder.join("dapp.toml"))?;
    }
    let own = parts.firmware.map_or("", |firmware| &firmware.list);
    fs::write(share.join("packages"), parts.debian.list.clone() + own)?;
    pins(board, tree)
}

/// The pin map with those that it inherits, and in `/etc/ledger/board` what ledgerd is told of it.
fn pins(board: &Board, tree: &Path) -> Done {
    let boards = Path::new("usr/share/ledger/board");
    let told = match board.pins {
        Pins::Sim => "sim".to_owned(),
        Pins::Board => {
            let mut next = Some(board.name.clone());
            while let Some(name) = next {
                let file = board::folder(&name).join("board.toml");
                let copy = tree.join(boards).join(&name).join("board.toml");
                if copy.exists() {
                    return Err(format!("board {name} inherits itself").into());
                }
                copy_file(&file, &copy)?;
                next = inherited(&fs::read_to_string(&file)?)?;
            }
            Path::new("/").join(boards).join(&board.name).display().to_string()
        }
    };
    fs::create_dir_all(tree.join("etc/ledger"))?;
    Ok(fs::write(tree.join("etc/ledger/board"), told + "\n")?)
}

/// The board that a pin map inherits. ledgerd itself checks the rest of it.
fn inherited(pins: &str) -> Done<Option<String>> {
    #[derive(Deserialize)]
    struct Inherits {
        inherits: Option<String>,
    }
    Ok(toml::from_str::<Inherits>(pins)?.inherits)
}

fn copy_folder(from: &Path, to: &Path) -> Done {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir_all(&to)?;
            copy_folder(&entry.path(), &to)?;
        } else {
            copy_file(&entry.path(), &to)?;
        }
    }
    Ok(())
}

/// Copies a file or a link.
fn copy_file(from: &Path, to: &Path) -> Done {
    let failed = |e: std::io::Error| format!("copy {} to {}: {e}", from.display(), to.display());
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    if fs::symlink_metadata(from).map_err(failed)?.is_symlink() {
        return Ok(symlink(fs::read_link(from)?, to).map_err(failed)?);
    }
    fs::copy(from, to).map_err(failed)?;
    Ok(())
}

/// Folders and programs 755, the rest 644, whatever the builder's umask is.
fn modes(folder: &Path) -> Done {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let meta = fs::symlink_metadata(entry.path())?;
        if meta.is_symlink() {
            continue;
        }
        let mode = if meta.is_dir() || meta.permissions().mode() & 0o100 != 0 { 0o755 } else { 0o644 };
        fs::set_permissions(entry.path(), fs::Permissions::from_mode(mode))?;
        if meta.is_dir() {
            modes(&entry.path())?;
        }
    }
    Ok(fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_board_with_a_radio_has_the_programs_for_it_besides() {
        let mut all = Recipe::read("root.toml").unwrap();
        assert!(!all.packages.contains_key("wpasupplicant"));
        let before = all.packages["libc6"].len();
        all.add(Recipe::read("wireless.toml").unwrap());
        assert_eq!(all.packages["wpasupplicant"], ["sbin/wpa_supplicant"]);
        assert_eq!(all.packages["libc6"].len(), before + 1, "the C library's part for numbers comes besides");
    }
}
