//! Where each chunk lies, in memory: 16 bytes a chunk, so that a million fit into a small box.
//!
//! A place knows the first 8 bytes of the name only. Whoever looks up gets every place that could be meant
//! and reads the record's header for the whole name; two chunks with the same beginning are no error, and
//! one chunk may lie in two places (after a crash in the middle of a collection).

use std::collections::BTreeSet;

use model::ChunkId;

/// A record that may be the chunk looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    prefix: u64,
    /// The pack's number.
    pub pack: u32,
    /// Of the header, from the pack's first byte.
    pub offset: u32,
}

impl Place {
    pub fn new(id: &ChunkId, pack: u32, offset: u32) -> Self {
        Self { prefix: prefix(id), pack, offset }
    }
}

/// The first 8 bytes of a name, as a number.
pub(super) fn prefix(id: &ChunkId) -> u64 {
    let (first, _) = id.as_bytes().split_first_chunk().expect("because an id has 32 bytes");
    u64::from_be_bytes(*first)
}

/// All places.
#[derive(Debug, Default)]
pub(super) struct Places(BTreeSet<Place>);

impl Places {
    /// Those that could hold the chunk, the newest pack first.
    pub fn of(&self, id: &ChunkId) -> Vec<Place> {
        let prefix = prefix(id);
        let from = Place { prefix, pack: 0, offset: 0 };
        let to = Place { prefix, pack: u32::MAX, offset: u32::MAX };
        self.0.range(from..=to).rev().copied().collect()
    }

    pub fn insert(&mut self, place: Place) {
        self.0.insert(place);
    }

    pub fn remove(&mut self, place: &Place) {
        self.0.remove(place);
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

impl FromIterator<Place> for Places {
    fn from_iter<I: IntoIterator<Item = Place>>(places: I) -> Self {
        Self(places.into_iter().collect())
    }
}
