//! Fetching blocks: what peers announced and is not here, oldest first, piece by piece.
//!
//! One *fetch* a peer: the same question again and again, each time after the block that came last, until the peer has no
//! more. While one piece is checked and stored, the next is on its way, and not more than that. While a fetch is long, others
//! wait for it: they would bring the same blocks. If it stalls they go on without it. What is stored stays
//! stored, so a fetch that breaks off goes on with any peer.

use super::{
    PAUSE_MS, Stored, Storing, Sync,
    fetch::{Fetch, Loose, Piece, STALLED_MS, Waiting},
    told::holds,
};
use crate::{
    action::{Action, Arrival, RequestId},
    arrival::unpack,
    conduct::Misdeed,
    message::Head,
    request::{MAX_HAVE, MAX_WANT, Request},
    response::Response,
    serve::MAX_BLOCK_COST,
    walk,
};
use ledger::Objects;
use model::{BlockId, KeyId, Millis, RefName};
use std::collections::{BTreeSet, HashSet};

/// So many fetches run at a time.
const MAX_FETCHES: usize = 3;
/// A piece that is smaller brings nothing: who drips would keep others waiting.
const MIN_PIECE_BYTES: u64 = 16 * 1024;
/// A block that is no head is asked for so long.
const LOOSE_MS: u64 = 60_000;
/// And again after this pause, when no peer had it.
const LOOSE_AGAIN_MS: u64 = 500;
/// How many blocks that are wanted beside heads are remembered.
const MAX_LOOSE: usize = 256;
/// Of so many heads that changed last a request says that they are here.
const NEWEST: usize = 128;
/// So far down from the head of a branch a request says what is here, for a peer that is behind.
const STEPS_DOWN: usize = 64;
/// A pack's header and checksum, and the first byte of an answer.
const ANSWER_SLACK: u32 = 256;

impl Sync {
    /// Wants a block that is no head, such as one that is voted on; `from` is asked first. It is asked for a minute.
    pub fn want_block(&mut self, block: BlockId, from: Option<KeyId>, objects: &dyn Objects, now: Millis) {
        if self.blocks.loose.len() < MAX_LOOSE && !holds(objects, &block) {
            let loose = Loose { from, tried: BTreeSet::new(), until: now.plus(LOOSE_MS), again_at: None };
            self.blocks.loose.entry(block).or_insert(loose);
        }
        self.plan(objects, now);
    }

    /// Begins the fetches that can begin, and goes on with those that can go on.
    pub(super) fn plan_blocks(&mut self, objects: &dyn Objects, now: Millis) {
        let running: Vec<KeyId> = self.blocks.fetches.keys().copied().collect();
        running.into_iter().for_each(|peer| self.ask_on(peer, now));
        let free: Vec<KeyId> =
            self.peers.iter().filter(|(_, known)| known.is_free(now)).map(|(peer, _)| *peer).collect();
        for peer in free {
            if !self.blocks.fetches.contains_key(&peer) && self.blocks.fetches.len() < MAX_FETCHES {
                self.begin_fetch(peer, objects, now);
            }
        }
    }

    fn begin_fetch(&mut self, peer: KeyId, objects: &dyn Objects, now: Millis) {
        let heads = if self.waits(now) { Vec::new() } else { self.wanted_heads(peer, now) };
        let mut want: Vec<BlockId> = heads.iter().map(|head| head.block).collect();
        if !self.blocks.fetches.values().any(|fetch| fetch.is_long(now) && fetch.after.is_some()) {
            want.extend(self.wanted_loose(peer, now));
        }
        if want.is_empty() || !self.may_fetch(self.limits.response_bytes.into(), now) {
            return;
        }
        let have = self.have(peer, &heads, objects);
        let max_bytes = self.limits.response_bytes;
        let (after, asked, held, storing) = (None, None, None, None);
        let fetch =
            Fetch { want, have, after, max_bytes, asked, held, storing, more: true, progress_at: now };
        self.blocks.fetches.insert(peer, fetch);
        self.ask_on(peer, now);
    }

    /// Whether heads had better wait for a long fetch.
    fn waits(&mut self, now: Millis) -> bool {
        let long = self.blocks.fetches.values().filter(|fetch| fetch.is_long(now));
        let Some(until) = long.map(|fetch| fetch.progress_at.plus(STALLED_MS)).max() else { return false };
        // Later than that only while something is being stored, which ends with a call.
        if until > now {
            self.retry_by(until);
        }
        true
    }

