//! `update.tar`, which `cargo xtask image` makes: the parts of a slot, and what belongs to them (docs/formats/image-toml.md).
//!
//! It is read in place: a part is a stretch of the tar, and nothing is unpacked. What is in it is those three members, each once. Whether the
//! root fits its verity hash is looked at when the parts are cut.

use super::Raw;
use crate::error::{Hint, Result, refused};
use anyhow::{Context, ensure};
use model::{Name, VerityHash};
use serde::Deserialize;
use std::{fs::File, io::Read, path::Path};
use update::Verity;

const FACTS: &str = "bundle.toml";
/// The slot's parts; the last one is what dm-verity reads.
const PARTS: [&str; 2] = ["boot.vfat", ROOT];
const ROOT: &str = "root.erofs";
/// Far more than facts have.
const MAX_FACTS_BYTES: u64 = 64 * 1024;

/// A system to be published.
pub struct Bundle {
    /// The board that it was built for.
    pub board: Name,
    /// What goes into the slot.
    pub parts: Vec<Raw>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    board: Name,
    verity: FactsOfVerity,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FactsOfVerity {
    blocks: u64,
    root: VerityHash,
}

/// Reads what a bundle has.
pub fn open(path: &Path) -> Result<Bundle> {
    let file = File::open(path)
        .hint(|| format!("cannot read {}", path.display()), "name a file that is there and can be read")?;
    read(path, file).hint(
        || format!("{} is no bundle of a system", path.display()),
        "cargo xtask image BOARD makes one: target/image/BOARD/update.tar; other files want --kind disk or dapp",
    )
}

fn read(path: &Path, file: File) -> Result<Bundle> {
    let (mut facts, mut parts) = (None, Vec::new());
    let mut archive = tar::Archive::new(file);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let name = entry.path()?.to_string_lossy().into_owned();
        ensure!(entry.header().entry_type().is_file(), "{name} in it is not a file");
        if name == FACTS {
            ensure!(facts.replace(self::facts(&mut entry)?).is_none(), "{FACTS} is in it twice");
            continue;
        }
        ensure!(PARTS.contains(&name.as_str()), "{name} in it is not a part of a slot");
        let known = parts.iter().any(|part: &Raw| part.name.as_str() == name);
        ensure!(!known, "{name} is in it twice");
        let (offset, size) = (entry.raw_file_position(), entry.size());
        parts.push(Raw { name: name.parse()?, file: path.to_owned(), offset, size, verity: None });
    }
    let facts = facts.with_context(|| format!("{FACTS} is not in it"))?;
    let missing = PARTS.iter().find(|name| !parts.iter().any(|part| part.name.as_str() == **name));
    if let Some(missing) = missing {
        return Err(refused(format!("{missing} is not in it"), "build the image again"));
    }
    let FactsOfVerity { blocks, root } = facts.verity;
    for part in parts.iter_mut().filter(|part| part.name.as_str() == ROOT) {
        part.verity = Some(Verity { blocks, root });
    }
    Ok(Bundle { board: facts.board, parts })
}

fn facts(entry: &mut impl Read) -> Result<Facts> {
    let mut text = String::new();
    entry.take(MAX_FACTS_BYTES).read_to_string(&mut text).with_context(|| format!("{FACTS} is not text"))?;
    toml::from_str(&text).with_context(|| format!("{FACTS} does not say what it should"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const TOML: &str = "board = \"sim\"\n\n[verity]\nblocks = 1\nroot = \"ad7facb2586fc6e966c004d7d1d16b024f5805ff7cb47c7a85dabd8b48892ca7\"\n";

    type Member<'a> = (&'a str, &'a [u8]);

    fn bundle(members: &[Member<'_>]) -> tempfile::NamedTempFile {
        let mut archive = tar::Builder::new(tempfile::NamedTempFile::new().unwrap());
        for (name, bytes) in members {
            let mut header = tar::Header::new_ustar();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            header.set_cksum();
            archive.append_data(&mut header, name, *bytes).unwrap();
        }
        let mut file = archive.into_inner().unwrap();
        file.flush().unwrap();
        file
    }

    fn refused(members: &[Member<'_>]) -> String {
        let file = bundle(members);
        crate::error::chain(&open(file.path()).err().unwrap()).join(": ")
    }

    #[test]
    fn the_parts_are_found_where_they_lie() {
        let file = bundle(&[(FACTS, TOML.as_bytes()), ("boot.vfat", b"kernel"), (ROOT, &[0; 8192])]);
        let bundle = open(file.path()).unwrap();
        assert_eq!(bundle.board.as_str(), "sim");
        let [boot, root] = &bundle.parts[..] else { panic!("{} parts", bundle.parts.len()) };
        assert_eq!((boot.size, boot.verity.is_none()), (6, true));
        assert_eq!((root.size, root.verity.as_ref().unwrap().blocks), (8192, 1));
        let mut read = String::new();
        boot.open().unwrap().read_to_string(&mut read).unwrap();
        assert_eq!(read, "kernel");
    }

    #[test]
    fn what_is_missing_twice_or_unknown_is_named() {
        let facts: Member<'_> = (FACTS, TOML.as_bytes());
        let (boot, root): (Member<'_>, Member<'_>) = (("boot.vfat", b"k"), (ROOT, b"r"));
        assert!(refused(&[boot, root]).contains("bundle.toml is not in it"));
        assert!(refused(&[facts, boot]).contains("root.erofs is not in it"));
        assert!(refused(&[facts, boot, boot, root]).contains("boot.vfat is in it twice"));
        assert!(refused(&[facts, boot, root, ("x", b"")]).contains("x in it is not a part of a slot"));
        let wrong = TOML.replace("blocks", "block");
        assert!(refused(&[(FACTS, wrong.as_bytes()), boot, root]).contains("does not say what it should"));
    }

    #[test]
    fn a_bundle_that_ends_early_is_refused_wherever_it_ends() {
        let whole = bundle(&[(FACTS, TOML.as_bytes()), ("boot.vfat", &[1; 1500]), (ROOT, &[2; 5000])]);
        let bytes = std::fs::read(whole.path()).unwrap();
        let end = bytes.len() - 1024;
        for length in (0..end - 512).step_by(100) {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(&bytes[..length]).unwrap();
            assert!(open(file.path()).is_err(), "cut at {length} of {end}");
        }
    }

    #[test]
    fn another_file_is_said_to_be_no_bundle() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&[7; 2000]).unwrap();
        assert!(open(file.path()).err().unwrap().to_string().contains("is no bundle of a system"));
        assert!(open(Path::new("/nowhere/update.tar")).err().unwrap().to_string().contains("cannot read"));
    }
}
