//! Fetching chunks: from all peers at once, each chunk from one at a time.
//!
//! A chunk is asked of peers in turn until one has it. When none has, all are asked again after a while, and
//! whoever connects is asked too. What came is checked against its name before anybody sees it.

use super::{PAUSE_MS, Stored, Storing, Sync};
use crate::{
    action::{Action, RequestId},
    chunks::{self, ChunkError, Chunks, chunk_cost},
    conduct::Misdeed,
    request::{MAX_CHUNKS_ASKED, Request},
    response::Response,
};
use chunk::MAX_CHUNK_BYTES;
use model::{ChunkId, KeyId, Millis};
use std::collections::{BTreeMap, BTreeSet, VecDeque, btree_map::Entry};

/// So many requests to one peer run at a time: one on its way while the other is stored.
const MAX_RUNNING: usize = 2;
/// So many wanted chunks are looked at for one request.
const MAX_LOOKED_AT: usize = 4096;
/// After this pause peers that did not have a chunk are asked again.
const ASK_AGAIN_MS: u64 = 5_000;

/// A chunk that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WantedChunk {
    /// Its name.
    pub id: ChunkId,
    /// Its length in bytes as its manifest says. A wrong one costs a request more.
    pub length: u32,
}

impl From<(ChunkId, u32)> for WantedChunk {
    fn from((id, length): (ChunkId, u32)) -> Self {
        Self { id, length }
    }
}

impl From<ChunkId> for WantedChunk {
    /// A chunk whose length is not known: as long as most are.
    fn from(id: ChunkId) -> Self {
        Self { id, length: 64 * 1024 }
    }
}

/// The chunks that are wanted, and who was asked for them.
#[derive(Debug, Default)]
pub(super) struct ChunkFetches {
    wanted: BTreeMap<ChunkId, Wanted>,
    /// Those that nobody is being asked for.
    queue: VecDeque<ChunkId>,
    running: BTreeMap<RequestId, Running>,
    /// When all peers may be asked for everything again.
    again_at: Option<Millis>,
}

#[derive(Debug)]
struct Wanted {
    /// As the manifest says, or the peer that has it.
    length: u32,
    /// Who does not have it.
    tried: BTreeSet<KeyId>,
}

#[derive(Debug)]
struct Running {
    peer: KeyId,
    ids: Vec<ChunkId>,
    max_bytes: u32,
    deadline: Millis,
}

impl ChunkFetches {
    /// When answers must be there, and when peers are asked again.
    pub(super) fn deadlines(&self) -> impl Iterator<Item = Millis> {
        self.running.values().map(|running| running.deadline).chain(self.again_at)
    }

    pub(super) fn in_flight(&self) -> u64 {
        self.running.values().map(|running| u64::from(running.max_bytes)).sum()
    }

    /// These are stored.
    pub(super) fn arrived(&mut self, ids: &[ChunkId]) {
        ids.iter().for_each(|id| drop(self.wanted.remove(id)));
    }

    /// These are to be asked for again, before others.
    pub(super) fn again(&mut self, ids: &[ChunkId], now: Millis) {
        for id in ids.iter().rev().filter(|id| self.wanted.contains_key(*id)) {
            self.queue.push_front(*id);
        }
        self.again_at.get_or_insert(now.plus(ASK_AGAIN_MS));
    }

    /// A peer is gone: others are asked for what it was asked for.
    pub(super) fn gone(&mut self, peer: KeyId, now: Millis) {
        let gone: Vec<_> = self.running.extract_if(.., |_, running| running.peer == peer).collect();
        gone.iter().for_each(|(_, running)| self.again(&running.ids, now));
    }

    /// What to ask a peer for, and how long the answer may be.
    fn batch(&mut self, peer: KeyId, most: u64) -> Option<(Vec<ChunkId>, u32)> {
        let (mut ids, mut bytes) = (Vec::new(), 0);
        let mut rest = Vec::new();
        for _ in 0..MAX_LOOKED_AT.min(self.queue.len()) {
            let Some(id) = self.queue.pop_front() else { break };
            let Some(wanted) = self.wanted.get(&id) else { continue };
            let whole = chunk_cost(wanted.length);
            let fits = ids.is_empty() || (bytes + whole <= most && ids.len() < MAX_CHUNKS_ASKED);
            if wanted.tried.contains(&peer) || !fits {
                rest.push(id);
                if !fits {
                    break;
                }
                continue;
            }
            bytes += whole;
            ids.push(id);
        }
        rest.into_iter().rev().for_each(|id| self.queue.push_front(id));
        (!ids.is_empty()).then(|| (ids, u32::try_from(bytes).unwrap_or(u32::MAX)))
    }

    fn runs_at(&self, peer: KeyId) -> usize {
        self.running.values().filter(|running| running.peer == peer).count()
    }
}

impl Sync {
    /// Wants chunks, the first most.
    pub fn want_chunks<C: Into<WantedChunk>>(&mut self, chunks: impl IntoIterator<Item = C>, now: Millis) {
        for chunk in chunks {
            let WantedChunk { id, length } = chunk.into();
            let length = length.min(MAX_CHUNK_BYTES);
            if let Entry::Vacant(place) = self.chunks.wanted.entry(id) {
                place.insert(Wanted { length, tried: BTreeSet::new() });
                self.chunks.queue.push_back(id);
            }
        }
        self.plan_chunks(now);
    }

    /// No longer wants chunks that have not come.
    pub fn forget_chunks(&mut self) {
        self.chunks.wanted.clear();
        self.chunks.queue.clear();
    }

