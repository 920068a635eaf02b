//! The image as it will be on the card: the file, with the settings laid over its first partition.
//!
//! The settings go into a copy of that partition, never into the image, and are then written and compared like all the
//! rest. Every byte up to the image's end has a value, holes are zeros: what a former card had there must not be seen.

use super::gpt::{Part, first};
use crate::shell::{Done, command};
use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::FileExt,
    path::Path,
    process::Stdio,
};

/// What is written at once.
pub const PIECE: usize = 4 << 20;
/// What is written and read begins and ends at multiples of this: no card has larger sectors.
pub const ALIGN: u64 = 4096;
/// The first bytes of what people download and do not unpack.
const PACKED: [&[u8]; 4] = [b"\xfd7zXZ", b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PK\x03\x04"];

/// An image with its settings.
pub struct Source {
    image: File,
    bytes: u64,
    boot: Part,
    /// The first partition with what was put onto it.
    over: Option<Vec<u8>>,
}

/// A file for the first partition.
pub struct Put<'a> {
    /// Its name there.
    pub name: &'a str,
    /// What is in it.
    pub bytes: &'a [u8],
}

impl Source {
    /// Opens an image, if it is one.
    pub fn open(path: &Path) -> Done<Self> {
        let named = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let image = File::open(path).map_err(|e| named(&e))?;
        let bytes = image.metadata()?.len();
        let mut head = vec![0; PIECE.min(usize::try_from(bytes)?)];
        image.read_exact_at(&mut head, 0).map_err(|e| named(&e))?;
        if PACKED.iter().any(|magic| head.starts_with(magic)) {
            return Err(named(&"is compressed: unpack it first").into());
        }
        let boot = first(&head).filter(|part| part.name == "boot" && part.end() <= bytes);
        let boot =
            boot.ok_or_else(|| named(&"is no image of a card: it has no first partition called boot"))?;
        Ok(Self { image, bytes, boot, over: None })
    }

    /// How long it is.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How many bytes of the card are written: whole sectors.
    pub fn total(&self) -> u64 {
        self.bytes.next_multiple_of(ALIGN)
    }

    /// Puts files onto the first partition, in a folder that nobody else can look into, since settings have passwords.
    pub fn put(&mut self, files: &[Put]) -> Done {
        let folder = tempfile::tempdir()?;
        let fat = folder.path().join("boot.vfat");
        let mut bytes = vec![0; usize::try_from(self.boot.bytes)?];
        self.image.read_exact_at(&mut bytes, self.boot.begin)?;
        fs::write(&fat, &bytes)?;
        files.iter().try_for_each(|file| copy(&fat, file))?;
        self.over = Some(fs::read(&fat)?);
        Ok(())
    }

    /// Reads what belongs at a place of the card.
    pub fn read(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        self.image.read_exact_at(into, at)?;
        if let Some(over) = &self.over {
            lay(over, self.boot.begin, at, into);
        }
        Ok(())
    }
}

/// Lays the part of `over`, which begins at `begin`, that falls into the piece at `at`.
fn lay(over: &[u8], begin: u64, at: u64, piece: &mut [u8]) {
    let (over_end, piece_end) = (begin + over.len() as u64, at + piece.len() as u64);
    let (from, to) = (begin.max(at), over_end.min(piece_end));
    if from < to {
        // All of these are within the two slices, whose lengths are usize.
        let place = |here: u64| here as usize;
        piece[place(from - at)..place(to - at)]
            .copy_from_slice(&over[place(from - begin)..place(to - begin)]);
    }
}

fn copy(fat: &Path, file: &Put) -> Done {
    let mut copy = command("mcopy");
    copy.args(["-o", "-i"]).arg(fat).arg("-").arg(format!("::{}", file.name)).stdin(Stdio::piped());
    let mut copy = copy.spawn().map_err(|e| format!("mcopy (Debian package mtools): {e}"))?;
    // It ends when this is dropped; what it says about a full partition is its exit status.
    if let Some(mut input) = copy.stdin.take() {
        input.write_all(file.bytes)?;
    }
    if copy.wait()?.success() { Ok(()) } else { Err(format!("mcopy could not put {}", file.name).into()) }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::shell::output;

    /// A small image as the image chore makes them: a GPT, a FAT called boot, a partition with data and holes.
    pub fn image(folder: &Path) -> std::path::PathBuf {
        let (fat, image) = (folder.join("fat"), folder.join("card.img"));
        let _none = fs::remove_file(&fat);
        output(command("/usr/sbin/mkfs.vfat").args(["-n", "LEDGER", "-C"]).arg(&fat).arg("4096")).unwrap();
        let file = File::create(&image).unwrap();
        file.set_len(24 << 20).unwrap();
        let mut sgdisk = command("/usr/sbin/sgdisk");
        output(sgdisk.args(["-n1:2048:+4M", "-c1:boot", "-n2:0:0", "-c2:data"]).arg(&image)).unwrap();
        file.write_all_at(&fs::read(&fat).unwrap(), 1 << 20).unwrap();
        file.write_all_at(&[0xda; 5000], (9 << 20) + 7).unwrap();
        image
    }

    pub fn whole(source: &Source) -> Vec<u8> {
        let mut all = vec![0; source.bytes() as usize];
        source.read(0, &mut all).unwrap();
        all
    }

    #[test]
    fn settings_are_put_onto_the_first_partition_and_the_image_stays() {
        let folder = tempfile::tempdir().unwrap();
        let image = image(folder.path());
        let before = fs::read(&image).unwrap();
        let mut source = Source::open(&image).unwrap();
        assert!(whole(&source) == before);
        source.put(&[Put { name: "settings.toml", bytes: b"name = \"x\"\n" }]).unwrap();
        assert!(fs::read(&image).unwrap() == before);
        let card = folder.path().join("card");
        fs::write(&card, whole(&source)).unwrap();
        let mut list = command("mtype");
        let text = output(list.arg("-i").arg(format!("{}@@1M", card.display())).arg("::settings.toml"));
        assert_eq!(text.unwrap(), "name = \"x\"\n");
    }

    #[test]
    fn what_is_laid_over_falls_into_pieces_of_any_size() {
        let over = [1, 2, 3, 4, 5];
        for size in 1..12 {
            let mut all = Vec::new();
            for at in (0..12).step_by(size) {
                let mut piece = vec![0; size.min(12 - at)];
                lay(&over, 4, at as u64, &mut piece);
                all.extend(piece);
            }
            assert_eq!(all, [0, 0, 0, 0, 1, 2, 3, 4, 5, 0, 0, 0], "pieces of {size}");
        }
    }

    #[test]
    fn what_is_no_image_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x");
        for (bytes, why) in
            [(&b"\xfd7zXZ..."[..], "compressed"), (&[0; 4096][..], "no image"), (b"", "no image")]
        {
            fs::write(&file, bytes).unwrap();
            let error = Source::open(&file).err().unwrap().to_string();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn more_than_the_first_partition_can_hold_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let mut source = Source::open(&image(folder.path())).unwrap();
        assert!(source.put(&[Put { name: "large", bytes: &vec![1; 5 << 20] }]).is_err());
    }
}
