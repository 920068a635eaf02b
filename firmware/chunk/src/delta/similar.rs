//! Which parts of the old file look like a piece of the new one.
//!
//! A hash rolls over 32 bytes; where its high bits are zero, the place is an anchor. The same 32 bytes give the same anchor
//! wherever they lie, so anchors that two pieces share tell that they are alike, although no chunk of theirs may be
//! the same. The old file's anchors are kept sorted, eight bytes each; a piece of the new file then votes for the old file's blocks.
//! An answer that is not the best one makes a longer frame, never a wrong one.

use std::{collections::BTreeMap, ops::Range};

/// What an anchor depends on.
const WINDOW_BYTES: usize = 32;
/// What is chosen or not: a page of most file systems.
pub(super) const BLOCK_BYTES: usize = 4096;
/// One place in so many becomes an anchor, in a file of up to [`MAX_ANCHORS`] times as many bytes.
const EVERY_BYTES_LOG: u32 = 6;
/// 128 MiB of the publisher's memory; of a longer file fewer places become anchors.
const MAX_ANCHORS: u64 = 16 << 20;
/// An anchor of more blocks than these says nothing about where one is: zeros, tables, boiler plate.
const MAX_PLACES: usize = 16;
/// What an anchor's votes are together.
const VOTES: u32 = 240;
/// A vote for a block is one for its neighbours too, weaker with each step: what lies between two good blocks is probably good.
const REACH: u32 = 8;

/// The old file's anchors.
pub(super) struct Index {
    /// Tag and block, sorted.
    anchors: Vec<(u32, u32)>,
    every_log: u32,
    blocks: u32,
    length: u64,
}

impl Index {
    pub(super) fn of(old: &[u8]) -> Self {
        let length = old.len() as u64;
        let every_log = EVERY_BYTES_LOG.max((length / MAX_ANCHORS).next_power_of_two().ilog2());
        let mut found: Vec<(u32, u32)> = Vec::with_capacity(old.len() >> every_log);
        anchors(old, every_log, |at, tag| {
            let anchor = (tag, (at / BLOCK_BYTES) as u32);
            // A run of one byte can be all anchors.
            if found.last() != Some(&anchor) {
                found.push(anchor);
            }
        });
        found.sort_unstable();
        found.dedup();
        Self { anchors: found, every_log, blocks: length.div_ceil(BLOCK_BYTES as u64) as u32, length }
    }

    /// Ranges of the old file, in its order and apart from each other, of at most `budget` bytes together.
    pub(super) fn like<'a>(&self, pieces: impl Iterator<Item = &'a [u8]>, budget: u64) -> Vec<Range<u64>> {
        let mut votes = BTreeMap::new();
        for piece in pieces {
            anchors(piece, self.every_log, |_, tag| self.vote(tag, &mut votes));
        }
        let mut chosen = best(&self.spread(&votes), (budget / BLOCK_BYTES as u64) as usize);
        chosen.sort_unstable();
        self.ranges(&chosen)
    }

    fn vote(&self, tag: u32, votes: &mut BTreeMap<u32, u32>) {
        let from = self.anchors.partition_point(|(other, _)| *other < tag);
        let places = self.anchors[from..].iter().take(MAX_PLACES + 1).take_while(|(other, _)| *other == tag);
        let count = places.clone().count();
        if count <= MAX_PLACES {
            places.for_each(|(_, block)| *votes.entry(*block).or_default() += VOTES / count as u32);
        }
    }

    fn spread(&self, votes: &BTreeMap<u32, u32>) -> BTreeMap<u32, u64> {
        let mut spread = BTreeMap::new();
        for (&block, &votes) in votes {
            let last = self.blocks.saturating_sub(1);
            for near in block.saturating_sub(REACH)..=(block + REACH).min(last) {
                let steps = near.abs_diff(block);
                *spread.entry(near).or_default() += u64::from(votes) * u64::from(REACH + 1 - steps);
            }
        }
        spread
    }

    fn ranges(&self, blocks: &[u32]) -> Vec<Range<u64>> {
        let mut ranges: Vec<Range<u64>> = Vec::new();
        for block in blocks {
            let from = u64::from(*block) * BLOCK_BYTES as u64;
            let to = (from + BLOCK_BYTES as u64).min(self.length);
            match ranges.last_mut().filter(|last| last.end == from) {
                Some(last) => last.end = to,
                None => ranges.push(from..to),
            }
        }
        ranges
    }
}

/// As many blocks as may be, those with the most votes first.
fn best(votes: &BTreeMap<u32, u64>, count: usize) -> Vec<u32> {
    let mut blocks: Vec<(u64, u32)> = votes.iter().map(|(block, votes)| (*votes, *block)).collect();
    blocks.sort_unstable_by(|one, other| other.cmp(one));
    blocks.into_iter().take(count).map(|(_, block)| block).collect()
}

/// Calls for each anchor: where it ends, and its tag.
fn anchors(bytes: &[u8], every_log: u32, mut found: impl FnMut(usize, u32)) {
    let mask = u64::MAX << (u64::BITS - every_log);
    let mut rolling = 0u64;
    for (at, byte) in bytes.iter().enumerate() {
        // Two bits a byte: nothing is left of a byte that the window has passed.
        rolling = (rolling << 2).wrapping_add(SCATTERED[usize::from(*byte)]);
        if rolling & mask == 0 && at + 1 >= WINDOW_BYTES {
            found(at, (scatter(rolling) >> 32) as u32);
        }
    }
}

/// 64 bits for each byte.
const SCATTERED: [u64; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < table.len() {
        table[byte] = scatter(byte as u64 + 1);
        byte += 1;
    }
    table
};

/// The last step of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
const fn scatter(word: u64) -> u64 {
    let word = word.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(seed: u64, length: usize) -> Vec<u8> {
        (0..length as u64).map(|at| scatter(scatter(seed).wrapping_add(at)) as u8).collect()
    }

    fn like(old: &[u8], piece: &[u8], budget: u64) -> Vec<Range<u64>> {
        Index::of(old).like([piece].into_iter(), budget)
    }

    #[test]
    fn a_moved_piece_is_found_where_it_was() {
        let old = noise(1, 1 << 20);
        let ranges = like(&old, &old[300_001..400_000], 1 << 20);
        assert!(
            ranges.iter().any(|range| range.contains(&300_001) && range.contains(&399_999)),
            "{ranges:?}"
        );
        let bytes: u64 = ranges.iter().map(|range| range.end - range.start).sum();
        assert!(bytes < 100_000 + 20 * BLOCK_BYTES as u64, "{bytes}");
    }

    #[test]
    fn no_more_is_chosen_than_the_budget_allows() {
        let old = noise(2, 1 << 20);
        let bytes: u64 = like(&old, &old, 40_000).iter().map(|range| range.end - range.start).sum();
        assert_eq!(bytes, 9 * BLOCK_BYTES as u64);
    }

    #[test]
    fn what_the_old_file_never_had_is_like_nothing() {
        assert_eq!(like(&noise(3, 1 << 20), &noise(4, 100_000), 1 << 20), []);
        assert_eq!(like(&[], &noise(4, 100_000), 1 << 20), []);
    }

    #[test]
    fn zeros_say_nothing_about_where_they_are() {
        for byte in 0..=255 {
            let ranges = like(&[byte; 80_000], &[byte; 5000], 1 << 20);
            assert_eq!(ranges, [], "{byte}");
        }
    }

    #[test]
    fn the_last_range_ends_with_the_file() {
        let old = noise(5, 10_001);
        assert_eq!(like(&old, &old, 1 << 20), vec![0..10_001]);
    }
}
