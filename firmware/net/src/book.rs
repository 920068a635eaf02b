//! Who is admitted, where each was last said to be, and when to dial whom. Pure: time comes as an argument.
//!
//! Of two boxes the one with the smaller key dials at once and the other a moment later, so that they seldom
//! meet half-way. A dial that fails is repeated, each time later, up to a minute; a peer that is heard on the
//! LAN is dialled within two seconds all the same. Addresses from the LAN are anybody's claim: they are kept
//! apart from those that the agent gave, and few, so that a liar crowds nothing out.

use model::PublicKey;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    time::Duration,
};

/// The greater key's courtesy, and the wait after a link was lost.
const MOMENT: Duration = Duration::from_millis(500);
const WAIT_MAX: Duration = Duration::from_secs(60);
/// A peer that is heard on the LAN is dialled no more often than this.
const WAIT_HEARD: Duration = Duration::from_secs(2);
/// A link that held for less counts as a dial that failed.
const SHORT_LINK: Duration = Duration::from_secs(10);
/// Addresses of one source for one peer.
const ADDRESSES_MAX: usize = 8;
/// Strangers on the LAN that are remembered, in case one is to be knocked at.
const STRANGERS_MAX: usize = 64;
/// Dials under way at once.
const DIALS_MAX: usize = 8;

/// What is known of peers, and of strangers on the LAN.
pub struct Book {
    me: PublicKey,
    relayed: bool,
    links_wanted: usize,
    peers: BTreeMap<PublicKey, Entry>,
    strangers: BTreeMap<PublicKey, Vec<SocketAddr>>,
}

#[derive(Default)]
struct Entry {
    told: Vec<SocketAddr>,
    heard: Vec<SocketAddr>,
    seen: Option<SocketAddr>,
    state: State,
    failures: u32,
    dialled: Duration,
    next: Duration,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Down,
    Dialling,
    Up {
        since: Duration,
    },
}

impl Entry {
    fn addresses(&self) -> Vec<SocketAddr> {
        let all = self.seen.iter().chain(&self.told).chain(&self.heard);
        all.copied().collect::<BTreeSet<_>>().into_iter().collect()
    }
}

impl Book {
    /// An empty book. With a relay, a peer can be dialled without any address.
    pub fn new(me: PublicKey, relayed: bool, links_wanted: usize) -> Self {
        Self { me, relayed, links_wanted, peers: BTreeMap::new(), strangers: BTreeMap::new() }
    }

    /// Takes the set of keys that may connect, and answers who no longer may.
    pub fn admit(&mut self, admitted: &BTreeSet<PublicKey>, now: Duration) -> Vec<PublicKey> {
        let out: Vec<_> = self.peers.keys().filter(|peer| !admitted.contains(peer)).cloned().collect();
        for peer in &out {
            self.peers.remove(peer);
        }
        for peer in admitted.iter().filter(|peer| **peer != self.me) {
            if !self.peers.contains_key(peer) {
                let heard = self.strangers.remove(peer).unwrap_or_default();
                let next = now + self.courtesy(peer);
                self.peers.insert(peer.clone(), Entry { heard, next, ..Entry::default() });
            }
        }
        out
    }

    /// Whether the key may connect.
    pub fn admits(&self, peer: &PublicKey) -> bool {
        self.peers.contains_key(peer)
    }

    /// The agent knows addresses of an admitted peer: dial it soon. False if the key is not admitted.
    pub fn told(&mut self, peer: &PublicKey, addresses: &[SocketAddr], now: Duration) -> bool {
        let next = now + self.courtesy(peer);
        let Some(entry) = self.peers.get_mut(peer) else { return false };
        for address in addresses {
            entry.told.retain(|known| known != address);
            entry.told.insert(0, *address);
        }
        entry.told.truncate(ADDRESSES_MAX);
        (entry.failures, entry.next) = (0, next);
        true
    }

    /// Somebody on the LAN says that the key is at these addresses. Answers whether that is news.
    pub fn heard(&mut self, key: &PublicKey, mut addresses: Vec<SocketAddr>, now: Duration) -> bool {
        addresses.truncate(ADDRESSES_MAX);
        if *key == self.me {
            return false;
        }
        let courtesy = self.courtesy(key);
        let Some(entry) = self.peers.get_mut(key) else { return self.heard_stranger(key, addresses) };
        let soon = now + courtesy;
        let nowhere_yet = entry.addresses().is_empty();
        entry.next = if nowhere_yet { soon } else { entry.next.min(soon.max(entry.dialled + WAIT_HEARD)) };
        let news = entry.heard != addresses;
        entry.heard = addresses;
        news
    }

    fn heard_stranger(&mut self, key: &PublicKey, addresses: Vec<SocketAddr>) -> bool {
        if self.strangers.len() >= STRANGERS_MAX && !self.strangers.contains_key(key) {
            return false;
        }
        self.strangers.insert(key.clone(), addresses.clone()) != Some(addresses)
    }

