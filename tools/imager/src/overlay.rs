//! Our own files on a root: those of all boxes, those of the board, its pins.
//!
//! Whatever laid out the root before (Debian's packages, Buildroot, Yocto), these go over it, and a file or a link of theirs gives way.
//! Modes are set here, so that they do not depend on whose checkout it is.

use crate::{
    board::{Board, Pins},
    recipe::Recipe,
    shell::Done,
};
use serde::Deserialize;
use std::{
    fs, io,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
};

/// Where a box has its pin maps.
const BOARDS: &str = "usr/share/ledger/board";

/// Lays them over a root.
pub fn lay_over(board: &Board, tree: &Path) -> Done {
    for folder in Recipe::load(board)?.folders {
        fs::create_dir_all(tree.join(folder))?;
    }
    copy_folder(&board.common("root"), tree)?;
    if board.path("root").exists() {
        copy_folder(&board.path("root"), tree)?;
    }
    pins(board, tree)
}

/// The pin map with those that it inherits, and in `/etc/ledger/board` what ledgerd is told of it.
fn pins(board: &Board, tree: &Path) -> Done {
    let folder = tree.join(BOARDS);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let told = match board.pins {
        Pins::Sim => "sim".to_owned(),
        Pins::Board => {
            let mut next = Some(board.name.clone());
            while let Some(name) = next {
                let file = board.boards.join(&name).join("board.toml");
                let copy = folder.join(&name).join("board.toml");
                if copy.exists() {
                    return Err(format!("board {name} inherits itself").into());
                }
                copy_file(&file, &copy)?;
                next = inherited(&fs::read_to_string(&file)?)?;
            }
            Path::new("/").join(BOARDS).join(&board.name).display().to_string()
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

/// Copies a file or a link over what may be there. Programs get mode 755, the rest 644.
pub fn copy_file(from: &Path, to: &Path) -> Done {
    let failed = |e: io::Error| format!("copy {} to {}: {e}", from.display(), to.display());
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    match fs::remove_file(to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error).into()),
        _ => {}
    }
    let meta = fs::symlink_metadata(from).map_err(failed)?;
    if meta.is_symlink() {
        return Ok(symlink(fs::read_link(from)?, to).map_err(failed)?);
    }
    fs::copy(from, to).map_err(failed)?;
    let mode = if meta.permissions().mode() & 0o100 != 0 { 0o755 } else { 0o644 };
    Ok(fs::set_permissions(to, fs::Permissions::from_mode(mode))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_go_over_what_is_there_twice_as_well_as_once() {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        fs::create_dir_all(path("etc")).unwrap();
        fs::create_dir_all(path("var")).unwrap();
        symlink("../run/elsewhere", path("etc/resolv.conf")).unwrap();
        symlink("../run", path("var/run")).unwrap();
        fs::write(path("etc/passwd"), "theirs").unwrap();
        let board = Board::load(&crate::checkout().join("board"), "qemu-arm").unwrap();
        for _ in 0..2 {
            lay_over(&board, root.path()).unwrap();
            assert_eq!(fs::read_link(path("etc/resolv.conf")).unwrap(), Path::new("/run/resolv.conf"));
            assert!(fs::read_to_string(path("etc/passwd")).unwrap().starts_with("root:*:"));
            assert_eq!(
                fs::metadata(path("usr/lib/ledger/start")).unwrap().permissions().mode() & 0o777,
                0o755
            );
            let told = fs::read_to_string(path("etc/ledger/board")).unwrap();
            assert_eq!(told, "/usr/share/ledger/board/qemu-arm\n");
            assert!(path("usr/share/ledger/board/qemu-aarch64/board.toml").exists(), "it is inherited");
            assert!(path("data").is_dir() && path("usr/lib/ledger/board").is_file());
        }
    }
}