    /// The heads that a peer has and nobody is asked for, branches first.
    fn wanted_heads(&self, peer: KeyId, now: Millis) -> Vec<Head> {
        let asked = self.blocks.asked(now);
        let wanted = self.peers.get(&peer).into_iter().flat_map(|known| known.wanted.values());
        wanted.filter(|head| !asked.contains(&head.block)).take(MAX_WANT / 2).cloned().collect()
    }

    fn wanted_loose(&self, peer: KeyId, now: Millis) -> Vec<BlockId> {
        let asked = self.blocks.asked(now);
        let first = |loose: &Loose| {
            let Some(from) = loose.from.filter(|from| *from != peer) else { return false };
            !loose.tried.contains(&from) && self.peers.get(&from).is_some_and(|known| known.is_free(now))
        };
        let mine = |(block, loose): &(&BlockId, &Loose)| {
            !loose.tried.contains(&peer) && !first(loose) && !asked.contains(*block)
        };
        self.blocks.loose.iter().filter(mine).map(|(block, _)| *block).take(MAX_WANT / 2).collect()
    }

    /// What to say is here: as much as the peer is likely to know, and no more than it needs.
    fn have(&self, peer: KeyId, wanted: &[Head], objects: &dyn Objects) -> Vec<BlockId> {
        let is_branch = |name: &RefName| matches!(name, RefName::Head(_));
        let names: HashSet<&RefName> = wanted.iter().map(|head| &head.name).collect();
        let mut have = Vec::new();
        if let Some(known) = self.peers.get(&peer) {
            let theirs = known
                .announced
                .iter()
                .filter(|(name, block)| is_branch(name) && !wanted.iter().any(|head| head.block == **block));
            have.extend(theirs.map(|(_, block)| *block).filter(|block| holds(objects, block)));
        }
        for head in self.heads.iter().filter(|head| is_branch(&head.name)) {
            have.push(head.block);
            have.extend(steps_down(objects, head.block));
        }
        let same = self.heads.iter().filter(|head| names.contains(&head.name));
        have.extend(same.map(|head| head.block));
        have.extend(&self.blocks.reached);
        have.extend(self.heads.newest(NEWEST));
        let mut seen = HashSet::new();
        have.retain(|block| seen.insert(*block));
        have.truncate(MAX_HAVE);
        have
    }

    /// Asks for the next piece, if the one before is not waiting still and there is room.
    fn ask_on(&mut self, peer: KeyId, now: Millis) {
        let Some(fetch) = self.blocks.fetches.get(&peer) else { return };
        let ready = fetch.more && fetch.asked.is_none() && fetch.held.is_none();
        let bytes = u64::from(fetch.max_bytes);
        if !ready || !self.may_fetch(bytes, now) {
            return;
        }
        let (id, deadline) = (self.next_request(), now.plus(self.limits.response_ms));
        let Some(fetch) = self.blocks.fetches.get_mut(&peer) else { return };
        fetch.asked = Some(Waiting { id, deadline });
        let request = Request::Blocks {
            want: fetch.want.clone(),
            have: fetch.have.clone(),
            after: fetch.after,
            max_bytes: fetch.max_bytes,
        };
        let max_bytes = fetch.max_bytes.saturating_add(ANSWER_SLACK);
        self.outbox.push(Action::Request { peer, id, bytes: request.to_bytes(), max_bytes });
    }

    /// The answer to a request for blocks.
    pub(super) fn blocks_came(
        &mut self,
        peer: KeyId,
        id: RequestId,
        bytes: Option<&[u8]>,
        objects: &dyn Objects,
        now: Millis,
    ) {
        let Some(fetch) = self.blocks.fetches.get_mut(&peer) else { return };
        if fetch.asked.take_if(|waiting| waiting.id == id).is_none() {
            return;
        }
        let max_bytes = fetch.max_bytes;
        match bytes.map(Response::parse) {
            None => self.break_off(peer, PAUSE_MS, now),
            Some(Ok(Response::Later { ms })) => self.break_off(peer, ms.clamp(100, 60_000).into(), now),
            Some(Ok(Response::Larger { bytes })) if bytes > max_bytes && bytes <= MAX_BLOCK_COST => {
                fetch.max_bytes = bytes;
                fetch.progress_at = now;
            }
            Some(Ok(Response::Blocks { more, pack })) => {
                self.pack_came(peer, id, more, &pack, objects, now);
            }
            Some(_) => self.blame(peer, Misdeed::Damaged, now),
        }
    }

