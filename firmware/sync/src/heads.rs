//! This box's heads, and how two boxes find out in few bytes where theirs differ.
//!
//! Each head has a key of 16 bytes: half from its name, half from name and block. The first byte is its bucket. Boxes whose
//! digests over all keys are equal have the same heads. Else one sends the digests of its 256 buckets, the other
//! one six bytes of each head in those that differ, and then each sends the heads that the other lacks. All of it is a
//! hint: a digest that collides, by chance or by craft, delays what the next change brings.

use crate::message::{Bucket, Head, ShortId, Summary};
use model::{BlockId, RefName};
use std::collections::{BTreeMap, BTreeSet, HashSet};

type Key = [u8; 16];

/// The heads of this box.
#[derive(Debug, Default)]
pub(crate) struct Heads {
    by_key: BTreeMap<Key, Entry>,
    summary: Summary,
    /// How often heads were set.
    round: u64,
}

#[derive(Debug)]
struct Entry {
    head: Head,
    /// In which round it came.
    since: u64,
}

fn key(name: &RefName, block: &BlockId) -> Key {
    let mut hasher = blake3::Hasher::new();
    hasher.update(name.to_string().as_bytes());
    let name = hasher.finalize();
    hasher.update(b"\n");
    let head = hasher.update(block.as_bytes()).finalize();
    let mut key = [0; 16];
    key[..8].copy_from_slice(&name.as_bytes()[..8]);
    key[8..].copy_from_slice(&head.as_bytes()[..8]);
    key
}

fn short(key: &Key) -> ShortId {
    let mut short = [0; 6];
    short.copy_from_slice(&key[8..14]);
    short
}

fn digest<'a>(keys: impl Iterator<Item = &'a Key>) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    for key in keys {
        hasher.update(&key[8..]);
    }
    let mut digest = [0; 16];
    digest.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    digest
}

impl Heads {
    /// Replaces all heads; gives those that are new, or have a certificate now.
    pub(crate) fn set(&mut self, heads: Vec<Head>) -> Vec<Head> {
        self.round += 1;
        let mut old = std::mem::take(&mut self.by_key);
        let mut new = Vec::new();
        for head in heads {
            let key = key(&head.name, &head.block);
            let before = old.remove(&key).filter(|before| before.head.certificate == head.certificate);
            if before.is_none() {
                new.push(head.clone());
            }
            let since = before.map_or(self.round, |before| before.since);
            self.by_key.insert(key, Entry { head, since });
        }
        self.summary = Summary {
            digest: digest(self.by_key.keys()),
            heads: u32::try_from(self.by_key.len()).unwrap_or(u32::MAX),
        };
        new
    }

    pub(crate) fn summary(&self) -> Summary {
        self.summary
    }