    /// The LAN has not heard the key for a while.
    pub fn silent(&mut self, key: &PublicKey) {
        self.strangers.remove(key);
        if let Some(entry) = self.peers.get_mut(key) {
            entry.heard.clear();
        }
    }

    /// Every address that is known of the key.
    pub fn addresses(&self, key: &PublicKey) -> Vec<SocketAddr> {
        let of_peer = self.peers.get(key).map(Entry::addresses);
        of_peer.or_else(|| self.strangers.get(key).cloned()).unwrap_or_default()
    }

    /// Whom to dial now, nearest key first, so that in a large organisation each box dials others.
    pub fn due(&mut self, now: Duration) -> Vec<(PublicKey, Vec<SocketAddr>)> {
        let busy = self.peers.values().filter(|entry| entry.state != State::Down).count();
        let dialling = self.peers.values().filter(|entry| entry.state == State::Dialling).count();
        let room = self.links_wanted.saturating_sub(busy).min(DIALS_MAX.saturating_sub(dialling));
        let mut due: Vec<_> =
            self.waiting().filter(|(_, entry)| entry.next <= now).map(|(peer, _)| peer.clone()).collect();
        due.sort_by_cached_key(|peer| distance(&self.me, peer));
        due.truncate(room);
        due.into_iter().filter_map(|peer| self.dial(peer, now)).collect()
    }

    fn dial(&mut self, peer: PublicKey, now: Duration) -> Option<(PublicKey, Vec<SocketAddr>)> {
        let entry = self.peers.get_mut(&peer)?;
        (entry.state, entry.dialled) = (State::Dialling, now);
        let addresses = entry.addresses();
        Some((peer, addresses))
    }

    /// When `due` is worth asking again, if nothing else happens.
    pub fn wake_at(&self) -> Option<Duration> {
        self.waiting().map(|(_, entry)| entry.next).min()
    }

    fn waiting(&self) -> impl Iterator<Item = (&PublicKey, &Entry)> {
        let reachable = |entry: &Entry| self.relayed || !entry.addresses().is_empty();
        self.peers.iter().filter(move |(_, entry)| entry.state == State::Down && reachable(entry))
    }

    /// A dial came to nothing.
    pub fn failed(&mut self, peer: &PublicKey, now: Duration) {
        let Some(entry) = self.peers.get_mut(peer) else { return };
        if entry.state == State::Dialling {
            entry.failures = entry.failures.saturating_add(1);
            (entry.state, entry.next) = (State::Down, now + wait(peer, entry.failures));
        }
    }

    /// The peer is connected, by whoever's dial.
    pub fn up(&mut self, peer: &PublicKey, seen: Option<SocketAddr>, now: Duration) {
        if let Some(entry) = self.peers.get_mut(peer) {
            entry.state = State::Up { since: now };
            entry.seen = seen.or(entry.seen);
        }
    }

    /// The peer's connection is gone.
    pub fn down(&mut self, peer: &PublicKey, now: Duration) {
        let courtesy = self.courtesy(peer);
        let Some(entry) = self.peers.get_mut(peer) else { return };
        let held = match entry.state {
            State::Up { since } => now.saturating_sub(since),
            _ => Duration::ZERO,
        };
        entry.failures = if held < SHORT_LINK { entry.failures.saturating_add(1) } else { 0 };
        (entry.state, entry.next) = (State::Down, now + courtesy + wait(peer, entry.failures));
    }

    fn courtesy(&self, peer: &PublicKey) -> Duration {
        if self.me < *peer { Duration::ZERO } else { MOMENT }
    }
}

/// Half a second, doubled with each failure up to a minute; a little more or less for each peer, so that a
/// whole LAN that comes back does not dial in step.
fn wait(peer: &PublicKey, failures: u32) -> Duration {
    let wait = (MOMENT * 2u32.saturating_pow(failures.min(8))).min(WAIT_MAX);
    let percent = 75 + u32::from(peer.to_bytes()[failures as usize % 32]) % 50;
    wait * percent / 100
}

