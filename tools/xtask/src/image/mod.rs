//! `image BOARD`: from the repository to a card, as a file.
//!
//! Kernel, programs, root, card, in this order; each takes what has not changed from the cache. The same input gives the
//! same bytes. What is on the card: docs/formats/slots.md and settings.md; why it is so: docs/decisions/0015-image.md.

pub mod board;
mod cache;
mod firmware;
mod inspect;
mod kernel;
#[cfg(test)]
mod network_tests;
mod patched;
mod programs;
mod rust;
#[cfg(test)]
mod sandbox;
#[cfg(test)]
mod scripts;
mod tree;

use self::{
    board::{Board, Qemu},
    kernel::Source,
    tree::Parts,
};
use crate::{
    build, packages,
    shell::{Done, command, output, run, say},
};
pub use imager::card;
use imager::{
    arch::Arch,
    bundle,
    card::Contents,
    environment,
    firmware::Source as Firmware,
    recipe::Recipe,
    trees::{self, Tree},
    verity::{self, Verity},
};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The second flash of the machine that plays the board, beside the card.
pub const FLASH: &str = "flash.img";

/// What a release is published from.
const BUNDLE: &str = "update.tar";

/// An image that was built.
pub struct Image {
    /// Its board.
    pub board: Board,
    /// The card, as a file with holes.
    pub card: PathBuf,
    kernel: PathBuf,
}

impl Image {
    /// The folder that the card lies in, with all that it was made of.
    fn folder(&self) -> Done<&Path> {
        Ok(self.card.parent().ok_or("the card lies in no folder")?)
    }

    /// A file of the root, on this machine.
    pub fn root_file(&self, name: &str) -> Done<PathBuf> {
        Ok(self.folder()?.join("root").join(name))
    }

    /// The root as it lies in its partition.
    pub fn root(&self) -> Done<PathBuf> {
        Ok(self.folder()?.join("root.erofs"))
    }

    /// The environment for U-Boot on a card that is for QEMU, where that differs: its name on the first partition, and its bytes.
    pub fn environment(&self) -> Done<Option<(&str, Vec<u8>)>> {
        let more = self.board.qemu.as_ref().map(|qemu| &qemu.environment).filter(|more| !more.is_empty());
        let (Some(environment), Some(more)) = (&self.board.firmware.environment, more) else {
            return Ok(None);
        };
        let uboot = fs::read(self.folder()?.join("boot.files").join(&environment.of))?;
        Ok(Some((&environment.file, environment::saved(&uboot, environment, more)?)))
    }

    /// A tool for tests, built for the box.
    pub fn example(&self, name: &str) -> Done<PathBuf> {
        programs::example(self.board.arch, name)
    }

    /// What a release is published from.
    pub fn bundle(&self) -> Done<PathBuf> {
        Ok(self.folder()?.join(BUNDLE))
    }

    /// The same of a slot whose root was changed, in `folder`.
    pub fn changed_bundle(&self, folder: &Path, change: impl FnOnce(&Path) -> Done) -> Done<PathBuf> {
        let verity = self.changed_slot(folder, change)?;
        let bundle = folder.join(BUNDLE);
        bundle::write(&self.board, &verity, folder, &bundle)?;
        Ok(bundle)
    }

    /// Makes a slot in `folder` whose root was changed, with hashes of its own: for tests.
    pub fn changed_slot(&self, folder: &Path, change: impl FnOnce(&Path) -> Done) -> Done<Verity> {
        let tree = folder.join("root");
        if tree.exists() {
            fs::remove_dir_all(&tree)?;
        }
        fs::create_dir_all(folder)?;
        run(command("cp").arg("-a").arg(self.folder()?.join("root")).arg(&tree))?;
        change(&tree)?;
        let verity = verity::make(&tree, &folder.join("root.erofs"))?;
        let trees = device_trees(&self.board, folder)?;
        let contents =
            Contents { kernel: &self.kernel, trees: &trees, firmware: &Firmware::Nowhere, verity: &verity };
        card::slot(&self.board, &contents, folder)?;
        Ok(verity)
    }
}

