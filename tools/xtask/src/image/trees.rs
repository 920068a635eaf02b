//! A board's device trees: the kernel's own sources, with what ours in `board/<name>/device-trees` say besides.
//!
//! Made by the C preprocessor and Debian's dtc, as the kernel makes its own. They lie in the slot and change with its
//! kernel; a firmware that starts U-Boot with a tree gets a copy on the first partition, which never changes.

use super::{board::Board, kernel::Source};
use crate::shell::{Done, command, run};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// A device tree.
pub struct Tree {
    /// What U-Boot's `${fdtfile}` says on the boards that it is for.
    pub board: String,
    /// The file's name.
    pub name: String,
    /// The tree.
    pub bytes: Vec<u8>,
}

/// Makes the board's trees in this folder.
pub fn build(board: &Board, folder: &Path) -> Done<Vec<Tree>> {
    let mut trees = Vec::new();
    if board.kernel.trees.is_empty() {
        return Ok(trees);
    }
    let source = Source::find()?.folder;
    fs::create_dir_all(folder)?;
    for (fdtfile, name) in &board.kernel.trees {
        let file = folder.join(format!("{name}.dtb"));
        compile(board, &source, name, &file)?;
        let name = format!("{name}.dtb");
        trees.push(Tree { board: fdtfile.clone(), name, bytes: fs::read(&file)? });
    }
    Ok(trees)
}

fn compile(board: &Board, source: &Path, name: &str, to: &Path) -> Done {
    let folder = board.path("device-trees");
    let plain = to.with_extension("dts");
    let includes: [PathBuf; 3] = [
        folder.clone(),
        source.join("arch").join(board.arch.kernel()).join("boot/dts"),
        source.join("scripts/dtc/include-prefixes"),
    ];
    let mut cpp = command(board.arch.gcc());
    cpp.args(["-E", "-nostdinc", "-undef", "-D__DTS__", "-P", "-x", "assembler-with-cpp"]);
    cpp.args(includes.iter().flat_map(|path| ["-I".as_ref(), path.as_os_str()]));
    run(cpp.arg("-o").arg(&plain).arg(folder.join(format!("{name}.dts"))))?;
    let mut dtc = command("dtc");
    dtc.args(["-q", "-I", "dts", "-O", "dtb"]);
    dtc.args(includes.iter().flat_map(|path| ["-i".as_ref(), path.as_os_str()]));
    run(dtc.arg("-o").arg(to).arg(&plain))
}
