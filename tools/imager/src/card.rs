//! The card: partitions as docs/formats/slots.md numbers them, laid out by genimage.
//!
//! Both slots hold the same, so that a new card has something to fall back to; slot.scr asks boot.scr which partition its
//! root is. Ids of disk and partitions are fixed, FAT has no dates.

use crate::{
    board::{Board, Card, Firmware},
    firmware::{self, Source},
    shell::{Done, command, run},
    trees::Tree,
    verity::Verity,
};
use slots::{COPY_BYTES, DeviceTree, SlotFile, SlotScript, Slots, fresh_copies, script_image};
use std::{
    fs::{self, File},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

/// What every kernel is told: restart instead of hanging, and look at both copies of the partition table.
const ARGS: &str = "panic=3 gpt loglevel=4";
/// The first partition's entry in the old partition table: FAT32, and the one to boot from.
const OLD_TABLE: &str = "    partition-type = 0x0c\n    bootable = true\n";
const STATE_MIB: u64 = 4;
pub(crate) const ALIGN_MIB: u64 = 4;
/// The number of the data partition.
const DATA: usize = 8;
/// For cards of up to 256 GiB room is set aside in the file system's own table; beyond that it grows otherwise.
const DATA_BLOCKS_MAX: u64 = 256 << 18;

/// The partitions' names in the order of their numbers, which are those of the boot script.
pub const NAMES: [&str; 8] = ["boot", "state0", "state1", "boot-a", "root-a", "boot-b", "root-b", "data"];

/// A partition: its name, its size, and the file that is in it.
pub(crate) struct Partition {
    pub name: &'static str,
    pub mib: u64,
    pub file: &'static str,
}

/// The card's partitions in their order, which is their numbers'.
pub(crate) fn partitions(card: &Card) -> [Partition; 8] {
    let partition = |name, mib, file| Partition { name, mib, file };
    [
        partition("boot", card.boot_mib, "boot.vfat"),
        partition("state0", STATE_MIB, "state0"),
        partition("state1", STATE_MIB, "state1"),
        partition("boot-a", card.kernel_mib, "slot.vfat"),
        partition("root-a", card.root_mib, "root.erofs"),
        partition("boot-b", card.kernel_mib, "slot.vfat"),
        partition("root-b", card.root_mib, "root.erofs"),
        partition("data", card.data_mib, "data.ext4"),
    ]
}

/// Where the first partition begins on every card.
pub const FIRST_BYTES: u64 = ALIGN_MIB << 20;

/// Where the partition of this name begins. All sizes are whole multiples of the alignment.
pub fn begin(card: &Card, name: &str) -> u64 {
    let before = partitions(card).into_iter().take_while(|partition| partition.name != name);
    FIRST_BYTES + before.map(|partition| partition.mib.next_multiple_of(ALIGN_MIB) << 20).sum::<u64>()
}

/// What goes onto a card, beside the root's file.
pub struct Contents<'a> {
    /// The kernel's file.
    pub kernel: &'a Path,
    /// The device trees.
    pub trees: &'a [Tree],
    /// Boot loaders and firmware.
    pub firmware: &'a Source,
    /// What the kernel must be told of the root.
    pub verity: &'a Verity,
}

/// Lays out a card in `folder`, in which `root.erofs` lies. Answers with its file.
pub fn lay_out(board: &Board, contents: &Contents, folder: &Path) -> Done<PathBuf> {
    parts(board, contents, folder)?;
    genimage(folder)?;
    Ok(folder.join("card.img"))
}

/// Makes all files that a card consists of, and what genimage is told, in `folder`, in which `root.erofs` lies.
pub fn parts(board: &Board, contents: &Contents, folder: &Path) -> Done {
    let script = fs::read_to_string(board.common("boot.cmd"))?;
    let mut boot = firmware::boot_files(board, contents.firmware, contents.trees)?;
    boot.push(("boot.scr".to_owned(), script_image(&script)));
    fat(&folder.join("boot.vfat"), board.card.boot_mib, "LEDGER", &boot)?;
    slot(board, contents, folder)?;
    for raw in &board.firmware.raw {
        fs::write(folder.join(raw_name(raw.kib)), contents.firmware.raw(&raw.file)?)?;
    }
    let copies = fresh_copies(&Slots::unknown(), COPY_BYTES)?;
    for (name, copy) in ["state0", "state1"].iter().zip(copies) {
        fs::write(folder.join(name), copy)?;
    }
    data(&folder.join("data.ext4"), board.card.data_mib)?;
    Ok(fs::write(folder.join("genimage.cfg"), config(&board.card, &board.firmware))?)
}

/// Makes a slot's boot partition in `folder`.
pub fn slot(board: &Board, contents: &Contents, folder: &Path) -> Done {
    fat(&folder.join("slot.vfat"), board.card.kernel_mib, "SLOT", &slot_files(board, contents)?)
}

/// Writes the slot that lies in `folder` over slot A of a card.
pub fn put_slot_a(card: &Path, sizes: &Card, folder: &Path) -> Done {
    let card = File::options().write(true).open(card)?;
    for (partition, file) in [("boot-a", "slot.vfat"), ("root-a", "root.erofs")] {
        card.write_all_at(&fs::read(folder.join(file))?, begin(sizes, partition))?;
    }
    Ok(())
}

