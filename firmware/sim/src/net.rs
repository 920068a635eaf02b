//! The virtual network: who is connected to whom, and what is on its way.
//!
//! A connection has a number; what was sent over one that is gone is lost. Two boxes with one key never are connected to the same box at
//! once, as with a transport that dials by key: the last one counts.

use model::KeyId;
use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};
use sync::RequestId;

/// What one box sends another.
#[derive(Debug, Clone)]
pub(crate) enum Wire {
    Frame(Rc<[u8]>),
    Request { id: RequestId, bytes: Rc<[u8]>, max_bytes: u32 },
    Response { id: RequestId, bytes: Option<Rc<[u8]>> },
}

impl Wire {
    pub(crate) fn length(&self) -> u64 {
        match self {
            Self::Frame(bytes) | Self::Request { bytes, .. } => bytes.len() as u64,
            Self::Response { bytes, .. } => bytes.as_ref().map_or(0, |bytes| bytes.len() as u64),
        }
    }
}

/// Two boxes, the lower place first.
pub(crate) type Pair = (usize, usize);

pub(crate) const fn pair(a: usize, b: usize) -> Pair {
    if a < b { (a, b) } else { (b, a) }
}

/// The network.
#[derive(Debug, Default)]
pub(crate) struct Net {
    /// Who may be connected to whom, were nothing in between.
    wanted: BTreeSet<Pair>,
    /// The side of the cut on which each box is.
    pub(crate) side: Vec<u64>,
    /// Connections that are there, with their numbers.
    up: BTreeMap<Pair, u64>,
    /// Pairs that one of the two closed, and when they try again.
    closed: BTreeMap<Pair, u64>,
    numbers: u64,
    /// When the last frame of each connection and direction arrives: frames do not overtake each other.
    last: BTreeMap<(usize, usize), (u64, u64)>,
    /// How many of a thousand messages are lost.
    pub(crate) loss_permille: u64,
    /// The longest that a message takes, in milliseconds.
    pub(crate) delay_max: u64,
}

impl Net {
    pub(crate) fn new() -> Self {
        Self { delay_max: 30, ..Self::default() }
    }

    /// Adds a box and those that it is connected to.
    pub(crate) fn add(&mut self, place: usize, others: impl IntoIterator<Item = usize>) {
        self.side.resize(self.side.len().max(place + 1), 0);
        self.wanted
            .extend(others.into_iter().filter(|other| *other != place).map(|other| pair(place, other)));
    }

    /// Takes `place`'s side of all connections that `other` has: a copied card in use there instead.
    pub(crate) fn take_over(&mut self, place: usize, other: usize, with: &BTreeSet<usize>) {
        for peer in with {
            self.wanted.remove(&pair(other, *peer));
            self.wanted.insert(pair(place, *peer));
        }
    }

    pub(crate) fn number(&self, a: usize, b: usize) -> Option<u64> {
        self.up.get(&pair(a, b)).copied()
    }

    /// When a frame that would arrive at that time arrives after those before it.
    pub(crate) fn in_order(&mut self, from: usize, to: usize, number: u64, at: u64) -> u64 {
        let last = self.last.entry((from, to)).or_insert((number, 0));
        let at = if last.0 == number { at.max(last.1) } else { at };
        *last = (number, at);
        at
    }

    /// One side closes the connection and takes no other before that moment.
    pub(crate) fn close(&mut self, a: usize, b: usize, until: u64) {
        self.up.remove(&pair(a, b));
        self.closed.insert(pair(a, b), until);
    }

    /// Cuts and makes connections as they should be now: those that went, those that came.
    pub(crate) fn settle(&mut self, is_on: &dyn Fn(usize) -> bool, now: u64) -> (Vec<Pair>, Vec<Pair>) {
        self.closed.retain(|_, until| *until > now);
        let may = |pair: &Pair| {
            is_on(pair.0)
                && is_on(pair.1)
                && self.side[pair.0] == self.side[pair.1]
                && !self.closed.contains_key(pair)
        };
        let gone: Vec<Pair> =
            self.up.keys().filter(|pair| !may(pair) || !self.wanted.contains(pair)).copied().collect();
        let come: Vec<Pair> =
            self.wanted.iter().filter(|pair| may(pair) && !self.up.contains_key(pair)).copied().collect();
        for pair in &gone {
            self.up.remove(pair);
        }
        for pair in &come {
            self.numbers += 1;
            self.up.insert(*pair, self.numbers);
        }
        (gone, come)
    }

    /// Everybody on one side, nothing lost, nobody shut out.
    pub(crate) fn heal(&mut self) {
        self.side.iter_mut().for_each(|side| *side = 0);
        (self.loss_permille, self.delay_max) = (0, 30);
        self.closed.clear();
    }

    /// The boxes to which a box is connected.
    pub(crate) fn neighbours(&self, place: usize) -> BTreeSet<usize> {
        let other = |pair: &Pair| match *pair {
            (a, b) if a == place => Some(b),
            (a, b) if b == place => Some(a),
            _ => None,
        };
        self.wanted.iter().filter_map(other).collect()
    }
}

/// Whether a key is one of a set of boxes; for messages of failures.
pub(crate) fn short(key: &KeyId) -> String {
    key.to_string()[..8].to_string()
}
