//! The root as one file: a read-only EROFS, then its hash tree (dm-verity), and the line by which the kernel finds both.
//!
//! EROFS is not compressed: the card has room, and two releases then differ by few bytes. There is no salt, no date and no
//! drawn id: the same tree gives the same file. Names are sorted by the maker; files go in by the order of their names.

use crate::shell::{Done, command, output, run};
use std::{fs, path::Path};

/// dm-verity's and EROFS's.
const BLOCK_BYTES: u64 = 4096;
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

/// Makes the file.
pub fn make(tree: &Path, file: &Path) -> Done<Verity> {
    if file.exists() {
        fs::remove_file(file)?;
    }
    run(command("mkfs.erofs").args(["--quiet", "-T0", "--all-root", "-x-1", "-U", ID]).arg(file).arg(tree))?;
    let length = fs::metadata(file)?.len().next_multiple_of(BLOCK_BYTES);
    fs::File::options().write(true).open(file)?.set_len(length)?;
    let blocks = length / BLOCK_BYTES;
    let mut format = command("/usr/sbin/veritysetup");
    format.args(["format", "--no-superblock", "--hash=sha256", "--salt=-"]);
    format.arg(format!("--data-blocks={blocks}")).arg(format!("--hash-offset={length}"));
    let said = output(format.arg(file).arg(file))?;
    let hash = said.lines().find_map(|line| line.strip_prefix("Root hash:"));
    Ok(Verity { blocks, hash: hash.ok_or("veritysetup names no root hash")?.trim().to_owned() })
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

    #[test]
    fn the_kernel_is_told_where_the_root_ends_and_its_hashes_begin() {
        let args = Verity { blocks: 10, hash: "ab".into() }.args();
        assert!(args.contains(
            "0 80 verity 1 PARTUUID=${root_uuid} PARTUUID=${root_uuid} 4096 4096 10 10 sha256 ab - 1"
        ));
    }
}
