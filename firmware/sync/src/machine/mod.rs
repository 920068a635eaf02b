//! The machine: what peers say goes in, what is to be done comes out.
//!
//! Here is its border and what concerns a peer as a whole: that it is up, lives, behaves. How heads are told is in
//! `told.rs`, how blocks are fetched in `blocks.rs`, chunks in `chunks.rs`, how requests are let in in `asked.rs`. Every
//! method is total: whatever comes from a peer ends in an action or in nothing. The same calls in the same order give the
//! same actions.

mod asked;
mod blocks;
mod chunks;
mod fetch;
mod peer;
mod told;

pub use asked::Asked;
pub use chunks::WantedChunk;

use crate::{
    action::{Action, Reason, RequestId},
    bucket::TokenBucket,
    conduct::{Conduct, Misdeed},
    gossip::Gossip,
    heads::Heads,
    limits::Limits,
    message::{Hello, MAX_SOFTWARE_BYTES, Message, SYNC_PROTOCOL},
};
use chunks::ChunkFetches;
use fetch::Blocks;
use ledger::Objects;
use model::{BlockId, ChunkId, KeyId, Millis, OrgId};
use peer::Peer;
use std::collections::BTreeMap;
use told::News;

/// A peer that answered late or whose answer could not be stored is left alone for so long.
const PAUSE_MS: u64 = 1_000;

/// The peer protocol of one box. Nothing happens by itself: call a method, then do what [`Sync::actions`] gives.
#[derive(Debug)]
pub struct Sync {
    me: KeyId,
    hello: Hello,
    limits: Limits,
    conduct: Conduct,
    outbox: Vec<Action>,
    heads: Heads,
    news: News,
    gossip: Gossip,
    peers: BTreeMap<KeyId, Peer>,
    blocks: Blocks,
    chunks: ChunkFetches,
    storing: BTreeMap<RequestId, Storing>,
    /// What the line to this box bears.
    line: Option<TokenBucket>,
    last_request: u64,
    /// When something that has to wait may go on.
    retry_at: Option<Millis>,
}

/// Something that was handed out to be stored.
#[derive(Debug)]
struct Storing {
    peer: KeyId,
    bytes: u64,
    what: Stored,
}

#[derive(Debug)]
enum Stored {
    Blocks(Vec<BlockId>),
    Chunks(Vec<ChunkId>),
}

impl Sync {
    /// The machine of the box with the key `me`. `conduct` is what was remembered of peers.
    pub fn new(me: KeyId, org: OrgId, software: &str, limits: Limits, conduct: Conduct) -> Self {
        let plain = |c: &char| (' '..='~').contains(c);
        let software: String = software.chars().filter(plain).take(MAX_SOFTWARE_BYTES).collect();
        Self {
            me,
            hello: Hello { protocol: SYNC_PROTOCOL, org, software },
            limits,
            conduct,
            outbox: Vec::new(),
            heads: Heads::default(),
            news: News::default(),
            gossip: Gossip::default(),
            peers: BTreeMap::new(),
            blocks: Blocks::default(),
            chunks: ChunkFetches::default(),
            storing: BTreeMap::new(),
            line: None,
            last_request: 0,
            retry_at: None,
        }
    }