/// The kernel, its device trees, and the script that starts it.
fn slot_files(board: &Board, contents: &Contents) -> Done<Vec<(String, Vec<u8>)>> {
    let bytes = fs::read(contents.kernel)?;
    let kernel = &board.kernel;
    let tree = |tree: &Tree| DeviceTree {
        board: tree.board.clone(),
        file: SlotFile::new(&tree.name, &kernel.tree_load, &tree.bytes),
    };
    let script = SlotScript {
        files: vec![SlotFile::new(&kernel.image, &kernel.load, &bytes)],
        device_trees: contents.trees.iter().map(tree).collect(),
        args: format!("{} {ARGS} {}", kernel.args, contents.verity.args()),
        start: kernel.start.clone(),
    };
    let mut files: Vec<_> =
        contents.trees.iter().map(|tree| (tree.name.clone(), tree.bytes.clone())).collect();
    files.push((kernel.image.clone(), bytes));
    files.push(("slot.scr".into(), script_image(&script.text())));
    Ok(files)
}

/// A FAT with these files in its root.
fn fat(image: &Path, mib: u64, label: &str, files: &[(String, Vec<u8>)]) -> Done {
    if image.exists() {
        fs::remove_file(image)?;
    }
    let blocks = (mib << 10).to_string();
    run(command("mkfs.vfat").args(["--invariant", "-n", label, "-C"]).arg(image).arg(blocks))?;
    let folder = image.with_extension("files");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    for (name, bytes) in files {
        let file = folder.join(name);
        fs::write(&file, bytes)?;
        put(image, 0, &file, name)?;
    }
    Ok(())
}

/// Puts a file into the FAT that begins at this offset of an image.
pub fn put(image: &Path, offset: u64, file: &Path, name: &str) -> Done {
    let mut copy = command("mcopy");
    copy.env("SOURCE_DATE_EPOCH", "315532800").env("TZ", "UTC").args(["-o", "-i"]);
    run(copy.arg(format!("{}@@{offset}", image.display())).arg(file).arg(format!("::{name}")))
}

/// The data partition's file system: small, and made to be grown in place to any card's size.
fn data(file: &Path, mib: u64) -> Done {
    if file.exists() {
        fs::remove_file(file)?;
    }
    let mut make = command("mke2fs");
    make.env("E2FSPROGS_FAKE_TIME", "1").args(["-q", "-t", "ext4", "-b", "4096", "-J", "size=16", "-m", "1"]);
    let grown =
        format!("resize={DATA_BLOCKS_MAX},hash_seed={},root_owner=0:0,lazy_itable_init=0,nodiscard", id(0));
    run(make.args(["-L", "data", "-U", &id(DATA), "-E", &grown]).arg(file).arg(format!("{mib}M")))
}

/// What genimage is told.
fn config(card: &Card, firmware: &Firmware) -> String {
    let table = if card.hybrid { "hybrid" } else { "gpt" };
    let mut text = format!(
        "image card.img {{\n  hdimage {{\n    partition-table-type = \"{table}\"\n    align = {ALIGN_MIB}M\n    disk-uuid = \"{}\"\n  }}\n",
        id(0)
    );
    for raw in &firmware.raw {
        let name = raw_name(raw.kib);
        text += &format!(
            "  partition {name} {{\n    in-partition-table = false\n    image = \"{name}\"\n    offset = {}K\n  }}\n",
            raw.kib
        );
    }
    for (at, Partition { name, mib, file }) in partitions(card).iter().enumerate() {
        let kind = if *name == "boot" { "F" } else { "L" };
        let old = if card.hybrid && *name == "boot" { OLD_TABLE } else { "" };
        text += &format!(
            "  partition {name} {{\n{old}    partition-type-uuid = \"{kind}\"\n    partition-uuid = \"{}\"\n    image = \"{file}\"\n    size = {mib}M\n  }}\n",
            id(at + 1)
        );
    }
    text + "}\n"
}

/// The name of a file that lies before the partitions.
pub(crate) fn raw_name(kib: u64) -> String {
    format!("raw{kib}")
}

/// The id of the disk (0) or of a partition.
pub(crate) fn id(number: usize) -> String {
    format!("6c656467-6572-4000-8000-0000000001{number:02x}")
}

/// Lays out the parts that lie in `folder` as `card.img`.
pub fn genimage(folder: &Path) -> Done {
    let (none, temporary) = (folder.join("none"), folder.join("tmp"));
    if temporary.exists() {
        fs::remove_dir_all(&temporary)?;
    }
    fs::create_dir_all(&none)?;
    let mut genimage = command("genimage");
    genimage.current_dir(folder).args(["--loglevel", "0", "--config", "genimage.cfg", "--inputpath", "."]);
    genimage.args(["--outputpath", ".", "--rootpath"]).arg(none).arg("--tmppath").arg(temporary);
    run(&mut genimage)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::Raw;

    #[test]
    fn partitions_lie_one_behind_the_other() {
        let card = Card { boot_mib: 32, kernel_mib: 30, ..Card::default() };
        assert_eq!(begin(&card, "boot"), FIRST_BYTES);
        assert_eq!(begin(&card, "root-a"), (4 + 32 + 4 + 4 + 32) << 20, "30 MiB are rounded up");
    }

    #[test]
    fn a_hybrid_table_names_the_first_partition_alone_and_raw_files_are_in_no_table() {
        let raw = vec![Raw { file: "MLO".into(), kib: 128 }];
        let firmware = Firmware { raw, ..Firmware::default() };
        let text = config(&Card { hybrid: true, ..Card::default() }, &firmware);
        assert_eq!(text.matches("partition-type = 0x0c").count(), 1);
        assert!(
            text.contains("partition boot {\n    partition-type = 0x0c\n    bootable = true\n"),
            "{text}"
        );
        assert!(
            text.contains("in-partition-table = false\n    image = \"raw128\"\n    offset = 128K"),
            "{text}"
        );
        assert!(!config(&Card::default(), &Firmware::default()).contains("0x0c"));
    }

    #[test]
    fn the_numbers_are_those_of_the_boot_script() {
        let names = partitions(&Card::default()).map(|partition| partition.name);
        assert_eq!(names, NAMES);
    }
}