/// `image BOARD [--kernel]`.
pub fn run_chore(args: &[String]) -> Done {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words[..] {
        [name] => report(&build(name)?),
        [name, "--kernel"] => {
            let board = board::load(name)?;
            packages::for_image(board.arch == Arch::Arm64)?;
            say(&format!("kernel  {}", kernel::build(&board)?.image.display()));
            Ok(())
        }
        _ => Err(format!("image wants a board: {}", board::names()?.join(", ")).into()),
    }
}

/// Builds the image of a board.
pub fn build(name: &str) -> Done<Image> {
    let board = board::load(name)?;
    packages::for_image(board.arch == Arch::Arm64)?;
    say(&format!("The image of {}.", board.title));
    let kernel = kernel::build(&board)?;
    let recipe = Recipe::load(&board)?;
    let debian = programs::packages(board.arch, &recipe)?;
    let programs = programs::build(board.arch)?;
    let folder = folder(name)?;
    let tree = folder.join("root");
    let firmware = firmware::packages(&board)?;
    let parts = Parts { recipe: &recipe, debian: &debian, firmware: firmware.as_ref(), programs: &programs };
    tree::lay_out(&board, &parts, &tree)?;
    let verity = verity::make(&tree, &folder.join("root.erofs"))?;
    let trees = device_trees(&board, &folder)?;
    let source = firmware::source(firmware.as_ref());
    let contents = Contents { kernel: &kernel.image, trees: &trees, firmware: &source, verity: &verity };
    let card = card::lay_out(&board, &contents, &folder)?;
    bundle::write(&board, &verity, &folder, &folder.join(BUNDLE))?;
    inspect::card(&board, &source, &card, &folder)?;
    if let Some(Qemu { firmware: Some(uboot), flash: Some(flash), .. }) = &board.qemu {
        environment::flash(uboot, flash, &folder.join(FLASH))?;
    }
    Ok(Image { board, card, kernel: kernel.image })
}

/// The board's device trees, out of the source of Debian's kernel.
fn device_trees(board: &Board, folder: &Path) -> Done<Vec<Tree>> {
    if board.kernel.trees.is_empty() {
        return Ok(Vec::new());
    }
    trees::build(board, &Source::find()?.folder, &board.arch.gcc(), &folder.join("trees"))
}

/// The image of a board as it was last built.
pub fn as_built(name: &str) -> Done<Image> {
    let board = board::load(name)?;
    let folder = folder(name)?;
    let (kernel, card) = (folder.join("slot.files").join(&board.kernel.image), folder.join("card.img"));
    if !card.exists() {
        return Err(format!("{} was not built yet", card.display()).into());
    }
    Ok(Image { board, card, kernel })
}

/// Where a board's image is made.
pub fn folder(name: &str) -> Done<PathBuf> {
    let folder = build::target_dir()?.join("image").join(name);
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// What was made, and how large the parts of a slot are when they are compressed quickly.
fn report(image: &Image) -> Done {
    let folder = image.folder()?;
    let mut text = String::new();
    for part in ["slot.vfat", "root.erofs"] {
        let file = folder.join(part);
        text += &format!("  {part:<11} {:>9} KiB\n", compressed(&file)? / 1024);
    }
    let sum = output(command("sha256sum").arg(&image.card))?;
    let sum = sum.split(' ').next().unwrap_or_default();
    say(&format!("Compressed:\n{text}\n{}\nsha256 {sum}", image.card.display()));
    Ok(())
}

/// How many bytes a file takes that is compressed beside it.
fn compressed(file: &Path) -> Done<u64> {
    let to = file.with_extension("xz");
    run(command("sh").args(["-c", "xz -T1 -1 <\"$1\" >\"$2\"", "sh"]).arg(file).arg(&to))?;
    Ok(fs::metadata(to)?.len())
}
