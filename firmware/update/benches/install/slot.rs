//! A slot as a file: as long as a partition, with nothing in it.

use super::Done;
use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::Path,
};

/// A partition is this much longer than what it is to hold.
const ROOM: u64 = 16 << 20;

/// A new one, for an image.
pub fn make(slot: &Path, image: &Path) -> Done {
    Ok(File::create(slot)?.set_len(std::fs::metadata(image)?.len() + ROOM)?)
}

/// Whether a slot begins with an image.
pub fn same(slot: &Path, image: &Path) -> Done {
    let size = std::fs::metadata(image)?.len();
    let open = |file| Ok::<_, io::Error>(BufReader::with_capacity(1 << 20, File::open(file)?));
    let (slot_bytes, image_bytes) = (open(slot)?.take(size).bytes(), open(image)?.bytes());
    for (there, wanted) in slot_bytes.zip(image_bytes) {
        if there? != wanted? {
            return Err(format!("{} is not what was to be installed", slot.display()).into());
        }
    }
    Ok(())
}
