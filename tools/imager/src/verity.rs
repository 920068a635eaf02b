//! The root as one file: a read-only EROFS, then its hash tree (dm-verity), and the line by which the kernel finds both.
//!
//! The tree is of version 1: SHA-256, no salt, no superblock, the level with the one top block first. Levels are filled up with zeros.
//! EROFS is not compressed: the card has room, and two releases then differ by few bytes. There is no salt, no date and no
//! drawn id: the same tree gives the same file. Names are sorted by the maker; files go in by the order of their names.

use crate::shell::{Done, command, run};
use sha2::{Digest, Sha256};
use std::{
    fs::{self, File},
    io::{Read, Write},
    path::Path,
};

/// dm-verity's and EROFS's.
const BLOCK_BYTES: u64 = 4096;
const HASH_BYTES: usize = 32;
const SECTORS_A_BLOCK: u64 = BLOCK_BYTES / 512;
/// The file system's id. All releases have it; partitions are told apart by their own.
const ID: &str = "6c656467-6572-4000-8000-000000000001";

/// What the kernel must be told of a root.
pub struct Verity {
    /// Blocks of the file system; the hash tree begins right behind.
    pub blocks: u64,
    /// The hash of the tree's top.
    pub hash: String,
}

/// Makes the file out of a folder.
pub fn make(tree: &Path, file: &Path) -> Done<Verity> {
    if file.exists() {
        fs::remove_file(file)?;
    }
    run(command("mkfs.erofs").args(["--quiet", "-T0", "--all-root", "-x-1", "-U", ID]).arg(file).arg(tree))?;
    seal(file)
}

/// Puts the hash tree behind a file system that is in this file.
pub fn seal(file: &Path) -> Done<Verity> {
    let length = fs::metadata(file)?.len().next_multiple_of(BLOCK_BYTES);
    let mut device = File::options().read(true).write(true).open(file)?;
    device.set_len(length)?;
    let mut level = Vec::new();
    let mut block = [0; BLOCK_BYTES as usize];
    for _ in 0..length / BLOCK_BYTES {
        device.read_exact(&mut block)?;
        level.extend(Sha256::digest(block));
    }
    // The greatest level lies first, and its one block has the hash that the kernel is told.
    let mut levels = Vec::new();
    while level.len() > HASH_BYTES {
        level.resize(level.len().next_multiple_of(block.len()), 0);
        let above = level.chunks(block.len()).flat_map(Sha256::digest).collect();
        levels.push(std::mem::replace(&mut level, above));
    }
    for level in levels.iter().rev() {
        device.write_all(level)?;
    }
    device.sync_all()?;
    Ok(Verity {
        blocks: length / BLOCK_BYTES,
        hash: level.iter().map(|byte| format!("{byte:02x}")).collect(),
    })
}

impl Verity {
    /// The kernel's arguments: a verified root on the partition that the boot script names. A block that is not what it was
    /// restarts the box, and the start counts against the slot.
    pub fn args(&self) -> String {
        let Self { blocks, hash } = self;
        let part = "PARTUUID=${root_uuid}";
        let sectors = blocks * SECTORS_A_BLOCK;
        let table = format!(
            "verity 1 {part} {part} {BLOCK_BYTES} {BLOCK_BYTES} {blocks} {blocks} sha256 {hash} - 1 restart_on_corruption"
        );
        format!(
            "dm-mod.waitfor={part} dm-mod.create=\"root,,,ro,0 {sectors} {table}\" root=/dev/dm-0 rootfstype=erofs ro"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// What `veritysetup` makes of the same blocks: the file, and the hash.
    fn twin(blocks: &[u8], file: &Path) -> String {
        fs::write(file, blocks).unwrap();
        let mut format = Command::new("/usr/sbin/veritysetup");
        format.args(["format", "--no-superblock", "--hash=sha256", "--salt=-"]);
        format.arg(format!("--data-blocks={}", blocks.len() as u64 / BLOCK_BYTES));
        format.arg(format!("--hash-offset={}", blocks.len())).arg(file).arg(file);
        let said =
            format.output().unwrap_or_else(|e| panic!("veritysetup (Debian package cryptsetup-bin): {e}"));
        let said = String::from_utf8(said.stdout).unwrap();
        said.lines().find_map(|line| line.strip_prefix("Root hash:")).unwrap().trim().to_owned()
    }

    #[test]
    fn the_hash_tree_is_that_of_veritysetup() {
        let folder = tempfile::tempdir().unwrap();
        let [ours, theirs] = ["ours", "theirs"].map(|name| folder.path().join(name));
        // One level, a full one, the first block of a second, three levels.
        for blocks in [2, 3, 127, 128, 129, 16384, 16385] {
            let bytes: Vec<u8> = (0..blocks * BLOCK_BYTES).map(|at| (at / 7 % 251) as u8).collect();
            fs::write(&ours, &bytes).unwrap();
            let sealed = seal(&ours).unwrap();
            assert_eq!((sealed.blocks, sealed.hash), (blocks, twin(&bytes, &theirs)));
            assert!(fs::read(&ours).unwrap() == fs::read(&theirs).unwrap(), "{blocks} blocks");
        }
    }

    #[test]
    fn a_file_that_is_no_whole_number_of_blocks_is_filled_up() {
        let folder = tempfile::tempdir().unwrap();
        let [odd, even] = ["odd", "even"].map(|name| folder.path().join(name));
        fs::write(&odd, [7; 5000]).unwrap();
        fs::write(&even, [&[7; 5000][..], &[0; 3192]].concat()).unwrap();
        assert_eq!(seal(&odd).unwrap().hash, seal(&even).unwrap().hash);
        assert_eq!(fs::read(odd).unwrap(), fs::read(even).unwrap());
    }

    #[test]
    fn the_kernel_is_told_where_the_root_ends_and_its_hashes_begin() {
        let args = Verity { blocks: 10, hash: "ab".into() }.args();
        assert!(args.contains(
            "0 80 verity 1 PARTUUID=${root_uuid} PARTUUID=${root_uuid} 4096 4096 10 10 sha256 ab - 1"
        ));
    }
}
