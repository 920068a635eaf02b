//! The bundle that a release is published from: one file with the parts of a slot and what belongs to them.
//!
//! An uncompressed ustar archive: `bundle.toml` (for which board, the verity of the root), `boot.vfat` (a slot's kernel, device trees and
//! script), `root.erofs` (the root with its hash tree). No dates, no owners: the same parts give the same bytes.

use crate::{board::Board, shell::Done, verity::Verity};
use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::Path,
};
use tar::{Builder, EntryType, Header};

/// Writes the bundle of the slot that lies in `folder`.
pub fn write(board: &Board, verity: &Verity, folder: &Path, to: &Path) -> Done {
    let mut archive = Builder::new(File::create(to)?);
    let facts = facts(board, verity);
    add(&mut archive, "bundle.toml", facts.len() as u64, facts.as_bytes())?;
    for (name, file) in [("boot.vfat", "slot.vfat"), ("root.erofs", "root.erofs")] {
        let path = folder.join(file);
        let failed = |e: io::Error| format!("{}: {e}", path.display());
        let bytes = fs::metadata(&path).map_err(failed)?.len();
        add(&mut archive, name, bytes, File::open(&path).map_err(failed)?)?;
    }
    Ok(archive.into_inner()?.sync_all()?)
}

fn facts(board: &Board, verity: &Verity) -> String {
    let Verity { blocks, hash } = verity;
    format!("board = \"{}\"\n\n[verity]\nblocks = {blocks}\nroot = \"{hash}\"\n", board.name)
}

fn add(archive: &mut Builder<impl Write>, name: &str, bytes: u64, content: impl Read) -> Done {
    let mut header = Header::new_ustar();
    header.set_path(name)?;
    header.set_size(bytes);
    header.set_mode(0o644);
    header.set_entry_type(EntryType::Regular);
    header.set_cksum();
    Ok(archive.append(&header, content)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_has_the_slot_and_says_for_which_board() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("slot.vfat"), "kernel").unwrap();
        fs::write(folder.path().join("root.erofs"), "root").unwrap();
        let board = Board::load(&crate::checkout().join("board"), "qemu-aarch64").unwrap();
        let to = folder.path().join("update.tar");
        write(&board, &Verity { blocks: 3, hash: "ab".into() }, folder.path(), &to).unwrap();
        let mut archive = tar::Archive::new(File::open(&to).unwrap());
        let mut seen = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            seen.push((entry.path().unwrap().display().to_string(), text));
        }
        let facts = "board = \"qemu-aarch64\"\n\n[verity]\nblocks = 3\nroot = \"ab\"\n";
        let wanted = [("bundle.toml", facts), ("boot.vfat", "kernel"), ("root.erofs", "root")];
        assert_eq!(seen, wanted.map(|(name, text)| (name.to_owned(), text.to_owned())));
    }
}