    /// No longer wants these.
    pub fn unwant_chunks(&mut self, chunks: &[ChunkId]) {
        self.chunks.arrived(chunks);
        self.chunks.queue.retain(|id| !chunks.contains(id));
    }

    /// How many wanted chunks are not stored yet.
    pub fn chunks_wanted(&self) -> usize {
        self.chunks.wanted.len()
    }

    pub(super) fn plan_chunks(&mut self, now: Millis) {
        if self.chunks.queue.is_empty() {
            return;
        }
        let free: Vec<KeyId> =
            self.peers.iter().filter(|(_, known)| known.is_free(now)).map(|(peer, _)| *peer).collect();
        for peer in free {
            while self.chunks.runs_at(peer) < MAX_RUNNING && self.ask_chunks(peer, now) {}
        }
    }

    /// Asks a peer for chunks, if there is something to ask it for and room for the answer.
    fn ask_chunks(&mut self, peer: KeyId, now: Millis) -> bool {
        let most = u64::from(self.limits.response_bytes);
        let Some((ids, max_bytes)) = self.chunks.batch(peer, most) else { return false };
        if !self.may_fetch(max_bytes.into(), now) {
            ids.into_iter().rev().for_each(|id| self.chunks.queue.push_front(id));
            return false;
        }
        let id = self.next_request();
        let bytes = Request::Chunks { ids: ids.clone(), max_bytes }.to_bytes();
        // Frames for what the peer does not have take some bytes too, and count as nothing.
        let slack = 64 + 8 * ids.len() as u32;
        self.outbox.push(Action::Request { peer, id, bytes, max_bytes: max_bytes.saturating_add(slack) });
        let deadline = now.plus(self.limits.response_ms);
        self.chunks.running.insert(id, Running { peer, ids, max_bytes, deadline });
        true
    }

    pub(super) fn is_of_chunks(&self, id: RequestId) -> bool {
        self.chunks.running.contains_key(&id)
    }

    /// The answer to a request for chunks.
    pub(super) fn chunks_came(&mut self, id: RequestId, bytes: Option<&[u8]>, now: Millis) {
        let Some(running) = self.chunks.running.remove(&id) else { return };
        let peer = running.peer;
        let answer = bytes.map(Response::parse);
        match answer {
            None => self.pause(peer, PAUSE_MS, now),
            Some(Ok(Response::Later { ms })) => self.pause(peer, ms.clamp(100, 60_000).into(), now),
            Some(Ok(Response::Chunks { frames })) => {
                match chunks::read(&frames, &running.ids, running.max_bytes) {
                    Ok(chunks) => return self.take_chunks(id, running, chunks, now),
                    Err(error) => self.misdeed(peer, misdeed_of(error), now),
                }
            }
            Some(_) => self.misdeed(peer, Misdeed::Damaged, now),
        }
        self.chunks.again(&running.ids, now);
    }

    fn take_chunks(&mut self, id: RequestId, running: Running, chunks: Chunks, now: Millis) {
        let Running { peer, mut ids, .. } = running;
        let here: Vec<ChunkId> = chunks.here.iter().map(|chunk| chunk.id).collect();
        ids.retain(|id| !here.contains(id));
        for absent in &chunks.absent {
            self.chunks.wanted.get_mut(absent).map(|wanted| wanted.tried.insert(peer));
        }
        self.tell_absent(&chunks.absent);
        for (longer, length) in &chunks.longer {
            self.chunks.wanted.entry(*longer).and_modify(|wanted| wanted.length = *length);
        }
        self.chunks.again(&ids, now);
        if chunks.here.is_empty() && chunks.absent.is_empty() && chunks.longer.is_empty() {
            return self.misdeed(peer, Misdeed::Withheld, now);
        }
        if !chunks.here.is_empty() {
            let bytes = chunks.here.iter().map(|chunk| chunk.bytes.len() as u64).sum();
            self.storing.insert(id, Storing { peer, bytes, what: Stored::Chunks(here) });
            self.outbox.push(Action::Chunks { peer, id, chunks: chunks.here });
        }
    }

    /// Says which of these every peer was asked for in vain.
    fn tell_absent(&mut self, ids: &[ChunkId]) {
        let nobody_has = |id: &&ChunkId| {
            let wanted = self.chunks.wanted.get(*id);
            let mut asked = self.peers.iter().filter(|(_, known)| known.up).map(|(peer, _)| peer);
            wanted.is_some_and(|wanted| asked.all(|peer| wanted.tried.contains(peer)))
        };
        let chunks: Vec<ChunkId> = ids.iter().filter(nobody_has).copied().collect();
        if !chunks.is_empty() {
            self.outbox.push(Action::Absent { chunks });
        }
    }

    /// Answers that did not come in time; and peers that are asked once more.
    pub(super) fn late_chunks(&mut self, now: Millis) {
        if self.chunks.again_at.is_some_and(|at| at <= now) {
            self.chunks.again_at = None;
            self.chunks.wanted.values_mut().for_each(|wanted| wanted.tried.clear());
        }
        let late: Vec<_> = self.chunks.running.extract_if(.., |_, running| running.deadline <= now).collect();
        for (_, running) in late {
            self.chunks.again(&running.ids, now);
            self.pause(running.peer, 5 * PAUSE_MS, now);
            self.misdeed(running.peer, Misdeed::Late, now);
        }
    }
}

fn misdeed_of(error: ChunkError) -> Misdeed {
    match error {
        ChunkError::Damaged | ChunkError::Hash => Misdeed::Damaged,
        ChunkError::TooLarge => Misdeed::Oversized,
        ChunkError::Unasked => Misdeed::Unasked,
    }
}
