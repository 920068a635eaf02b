//! Which gossip went by, and which peers have it: so that it goes to each once.
//!
//! Remembered by hash, for a while and up to a number; what is forgotten may come again, and the voting engine does
//! not mind.

use model::{KeyId, Millis};
use std::collections::{BTreeSet, HashMap, VecDeque};

/// So many pieces are remembered: some heights of a hundred validators.
const MAX_SEEN: usize = 4096;
/// And for so long: who still has it in hand after that has lost touch.
const KEPT_MS: u64 = 600_000;

type Hash = [u8; 16];

/// What went by.
#[derive(Debug, Default)]
pub(crate) struct Gossip {
    seen: HashMap<Hash, BTreeSet<KeyId>>,
    order: VecDeque<(Hash, Millis)>,
}

impl Gossip {
    /// A peer sent it. Gives whether it is new here.
    pub(crate) fn heard(&mut self, bytes: &[u8], peer: KeyId, now: Millis) -> bool {
        let (new, holders) = self.entry(bytes, now);
        holders.insert(peer);
        new
    }

    /// It is sent to `peer`. Gives whether the peer did not have it.
    pub(crate) fn told(&mut self, bytes: &[u8], peer: KeyId, now: Millis) -> bool {
        self.entry(bytes, now).1.insert(peer)
    }

    fn entry(&mut self, bytes: &[u8], now: Millis) -> (bool, &mut BTreeSet<KeyId>) {
        let mut hash = [0; 16];
        hash.copy_from_slice(&blake3::hash(bytes).as_bytes()[..16]);
        let new = !self.seen.contains_key(&hash);
        if new {
            self.order.push_back((hash, now));
            self.forget(now);
        }
        (new, self.seen.entry(hash).or_default())
    }

    fn forget(&mut self, now: Millis) {
        let old = |(_, at): &mut (Hash, Millis)| now.since(*at) > KEPT_MS;
        while self.order.len() > MAX_SEEN || self.order.front_mut().is_some_and(old) {
            let Some((hash, _)) = self.order.pop_front() else { break };
            self.seen.remove(&hash);
        }
    }

    /// A peer is gone: when it comes back it may have forgotten.
    pub(crate) fn gone(&mut self, peer: &KeyId) {
        for holders in self.seen.values_mut() {
            holders.remove(peer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = Millis(5);

    #[test]
    fn it_goes_to_each_once_and_never_back() {
        let (mut gossip, one, two) = (Gossip::default(), KeyId::new([1; 16]), KeyId::new([2; 16]));
        assert!(gossip.heard(b"vote", one, NOW) && !gossip.heard(b"vote", two, NOW));
        assert!(!gossip.told(b"vote", one, NOW) && !gossip.told(b"vote", two, NOW));
        assert!(gossip.told(b"vote", KeyId::new([3; 16]), NOW));
        gossip.gone(&one);
        assert!(gossip.told(b"vote", one, NOW), "who comes back hears it again");
    }

    #[test]
    fn memory_is_bounded() {
        let (mut gossip, one) = (Gossip::default(), KeyId::new([1; 16]));
        for n in 0..2 * MAX_SEEN {
            gossip.heard(&n.to_le_bytes(), one, NOW);
        }
        assert_eq!((gossip.seen.len(), gossip.order.len()), (MAX_SEEN, MAX_SEEN));
        gossip.heard(b"later", one, NOW.plus(KEPT_MS + 1));
        assert_eq!((gossip.seen.len(), gossip.order.len()), (1, 1));
    }
}