    fn pack_came(
        &mut self,
        peer: KeyId,
        id: RequestId,
        more: bool,
        pack: &[u8],
        objects: &dyn Objects,
        now: Millis,
    ) {
        let Some(fetch) = self.blocks.fetches.get_mut(&peer) else { return };
        // What this peer gave and is being stored counts as here: if it is not right, this is dropped with it.
        let storing = self.storing.values().filter(|storing| storing.peer == peer);
        let coming: HashSet<BlockId> = storing.flat_map(Storing::blocks).collect();
        let here = |block: &BlockId| coming.contains(block) || holds(objects, block);
        let mut blocks = match unpack(pack, fetch.max_bytes.into(), self.hello.org, &here) {
            Ok(blocks) => blocks,
            Err(error) => return self.blame(peer, error.misdeed(), now),
        };
        let Some(last) = blocks.last().map(|arrival| arrival.block.id) else {
            fetch.more = false;
            return if more {
                self.blame(peer, Misdeed::Withheld, now)
            } else {
                self.go_on(peer, objects, now)
            };
        };
        (fetch.after, fetch.more) = (Some(last), more);
        let bytes = blocks.iter().map(Arrival::bytes).sum();
        if bytes >= MIN_PIECE_BYTES.min(u64::from(fetch.max_bytes) / 4) {
            fetch.progress_at = now;
        }
        fetch.max_bytes = self.limits.response_bytes;
        keep_new(&mut blocks, &here);
        if !blocks.is_empty() {
            fetch.held = Some(Piece { id, blocks, bytes });
        }
        self.go_on(peer, objects, now);
    }

    /// Hands the next piece out, asks for the one after it, and ends the fetch when there is none.
    fn go_on(&mut self, peer: KeyId, objects: &dyn Objects, now: Millis) {
        let Some(fetch) = self.blocks.fetches.get_mut(&peer) else { return };
        if fetch.storing.is_none()
            && let Some(Piece { id, blocks, bytes }) = fetch.held.take()
        {
            fetch.storing = Some(id);
            let what = Stored::Blocks(blocks.iter().map(|arrival| arrival.block.id).collect());
            self.storing.insert(id, Storing { peer, bytes, what });
            self.outbox.push(Action::Blocks { peer, id, blocks });
        }
        self.ask_on(peer, now);
        if self.blocks.fetches.get(&peer).is_some_and(Fetch::is_done) {
            self.end_fetch(peer, objects, now);
        }
    }

    /// The peer has no more: what it announced and is not here now, it does not have.
    fn end_fetch(&mut self, peer: KeyId, objects: &dyn Objects, now: Millis) {
        let Some(fetch) = self.blocks.fetches.remove(&peer) else { return };
        let (here, missing): (HashSet<BlockId>, HashSet<BlockId>) =
            fetch.want.into_iter().partition(|block| holds(objects, block));
        self.are_here(&here);
        for (block, loose) in &mut self.blocks.loose {
            if missing.contains(block) {
                loose.tried.insert(peer);
                loose.again_at.get_or_insert(now.plus(LOOSE_AGAIN_MS));
            }
        }
        let Some(known) = self.peers.get_mut(&peer) else { return };
        let before = known.wanted.len();
        known.wanted.retain(|_, head| !missing.contains(&head.block));
        if known.wanted.len() < before {
            self.misdeed(peer, Misdeed::Withheld, now);
        }
    }

    /// Blocks are here: whoever announced one of them as a head has told the truth.
    fn are_here(&mut self, blocks: &HashSet<BlockId>) {
        self.blocks.loose.retain(|block, _| !blocks.contains(block));
        for (peer, known) in &mut self.peers {
            let here = known.wanted.extract_if(.., |_, head| blocks.contains(&head.block));
            self.outbox.extend(here.map(|(_, head)| Action::Head { peer: *peer, head }));
        }
    }

