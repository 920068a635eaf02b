//! A board's device trees: the kernel's own sources, with what ours in `board/<name>/device-trees` say besides.
//!
//! Made by the C preprocessor and Debian's dtc, as the kernel makes its own. They lie in the slot and change with its
//! kernel; a firmware that starts U-Boot with a tree gets a copy on the first partition, which never changes.

use crate::{
    board::Board,
    shell::{Done, command, run},
};
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

/// Folders of the kernel's trees in which newer kernels keep what older ones have in the folder above.
const DEEPER: [&str; 1] = ["ti/omap"];

/// Makes the board's trees in this folder, out of the kernel's source and by this C compiler.
pub fn build(board: &Board, source: &Path, compiler: &str, folder: &Path) -> Done<Vec<Tree>> {
    fs::create_dir_all(folder)?;
    for name in board.kernel.trees.values() {
        compile(board, source, compiler, name, &folder.join(format!("{name}.dtb")))?;
    }
    read(board, folder)
}

/// The board's trees that were made in this folder.
pub fn read(board: &Board, folder: &Path) -> Done<Vec<Tree>> {
    let mut trees = Vec::new();
    for (fdtfile, name) in &board.kernel.trees {
        let name = format!("{name}.dtb");
        let file = folder.join(&name);
        let bytes = fs::read(&file).map_err(|e| format!("{}: {e}", file.display()))?;
        trees.push(Tree { board: fdtfile.clone(), name, bytes });
    }
    Ok(trees)
}

fn compile(board: &Board, source: &Path, compiler: &str, name: &str, to: &Path) -> Done {
    let folder = board.path("device-trees");
    let plain = to.with_extension("dts");
    let trees = source.join("arch").join(board.arch.kernel()).join("boot/dts");
    let mut includes: Vec<PathBuf> = vec![folder.clone(), trees.clone()];
    includes.extend(DEEPER.map(|deeper| trees.join(deeper)).into_iter().filter(|deeper| deeper.exists()));
    includes.push(source.join("scripts/dtc/include-prefixes"));
    let mut cpp = command(compiler);
    cpp.args(["-E", "-nostdinc", "-undef", "-D__DTS__", "-P", "-x", "assembler-with-cpp"]);
    cpp.args(includes.iter().flat_map(|path| ["-I".as_ref(), path.as_os_str()]));
    run(cpp.arg("-o").arg(&plain).arg(folder.join(format!("{name}.dts"))))?;
    let mut dtc = command("dtc");
    dtc.args(["-q", "-I", "dts", "-O", "dtb"]);
    dtc.args(includes.iter().flat_map(|path| ["-i".as_ref(), path.as_os_str()]));
    run(dtc.arg("-o").arg(to).arg(&plain))
}
