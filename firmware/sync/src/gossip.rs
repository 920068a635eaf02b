//! Which gossip went by, and which peers have it: so that it goes to each once.
//!
//! Remembered by hash, up to a number; what is forgotten may come again, and the voting engine does not mind.

use model::KeyId;
use std::collections::{BTreeSet, HashMap, VecDeque};

/// So many pieces are remembered: some heights of a hundred validators.
const MAX_SEEN: usize = 4096;

type Hash = [u8; 16];

/// What went by.
#[derive(Debug, Default)]
pub(crate) struct Gossip {
    seen: HashMap<Hash, BTreeSet<KeyId>>,
    order: VecDeque<Hash>,
}

impl Gossip {
    /// A peer sent it. Gives whether it is new here.
    pub(crate) fn heard(&mut self, bytes: &[u8], peer: KeyId) -> bool {
        let (new, holders) = self.entry(bytes);
        holders.insert(peer);
        new
    }

    /// It is sent to `peer`. Gives whether the peer did not have it.
    pub(crate) fn told(&mut self, bytes: &[u8], peer: KeyId) -> bool {
        self.entry(bytes).1.insert(peer)
    }

    fn entry(&mut self, bytes: &[u8]) -> (bool, &mut BTreeSet<KeyId>) {
        let mut hash = [0; 16];
        hash.copy_from_slice(&blake3::hash(bytes).as_bytes()[..16]);
        let new = !self.seen.contains_key(&hash);
        if new {
            self.order.push_back(hash);
            if self.order.len() > MAX_SEEN
                && let Some(oldest) = self.order.pop_front()
            {
                self.seen.remove(&oldest);
            }
        }
        (new, self.seen.entry(hash).or_default())
    }

    /// A peer is gone: when it comes back it may have forgotten.
    pub(crate) fn gone(&mut self, peer: &KeyId) {
        self.seen.values_mut().for_each(|holders| drop(holders.remove(peer)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_to_each_once_and_never_back() {
        let (mut gossip, one, two) = (Gossip::default(), KeyId::new([1; 16]), KeyId::new([2; 16]));
        assert!(gossip.heard(b"vote", one) && !gossip.heard(b"vote", two));
        assert!(!gossip.told(b"vote", one) && !gossip.told(b"vote", two));
        assert!(gossip.told(b"vote", KeyId::new([3; 16])));
        gossip.gone(&one);
        assert!(gossip.told(b"vote", one), "who comes back hears it again");
    }

    #[test]
    fn memory_is_bounded() {
        let (mut gossip, one) = (Gossip::default(), KeyId::new([1; 16]));
        for n in 0..2 * MAX_SEEN {
            gossip.heard(&n.to_le_bytes(), one);
        }
        assert_eq!((gossip.seen.len(), gossip.order.len()), (MAX_SEEN, MAX_SEEN));
    }
}