    /// Whether this very head is ours.
    pub(crate) fn get(&self, name: &RefName, block: &BlockId) -> Option<&Head> {
        self.by_key.get(&key(name, block)).map(|entry| &entry.head)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Head> {
        self.by_key.values().map(|entry| &entry.head)
    }

    /// The blocks of the heads that changed last, the newest first.
    pub(crate) fn newest(&self, count: usize) -> Vec<BlockId> {
        let mut list: Vec<_> = self.by_key.values().map(|entry| (entry.since, entry.head.block)).collect();
        list.sort_unstable_by(|one, other| other.cmp(one));
        list.into_iter().take(count).map(|(_, block)| block).collect()
    }

    /// The digests of the buckets that are not empty.
    pub(crate) fn buckets(&self) -> Vec<Bucket> {
        let used: BTreeSet<u8> = self.by_key.keys().map(|key| key[0]).collect();
        used.into_iter().map(|bucket| Bucket { bucket, digest: self.bucket_digest(bucket) }).collect()
    }

    fn bucket_digest(&self, bucket: u8) -> [u8; 8] {
        let whole = digest(self.in_bucket(bucket).map(|(key, _)| key));
        let mut digest = [0; 8];
        digest.copy_from_slice(&whole[..8]);
        digest
    }

    fn in_bucket(&self, bucket: u8) -> impl Iterator<Item = (&Key, &Entry)> {
        let bound = |rest: u8| {
            let mut key = [rest; 16];
            key[0] = bucket;
            key
        };
        self.by_key.range(bound(0)..=bound(255))
    }

    /// The buckets in which the other side's heads are not ours.
    pub(crate) fn differing(&self, theirs: &[Bucket]) -> Vec<u8> {
        let theirs: HashSet<(u8, [u8; 8])> = theirs.iter().map(|b| (b.bucket, b.digest)).collect();
        let ours: HashSet<(u8, [u8; 8])> = self.buckets().iter().map(|b| (b.bucket, b.digest)).collect();
        let different: BTreeSet<u8> = ours.symmetric_difference(&theirs).map(|(bucket, _)| *bucket).collect();
        different.into_iter().collect()
    }

    /// The heads in some buckets, in few bytes each.
    pub(crate) fn sketch(&self, buckets: &[u8]) -> Vec<ShortId> {
        buckets.iter().flat_map(|bucket| self.in_bucket(*bucket)).map(|(key, _)| short(key)).collect()
    }

    /// Our heads in the buckets that are not in the other side's sketch, and what of the sketch we lack.
    pub(crate) fn compare(&self, buckets: &[u8], sketch: &[ShortId]) -> (Vec<Head>, Vec<ShortId>) {
        let theirs: HashSet<ShortId> = sketch.iter().copied().collect();
        let (mut send, mut ours) = (Vec::new(), HashSet::new());
        for (key, entry) in buckets.iter().flat_map(|bucket| self.in_bucket(*bucket)) {
            ours.insert(short(key));
            if !theirs.contains(&short(key)) {
                send.push(entry.head.clone());
            }
        }
        // Branches first: what is below them need not be asked for with the writers' heads.
        send.sort();
        (send, sketch.iter().filter(|head| !ours.contains(*head)).copied().collect())
    }

    /// The heads of these names.
    pub(crate) fn by_short(&self, wanted: &[ShortId]) -> Vec<Head> {
        let wanted: HashSet<ShortId> = wanted.iter().copied().collect();
        let found = self.by_key.iter().filter(|(key, _)| wanted.contains(&short(key)));
        let mut heads: Vec<Head> = found.map(|(_, entry)| entry.head.clone()).collect();
        heads.sort();
        heads
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::KeyId;
    use proptest::prelude::*;

    fn head(writer: u16, block: u8) -> Head {
        let mut key = [0; 16];
        key[..2].copy_from_slice(&writer.to_le_bytes());
        Head::new(RefName::writer(KeyId::new(key)), BlockId::new([block; 32]))
    }

    fn heads(list: &[(u16, u8)]) -> Heads {
        let mut heads = Heads::default();
        heads.set(list.iter().map(|(writer, block)| head(*writer, *block)).collect());
        heads
    }

    #[test]
    fn what_is_new_is_told_once() {
        let mut ours = heads(&[(1, 1), (2, 1)]);
        assert_eq!(ours.set(vec![head(1, 1), head(2, 2)]), [head(2, 2)]);
        assert_eq!(ours.set(vec![head(1, 1), head(2, 2)]), []);
        let certified = Head { certificate: Some(vec![1]), ..head(1, 1) };
        assert_eq!(ours.set(vec![certified.clone(), head(2, 2)]), [certified]);
        assert_eq!(ours.newest(1), [BlockId::new([1; 32])]);
    }

    proptest! {
        /// Whatever the two have, three steps tell each what it lacks and nothing else.
        #[test]
        fn two_boxes_find_every_difference(
            one in prop::collection::btree_set((0_u16..300, 0_u8..3), 0..200),
            more in prop::collection::btree_set((0_u16..300, 0_u8..3), 0..10),
            fewer in prop::collection::btree_set((0_u16..300, 0_u8..3), 0..10),
        ) {
            let two: BTreeSet<_> = &(&one | &more) - &fewer;
            let list = |set: &BTreeSet<(u16, u8)>| heads(&set.iter().copied().collect::<Vec<_>>());
            let (a, b) = (list(&one), list(&two));
            prop_assert_eq!(a.summary() == b.summary(), one == two);
            let buckets = a.differing(&b.buckets());
            let (to_a, ask) = b.compare(&buckets, &a.sketch(&buckets));
            let to_b = a.by_short(&ask);
            let of = |set: BTreeSet<(u16, u8)>| -> BTreeSet<Head> {
                set.into_iter().map(|(writer, block)| head(writer, block)).collect()
            };
            prop_assert_eq!(to_a.into_iter().collect::<BTreeSet<_>>(), of(&two - &one));
            prop_assert_eq!(to_b.into_iter().collect::<BTreeSet<_>>(), of(&one - &two));
        }
    }
}