    /// What is to be done, in this order. Call it after each of the other methods.
    pub fn actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.outbox)
    }

    /// A connection to a peer is there, whoever began it.
    pub fn connected(&mut self, peer: KeyId, now: Millis) {
        self.forget(peer, now);
        if let Some(until) = self.conduct.banned_until(&peer, now) {
            self.outbox.push(Action::Close { peer, reason: Reason::Banned(until) });
            return;
        }
        self.peers.insert(peer, Peer::new(&self.limits, now));
        self.send(peer, &Message::Hello(self.hello.clone()));
    }

    /// The connection is gone; what was asked of the peer is asked of others.
    pub fn disconnected(&mut self, peer: KeyId, objects: &dyn Objects, now: Millis) {
        self.forget(peer, now);
        self.plan(objects, now);
    }

    /// A frame came.
    pub fn received(&mut self, peer: KeyId, frame: &[u8], objects: &dyn Objects, now: Millis) {
        let Some(known) = self.peers.get_mut(&peer) else { return };
        known.heard_at = now;
        if !known.may_send(frame.len(), now) {
            return self.misdeed(peer, Misdeed::TooFast, now);
        }
        let up = known.up;
        match Message::parse(frame) {
            Err(error) if error.is_oversized() => self.misdeed(peer, Misdeed::Oversized, now),
            Err(_) => self.misdeed(peer, Misdeed::Damaged, now),
            Ok(Message::Hello(hello)) => self.hello(peer, &hello, now),
            Ok(_) if !up => self.misdeed(peer, Misdeed::Unasked, now),
            Ok(message) => self.message(peer, message, objects, now),
        }
        self.plan(objects, now);
    }

    /// An answer came, or `None`: there will be none.
    pub fn response(
        &mut self,
        peer: KeyId,
        id: RequestId,
        bytes: Option<&[u8]>,
        objects: &dyn Objects,
        now: Millis,
    ) {
        if let Some(known) = self.peers.get_mut(&peer) {
            known.heard_at = now;
        }
        self.fetched(bytes.map_or(0, <[u8]>::len), now);
        if self.is_of_chunks(id) {
            self.chunks_came(id, bytes, now);
        } else {
            self.blocks_came(peer, id, bytes, objects, now);
        }
        self.plan(objects, now);
    }

    /// Time has passed.
    pub fn tick(&mut self, objects: &dyn Objects, now: Millis) {
        if self.retry_at.is_some_and(|at| at <= now) {
            self.retry_at = None;
        }
        let all: Vec<KeyId> = self.peers.keys().copied().collect();
        for peer in all {
            self.tick_peer(peer, now);
        }
        self.late_blocks(now);
        self.late_chunks(now);
        self.tell_news(now);
        self.plan(objects, now);
    }

    /// When [`Sync::tick`] is to be called next, if nothing else happens.
    pub fn wake_at(&self) -> Option<Millis> {
        let peers = self.peers.values().map(|peer| {
            let silent = peer.heard_at.plus(self.limits.silent_ms);
            if peer.up { silent.min(peer.alive_at.plus(self.limits.alive_ms)) } else { silent }
        });
        let answers = self.blocks.deadlines().chain(self.chunks.deadlines());
        peers.chain(answers).chain(self.retry_at).chain(self.news.due_at()).min()
    }

    /// The blocks or chunks of this number are stored, durably.
    pub fn stored(&mut self, id: RequestId, objects: &dyn Objects, now: Millis) {
        let Some(storing) = self.storing.remove(&id) else { return };
        match storing.what {
            Stored::Blocks(blocks) => self.blocks_stored(storing.peer, id, &blocks, objects, now),
            Stored::Chunks(chunks) => self.chunks.arrived(&chunks),
        }
        self.plan(objects, now);
    }

    /// The blocks of this number were looked through and one is not right: it, and those after it, were not stored.
    pub fn refused(&mut self, id: RequestId, misdeed: Misdeed, objects: &dyn Objects, now: Millis) {
        let Some(storing) = self.storing.remove(&id) else { return };
        match &storing.what {
            Stored::Blocks(_) => self.give_up(storing.peer),
            Stored::Chunks(chunks) => self.chunks.again(chunks, now),
        }
        self.misdeed(storing.peer, misdeed, now);
        self.plan(objects, now);
    }

    /// The blocks or chunks of this number could not be stored; the peer is not to blame. They are asked for again
    /// after a while.
    pub fn failed(&mut self, id: RequestId, now: Millis) {
        let Some(storing) = self.storing.remove(&id) else { return };
        match &storing.what {
            Stored::Blocks(_) => self.stop_blocks(storing.peer),
            Stored::Chunks(chunks) => self.chunks.again(chunks, now),
        }
        self.pause(storing.peer, PAUSE_MS, now);
    }

    /// The owner saw a peer do something wrong.
    pub fn misdeed(&mut self, peer: KeyId, misdeed: Misdeed, now: Millis) {
        let ban = self.conduct.add(peer, misdeed, now);
        self.outbox.push(Action::Misdeed { peer, misdeed });
        if let Some(until) = ban {
            self.close(peer, Reason::Banned(until), now);
        }
    }

    /// What peers have done wrong; to keep as a note, and to ask whether one is banned.
    pub fn conduct(&self) -> &Conduct {
        &self.conduct
    }

    /// Forgives a peer everything.
    pub fn forgive(&mut self, peer: &KeyId) {
        self.conduct.forgive(peer);
    }

    /// The peers that are up, with the name and version of their software.
    pub fn peers(&self) -> impl Iterator<Item = (KeyId, &str)> {
        self.peers.iter().filter(|(_, peer)| peer.up).map(|(key, peer)| (*key, peer.software.as_str()))
    }

    /// Whether every head that a peer announced is here.
    pub fn is_synced(&self) -> bool {
        self.blocks.is_idle() && self.peers.values().all(|peer| peer.wanted.is_empty())
    }

    fn hello(&mut self, peer: KeyId, hello: &Hello, now: Millis) {
        if hello.protocol != self.hello.protocol {
            return self.close(peer, Reason::OtherProtocol(hello.protocol), now);
        }
        if hello.org != self.hello.org {
            return self.close(peer, Reason::OtherOrganisation, now);
        }
        let Some(known) = self.peers.get_mut(&peer).filter(|known| !known.up) else { return };
        known.up = true;
        known.software.clone_from(&hello.software);
        self.outbox.push(Action::Up { peer });
        self.say_alive(peer, now);
    }

    fn say_alive(&mut self, peer: KeyId, now: Millis) {
        if let Some(known) = self.peers.get_mut(&peer) {
            known.alive_at = now;
            self.send(peer, &Message::Alive(self.heads.summary()));
        }
    }

    fn tick_peer(&mut self, peer: KeyId, now: Millis) {
        let Some(known) = self.peers.get(&peer) else { return };
        if now.since(known.heard_at) >= self.limits.silent_ms {
            self.close(peer, Reason::Silent, now);
        } else if known.up && now.since(known.alive_at) >= self.limits.alive_ms {
            self.say_alive(peer, now);
        }
    }

    fn send(&mut self, peer: KeyId, message: &Message) {
        self.outbox.push(Action::Send { peer, frame: message.to_bytes() });
    }

    fn close(&mut self, peer: KeyId, reason: Reason, now: Millis) {
        if self.peers.contains_key(&peer) {
            self.forget(peer, now);
            self.outbox.push(Action::Close { peer, reason });
        }
    }

    /// The peer is gone, with all that was asked of it.
    fn forget(&mut self, peer: KeyId, now: Millis) {
        if self.peers.remove(&peer).is_some() {
            self.gossip.gone(&peer);
            self.stop_blocks(peer);
            self.chunks.gone(peer, now);
        }
    }

    /// Leaves a peer alone for a while.
    fn pause(&mut self, peer: KeyId, ms: u64, now: Millis) {
        if let Some(known) = self.peers.get_mut(&peer) {
            known.busy_until = known.busy_until.max(now.plus(ms));
            self.retry_by(now.plus(ms));
        }
    }

    fn retry_by(&mut self, at: Millis) {
        self.retry_at = Some(self.retry_at.map_or(at, |before| before.min(at)));
    }

    /// Asks for whatever can be asked for now.
    fn plan(&mut self, objects: &dyn Objects, now: Millis) {
        self.plan_blocks(objects, now);
        self.plan_chunks(now);
    }

    /// Whether an answer of so many bytes may be asked for: memory and the line must bear it.
    fn may_fetch(&mut self, bytes: u64, now: Millis) -> bool {
        let busy = self.in_flight();
        if busy > 0 && busy + bytes > self.limits.in_flight_bytes {
            return false;
        }
        let line = self.line.get_or_insert_with(|| TokenBucket::full(self.limits.fetched_bytes, now));
        let wait = line.wait_ms(bytes, now);
        if wait > 0 {
            self.retry_by(now.plus(wait));
        }
        wait == 0
    }

    /// Bytes that came over the line.
    fn fetched(&mut self, bytes: usize, now: Millis) {
        if let Some(line) = &mut self.line {
            line.spend(bytes as u64, now);
        }
    }

    fn in_flight(&self) -> u64 {
        let storing: u64 = self.storing.values().map(|storing| storing.bytes).sum();
        storing + self.blocks.in_flight() + self.chunks.in_flight()
    }

    fn next_request(&mut self) -> RequestId {
        self.last_request += 1;
        RequestId(self.last_request)
    }
}