fn distance(one: &PublicKey, other: &PublicKey) -> [u8; 32] {
    let (one, other) = (one.to_bytes(), other.to_bytes());
    std::array::from_fn(|i| one[i] ^ other[i])
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::SigningKey;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn key(seed: u8) -> PublicKey {
        SigningKey::from_seed(&[seed; 32]).public()
    }

    fn at(port: u16) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, 1], port))
    }

    /// A book of the smallest of some keys, and the others.
    fn book(links_wanted: usize) -> (Book, Vec<PublicKey>) {
        let mut keys: Vec<_> = (0..50).map(key).collect();
        keys.sort();
        let mut book = Book::new(keys.remove(0), false, links_wanted);
        book.admit(&keys.iter().cloned().collect(), s(0));
        (book, keys)
    }

    #[test]
    fn only_a_peer_that_is_admitted_and_known_to_be_somewhere_is_dialled() {
        let (mut book, keys) = book(24);
        assert!(book.due(s(0)).is_empty());
        assert!(!book.told(&key(200), &[at(1)], s(0)));
        assert!(book.heard(&key(200), vec![at(1)], s(0)));
        assert!(book.told(&keys[3], &[at(2)], s(0)));
        assert_eq!(book.due(s(0)), [(keys[3].clone(), vec![at(2)])]);
        assert!(book.due(s(1)).is_empty(), "it is being dialled");
        assert_eq!(book.addresses(&key(200)), [at(1)], "a stranger is remembered, to be knocked at");
    }

    #[test]
    fn the_greater_key_waits_a_moment() {
        let (one, other) = (key(1).min(key(2)), key(1).max(key(2)));
        let mut book = Book::new(other, false, 24);
        book.admit(&[one.clone()].into(), s(0));
        book.heard(&one, vec![at(1)], s(10));
        assert_eq!((book.due(s(10)).len(), book.due(s(10) + MOMENT).len()), (0, 1));
        book.failed(&one, s(11));
        book.told(&one, &[at(1)], s(20));
        assert_eq!((book.due(s(20)).len(), book.due(s(20) + MOMENT).len()), (0, 1));
    }

    #[test]
    fn each_failure_makes_the_wait_longer_up_to_a_minute() {
        let (mut book, keys) = book(24);
        book.told(&keys[0], &[at(1)], s(0));
        let (mut now, mut last) = (s(0), s(0));
        for failure in 1..20 {
            assert_eq!(book.due(now).len(), 1);
            book.failed(&keys[0], now);
            let wait = book.wake_at().unwrap() - now;
            assert!(failure > 6 || wait > last, "{failure}: {wait:?} after {last:?}");
            assert!(wait <= WAIT_MAX * 5 / 4);
            (now, last) = (now + wait, wait);
        }
    }

    #[test]
    fn a_peer_that_is_heard_on_the_lan_is_dialled_soon_but_not_all_the_time() {
        let (mut book, keys) = book(24);
        book.told(&keys[0], &[at(1)], s(0));
        for second in 0..8 {
            book.due(s(second * 60));
            book.failed(&keys[0], s(second * 60));
        }
        let now = s(7 * 60 + 1);
        assert!(book.heard(&keys[0], vec![at(2)], now));
        assert!(book.due(now).is_empty(), "it was dialled a second ago");
        assert!(!book.heard(&keys[0], vec![at(2)], now), "which is no news");
        assert_eq!(book.due(now + s(1)), [(keys[0].clone(), vec![at(1), at(2)])]);
    }

    #[test]
    fn a_link_that_is_lost_at_once_is_no_reason_to_hurry() {
        let (mut book, keys) = book(24);
        book.told(&keys[0], &[at(1)], s(0));
        let mut waits = Vec::new();
        for start in [0, 100, 200, 300] {
            book.up(&keys[0], None, s(start));
            book.down(&keys[0], s(start + 1));
            waits.push(book.wake_at().unwrap() - s(start + 1));
        }
        assert!(waits.is_sorted() && waits[3] > waits[0] * 4, "{waits:?}");
        book.up(&keys[0], None, s(400));
        book.down(&keys[0], s(500));
        assert!(book.wake_at().unwrap() < s(501));
    }

    #[test]
    fn in_a_large_organisation_a_box_dials_some_and_each_box_others() {
        let dialled = |me: usize| {
            let mut keys: Vec<_> = (0..50).map(key).collect();
            let mut book = Book::new(keys.remove(me), false, 10);
            book.admit(&keys.iter().cloned().collect(), s(0));
            for peer in &keys {
                book.told(peer, &[at(1)], s(0));
            }
            let mut all = BTreeSet::new();
            for round in 1..5 {
                let due = book.due(s(round));
                assert!(due.len() <= DIALS_MAX);
                for (peer, _) in due {
                    book.up(&peer, None, s(round));
                    all.insert(peer);
                }
            }
            all
        };
        assert_eq!((dialled(0).len(), dialled(1).len()), (10, 10));
        assert_ne!(dialled(0), dialled(1));
    }

    #[test]
    fn who_is_no_longer_admitted_is_named_and_forgotten() {
        let (mut book, keys) = book(24);
        book.told(&keys[0], &[at(1)], s(0));
        let rest = keys[1..].iter().cloned().collect();
        assert_eq!(book.admit(&rest, s(1)), [keys[0].clone()]);
        assert!(!book.admits(&keys[0]) && book.addresses(&keys[0]).is_empty() && book.due(s(2)).is_empty());
    }

    #[test]
    fn a_liar_on_the_lan_fills_no_memory_and_crowds_out_no_address() {
        let (mut book, keys) = book(24);
        book.told(&keys[0], &[at(1)], s(0));
        book.heard(&keys[0], (100..200).map(at).collect(), s(0));
        assert!(book.addresses(&keys[0]).contains(&at(1)));
        assert_eq!(book.addresses(&keys[0]).len(), 1 + ADDRESSES_MAX);
        for seed in 60..200 {
            book.heard(&key(seed), vec![at(1)], s(0));
        }
        assert_eq!(book.strangers.len(), STRANGERS_MAX);
    }
}
