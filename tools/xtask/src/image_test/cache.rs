//! What a power cut leaves of a card that keeps writes in a cache of its own: all that was flushed, and of the rest some, some
//! in part, some not at all.
//!
//! QEMU's filter `blklogwrites` writes down every write and every flush, in the kernel's format (dm-log-writes): a sector for
//! the log, then for each a sector of four numbers and its data. Here they are played onto the card as it was at power-on.

use super::random::Random;
use crate::shell::{Done, command, run};
use std::{
    fs::{self, File},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

const SECTOR: usize = 512;
const FLUSH: u64 = 1;
const FUA: u64 = 2;
const DISCARD: u64 = 4;

/// A card, its log of writes, and how it was at power-on.
pub struct Cache {
    card: PathBuf,
    before: PathBuf,
    /// Where QEMU writes it all down.
    pub log: PathBuf,
}

/// One thing that was asked of the card.
#[derive(Debug, PartialEq, Eq)]
struct Entry<'a> {
    sector: u64,
    flags: u64,
    data: &'a [u8],
}

impl Cache {
    /// Before power-on.
    pub fn of(card: &Path) -> Done<Self> {
        let cache = Self {
            card: card.to_owned(),
            before: card.with_extension("before"),
            log: card.with_extension("writes"),
        };
        run(command("cp").arg("--sparse=always").arg(card).arg(&cache.before))?;
        File::create(&cache.log)?;
        Ok(cache)
    }

    /// After the cut: the card is what is left. Answers how many writes were not flushed.
    pub fn lose(self, random: &mut Random) -> Done<usize> {
        let log = fs::read(&self.log)?;
        let entries = entries(&log);
        let flushed = entries.iter().rposition(|entry| entry.flags & FLUSH != 0).map_or(0, |at| at + 1);
        let card = File::options().write(true).open(&self.before)?;
        for (at, entry) in entries.iter().enumerate() {
            let durable = at < flushed || entry.flags & FUA != 0;
            let kept = if durable { entry.data.len() } else { left_of(entry.data.len(), random) };
            card.write_all_at(&entry.data[..kept], entry.sector * SECTOR as u64)?;
        }
        fs::rename(&self.before, &self.card)?;
        fs::remove_file(&self.log)?;
        Ok(entries.len() - flushed)
    }
}

/// How much of a write that was not flushed is on the card: half of the time all, else nothing or whole sectors.
fn left_of(length: usize, random: &mut Random) -> usize {
    let sectors = (length / SECTOR) as u64;
    match random.below(4) {
        0 | 1 => length,
        2 => 0,
        _ => usize::try_from(random.below(sectors.max(1))).map_or(0, |kept| kept * SECTOR),
    }
}

/// What is whole of a log that may end anywhere.
fn entries(log: &[u8]) -> Vec<Entry<'_>> {
    let mut entries = Vec::new();
    let mut rest = log.get(SECTOR..).unwrap_or_default();
    while let Some((entry, after)) = entry(rest) {
        entries.push(entry);
        rest = after;
    }
    entries
}

fn entry(log: &[u8]) -> Option<(Entry<'_>, &[u8])> {
    let (head, rest) = log.split_at_checked(SECTOR)?;
    let number = |at: usize| Some(u64::from_le_bytes(head.get(at * 8..at * 8 + 8)?.try_into().ok()?));
    let (sector, sectors, flags) = (number(0)?, number(1)?, number(2)?);
    if sectors == 0 && flags == 0 {
        // A hole: what comes later was never written.
        return None;
    }
    let length = if flags & DISCARD == 0 { usize::try_from(sectors).ok()?.checked_mul(SECTOR)? } else { 0 };
    let (data, rest) = rest.split_at_checked(length)?;
    Some((Entry { sector, flags, data }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(entries: &[(u64, u64, u64)]) -> Vec<u8> {
        let mut log = vec![0; SECTOR];
        for (sector, sectors, flags) in entries {
            let mut head = [*sector, *sectors, *flags, 0].map(u64::to_le_bytes).concat();
            head.resize(SECTOR, 0);
            log.extend(head);
            log.resize(log.len() + usize::try_from(*sectors).unwrap() * SECTOR, 7);
        }
        log
    }

    #[test]
    fn a_log_is_read_as_far_as_it_is_whole() {
        let log = log(&[(8, 2, 0), (0, 0, FLUSH), (3, 1, FUA)]);
        let read = entries(&log);
        assert_eq!(read.len(), 3);
        assert_eq!(read[0], Entry { sector: 8, flags: 0, data: &[7; 1024] });
        assert_eq!(entries(&log[..log.len() - 1]).len(), 2);
        let holes = [log, vec![0; 4 * SECTOR]].concat();
        assert_eq!(entries(&holes).len(), 3);
        assert!(entries(&[]).is_empty());
    }

    #[test]
    fn what_was_flushed_is_there_and_nothing_else_is_sure() {
        let folder = std::env::temp_dir().join(format!("xtask-cache-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let card = folder.join("card.img");
        let mut lost = 0;
        for seed in 0..40 {
            fs::write(&card, vec![0; 16 * SECTOR]).unwrap();
            let cache = Cache::of(&card).unwrap();
            fs::write(&cache.log, log(&[(0, 1, 0), (0, 0, FLUSH), (4, 1, 0), (8, 1, FUA)])).unwrap();
            assert_eq!(cache.lose(&mut Random(seed)).unwrap(), 2);
            let left = fs::read(&card).unwrap();
            assert_eq!((left[0], left[8 * SECTOR]), (7, 7));
            lost += usize::from(left[4 * SECTOR] == 0);
        }
        assert!((1..40).contains(&lost), "{lost}");
        fs::remove_dir_all(folder).unwrap();
    }
}