    pub(super) fn blocks_stored(
        &mut self,
        peer: KeyId,
        id: RequestId,
        blocks: &[BlockId],
        objects: &dyn Objects,
        now: Millis,
    ) {
        self.are_here(&blocks.iter().copied().collect());
        blocks.last().into_iter().for_each(|last| self.blocks.remember_end(*last));
        if let Some(fetch) = self.blocks.fetches.get_mut(&peer)
            && fetch.storing == Some(id)
        {
            fetch.storing = None;
            if fetch.held.is_some() {
                // The peer has done its part; the wait was ours.
                fetch.progress_at = now;
            }
            self.go_on(peer, objects, now);
        }
        self.end_needless(&blocks.iter().copied().collect(), objects);
    }

    /// Ends fetches that others have made needless.
    fn end_needless(&mut self, stored: &HashSet<BlockId>, objects: &dyn Objects) {
        self.blocks.fetches.retain(|_, fetch| {
            let touched = fetch.storing.is_none() && fetch.want.iter().any(|block| stored.contains(block));
            !touched || !fetch.want.iter().all(|block| holds(objects, block))
        });
    }

    /// Ends a fetch that failed through no fault that is known; others are asked first.
    fn break_off(&mut self, peer: KeyId, ms: u64, now: Millis) {
        self.stop_blocks(peer);
        self.pause(peer, ms, now);
    }

    /// Ends a fetch whose answer was wrong. What the peer announced is not asked of it again.
    fn blame(&mut self, peer: KeyId, misdeed: Misdeed, now: Millis) {
        self.give_up(peer);
        self.misdeed(peer, misdeed, now);
    }

    /// Ends a fetch, and no longer wants of this peer what it was to bring.
    pub(super) fn give_up(&mut self, peer: KeyId) {
        let Some(fetch) = self.blocks.fetches.remove(&peer) else { return };
        if let Some(known) = self.peers.get_mut(&peer) {
            known.wanted.retain(|_, head| !fetch.want.contains(&head.block));
        }
        for block in &fetch.want {
            self.blocks.loose.get_mut(block).map(|loose| loose.tried.insert(peer));
        }
    }

    pub(super) fn stop_blocks(&mut self, peer: KeyId) {
        self.blocks.fetches.remove(&peer);
    }

    /// Answers that did not come in time; and blocks that nobody has.
    pub(super) fn late_blocks(&mut self, now: Millis) {
        self.blocks.loose.retain(|_, loose| loose.until > now);
        for loose in self.blocks.loose.values_mut() {
            if loose.again_at.take_if(|at| *at <= now).is_some() {
                loose.tried.clear();
            }
        }
        let is_late = |fetch: &Fetch| fetch.asked.is_some_and(|waiting| waiting.deadline <= now);
        let late: Vec<KeyId> =
            self.blocks.fetches.iter().filter(|(_, fetch)| is_late(fetch)).map(|(peer, _)| *peer).collect();
        for peer in late {
            self.break_off(peer, 5 * PAUSE_MS, now);
            self.misdeed(peer, Misdeed::Late, now);
        }
    }
}

/// Drops the blocks that are here. What comes after a block that is not here is not here either, so the store is
/// not asked for it: not to find something takes a store long.
fn keep_new(blocks: &mut Vec<Arrival>, here: &dyn Fn(&BlockId) -> bool) {
    let mut new = HashSet::new();
    blocks.retain(|Arrival { block, .. }| {
        let is_new = block.parents.iter().any(|parent| new.contains(parent)) || !here(&block.id);
        is_new && new.insert(block.id)
    });
}

impl Storing {
    fn blocks(&self) -> impl Iterator<Item = BlockId> {
        let list = match &self.what {
            Stored::Blocks(blocks) => blocks.as_slice(),
            Stored::Chunks(_) => &[],
        };
        list.iter().copied()
    }
}

/// Some blocks below the head of a branch, each step twice as long as the one before.
fn steps_down(objects: &dyn Objects, head: BlockId) -> Vec<BlockId> {
    let (mut at, mut found) = (head, Vec::new());
    for step in 1..=STEPS_DOWN {
        match walk::links(objects, &at).ok().flatten().and_then(|links| links.parents.first().copied()) {
            Some(parent) => at = parent,
            None => break,
        }
        if step.is_power_of_two() {
            found.push(at);
        }
    }
    found
}
