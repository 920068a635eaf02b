//! The root's files, laid out in a folder: Debian's, ours, the board's, our programs.
//!
//! Modes are set here and owners by the file system's maker, so that neither depends on who builds.

use super::{board::Board, programs::Programs};
use crate::{
    debian::Packages,
    shell::{self, Done},
};
use imager::{
    arch::Arch,
    overlay::{self, copy_file},
    recipe::{PROGRAMS, Recipe},
};
use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
};

/// The dapps that a new box can publish; its settings say which.
const DAPPS: [&str; 2] = ["doorbot", "lockout"];

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
    overlay::lay_over(board, tree)?;
    ours(parts, tree)?;
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

fn ours(parts: &Parts, tree: &Path) -> Done {
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
    Ok(fs::write(share.join("packages"), parts.debian.list.clone() + own)?)
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
