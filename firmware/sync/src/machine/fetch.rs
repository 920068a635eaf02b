//! What is known of the fetches that run, and of what else is wanted.

use crate::action::{Arrival, RequestId};
use model::{BlockId, KeyId, Millis};
use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};

/// A long fetch that brings nothing for so long no longer keeps others waiting.
pub(super) const STALLED_MS: u64 = 5_000;
/// So many ends of broken fetches are remembered.
const MAX_REACHED: usize = 8;

/// What is being fetched.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    pub(super) fetches: BTreeMap<KeyId, Fetch>,
    /// Blocks that are wanted and are no heads.
    pub(super) loose: BTreeMap<BlockId, Loose>,
    /// Where fetches broke off; all that is before these is here.
    pub(super) reached: VecDeque<BlockId>,
}

#[derive(Debug)]
pub(super) struct Fetch {
    pub(super) want: Vec<BlockId>,
    pub(super) have: Vec<BlockId>,
    pub(super) after: Option<BlockId>,
    pub(super) max_bytes: u32,
    pub(super) asked: Option<Waiting>,
    /// Came, and waits until the piece before it is stored.
    pub(super) held: Option<Piece>,
    pub(super) storing: Option<RequestId>,
    /// Whether the peer has more than what came.
    pub(super) more: bool,
    pub(super) progress_at: Millis,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Waiting {
    pub(super) id: RequestId,
    pub(super) deadline: Millis,
}

#[derive(Debug)]
pub(super) struct Piece {
    pub(super) id: RequestId,
    pub(super) blocks: Vec<Arrival>,
    pub(super) bytes: u64,
}

/// A block that somebody wants though no peer announced it.
#[derive(Debug)]
pub(super) struct Loose {
    pub(super) from: Option<KeyId>,
    pub(super) tried: BTreeSet<KeyId>,
    pub(super) until: Millis,
    pub(super) again_at: Option<Millis>,
}

impl Fetch {
    /// Whether it waits for nothing any more.
    pub(super) fn is_done(&self) -> bool {
        self.asked.is_none() && self.held.is_none() && self.storing.is_none() && !self.more
    }

    /// Whether others had better wait for it.
    pub(super) fn is_long(&self, now: Millis) -> bool {
        self.more && !self.is_stalled(now)
    }

    /// Whether the peer has brought nothing for too long.
    pub(super) fn is_stalled(&self, now: Millis) -> bool {
        self.storing.is_none() && now.since(self.progress_at) >= STALLED_MS
    }
}

impl Blocks {
    pub(super) fn is_idle(&self) -> bool {
        self.fetches.is_empty() && self.loose.is_empty()
    }

    pub(super) fn deadlines(&self) -> impl Iterator<Item = Millis> {
        let answers = self.fetches.values().filter_map(|fetch| fetch.asked).map(|waiting| waiting.deadline);
        answers.chain(self.loose.values().filter_map(|loose| loose.again_at))
    }

    pub(super) fn in_flight(&self) -> u64 {
        let of = |fetch: &Fetch| {
            let asked = fetch.asked.map_or(0, |_| u64::from(fetch.max_bytes));
            asked + fetch.held.as_ref().map_or(0, |piece| piece.bytes)
        };
        self.fetches.values().map(of).sum()
    }

    /// The blocks that somebody is being asked for who does not dawdle.
    pub(super) fn asked(&self, now: Millis) -> HashSet<BlockId> {
        let running = self.fetches.values().filter(|fetch| !fetch.is_stalled(now));
        running.flat_map(|fetch| fetch.want.iter().copied()).collect()
    }

    pub(super) fn remember_end(&mut self, block: BlockId) {
        self.reached.retain(|other| *other != block);
        self.reached.push_front(block);
        self.reached.truncate(MAX_REACHED);
    }
}
