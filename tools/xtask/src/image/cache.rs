//! What the image chore keeps between builds: things named by the hash of all that they were made from.
//!
//! A thing is made in a folder beside its place and renamed, so that what is there is whole. May be deleted at any time.

use crate::shell::{Done, cache};
use sha2::{Digest, Sha256};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The folder of the image chore.
pub fn folder(name: &str) -> Done<PathBuf> {
    let folder = cache()?.join("image").join(name);
    fs::create_dir_all(&folder).map_err(|e| format!("cannot make {}: {e}", folder.display()))?;
    Ok(folder)
}

/// The hash of inputs, each with its length, so that two lists never run together.
pub fn hash<T: AsRef<[u8]>>(inputs: &[T]) -> String {
    let mut hash = Sha256::new();
    for input in inputs {
        hash.update((input.as_ref().len() as u64).to_le_bytes());
        hash.update(input);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The thing with this hash; `make` fills its folder when it is not there yet.
pub fn made(kind: &str, hash: &str, make: impl FnOnce(&Path) -> Done) -> Done<PathBuf> {
    let place = folder(kind)?.join(hash);
    if place.exists() {
        return Ok(place);
    }
    let fresh = place.with_extension("new");
    if fresh.exists() {
        fs::remove_dir_all(&fresh)?;
    }
    fs::create_dir_all(&fresh)?;
    make(&fresh)?;
    fs::rename(&fresh, &place)?;
    Ok(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_do_not_run_together() {
        assert_ne!(hash(&["ab", "c"]), hash(&["a", "bc"]));
        assert_ne!(hash(&["a", ""]), hash(&["a"]));
        assert_eq!(hash(&["a"]).len(), 64);
    }
}
