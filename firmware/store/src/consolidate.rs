//! Packs merged into few, so that a reader opens few files and a card holds few half-empty blocks.
//!
//! Sizes grow geometrically: a pack stays as it is when it is at least twice as large as all smaller ones
//! together, so a large pack is rewritten seldom and there are few of them (some 12 for a gigabyte). Order for a
//! power cut: the new pack is durable before an old one goes. A damaged source stops the merge and nothing is
//! removed. Memory: some 150 bytes an object of the packs merged, and a window of trees; see `merge`.

use crate::{
    disk::{Disk, DiskError, Doing},
    git::GitObjects,
    merge::{Merge, Source},
    pack::{self, PackError},
};
use std::{
    path::{Path, PathBuf},
    time::SystemTime,
};

/// A commit that finds this many packs merges them first.
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

/// Merges those packs in `folder` that are due.
pub(crate) fn run(disk: &dyn Disk, folder: &Path, objects: &GitObjects) -> Result<Consolidated, PackError> {
    let mut packs = sizes(disk, pack::list(disk, folder)?)?;
    packs.sort();
    let total = packs.len();
    packs.truncate(due(&packs.iter().map(|(size, _)| *size).collect::<Vec<_>>()));
    if packs.is_empty() {
        return Ok(Consolidated { merged: 0, packs: total });
    }
    let mut old: Vec<PathBuf> = packs.into_iter().map(|(_, path)| path).collect();
    old.sort_by_key(|path| made(path));
    let sources = old.iter().map(|path| Source::open(path)).collect::<Result<Vec<_>, _>>()?;
    let merge = Merge::new(sources, objects);
    let new = pack::write(disk, folder, merge.objects(), merge)?;
    objects.look_again();
    let gone = old.iter().filter(|pack| **pack != new).try_for_each(|pack| pack::remove(disk, pack));
    objects.look_again();
    gone?;
    disk.sync_dir(folder).doing("sync", folder)?;
    Ok(Consolidated { merged: old.len(), packs: total - old.len() + 1 })
}

fn sizes(disk: &dyn Disk, packs: Vec<PathBuf>) -> Result<Vec<(u64, PathBuf)>, DiskError> {
    let size = |path: PathBuf| {
        let size = disk.open(&path, false).and_then(|file| file.len()).doing("measure", &path)?;
        Ok((size, path))
    };
    packs.into_iter().map(size).collect()
}

/// How many of the smallest packs are to be merged; sizes ascend.
fn due(sizes: &[u64]) -> usize {
    let mut smaller = 0;
    let mut due = 0;
    for (index, size) in sizes.iter().enumerate() {
        if index > 0 && *size < GROWTH * smaller {
            due = index + 1;
        }
        smaller += size;
    }
    due
}

/// When a pack was made: neighbours in time have trees alike. A wrong answer costs bytes, nothing else.
fn made(pack: &Path) -> SystemTime {
    std::fs::metadata(pack).and_then(|data| data.modified()).unwrap_or(SystemTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_packs_remain_however_many_come_and_large_ones_are_seldom_rewritten() {
        let (mut sizes, mut rewritten) = (Vec::<u64>::new(), 0);
        for _ in 0..10_000 {
            sizes.push(10);
            if sizes.len() > PACKS_MAX {
                sizes.sort();
                let count = due(&sizes);
                let merged: u64 = sizes.drain(..count).sum();
                rewritten += merged;
                sizes.push(merged);
            }
            assert!(sizes.len() <= PACKS_MAX);
        }
        assert_eq!(sizes.iter().sum::<u64>(), 100_000);
        assert!(rewritten < 8 * 100_000, "{rewritten} bytes were rewritten");
    }

    #[test]
    fn packs_that_grow_geometrically_stay() {
        assert_eq!(due(&[]), 0);
        assert_eq!(due(&[5]), 0);
        assert_eq!(due(&[1, 2, 6, 18]), 0);
        assert_eq!(due(&[1, 1, 4, 12]), 2);
        assert_eq!(due(&[5, 5, 5, 100]), 3);
    }
}
