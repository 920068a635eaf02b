//! The machine: what peers say goes in, what is to be done comes out.

use crate::{
    action::{Action, RequestId},
    conduct::{Conduct, Misdeed},
    limits::Limits,
    message::Head,
    request::Request,
    response::Response,
};
use ledger::Objects;
use model::{BlockId, ChunkId, KeyId, Millis, OrgId};

/// What is to become of a peer's request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// Serve it with at most so many bytes, and say [`Sync::served`] how many they were.
    Serve {
        /// The request.
        request: Request,
        /// The budget for [`Server::serve`](crate::Server::serve).
        budget: u32,
    },
    /// Answer this.
    Answer(Response),
    /// Answer nothing: the peer is not up, or sent what is no request.
    Refuse,
}

/// The peer protocol of one box. Nothing happens by itself: call a method, then do what [`Sync::actions`] gives.
#[derive(Debug)]
pub struct Sync {
    me: KeyId,
    org: OrgId,
    software: String,
    limits: Limits,
    conduct: Conduct,
    outbox: Vec<Action>,
    heads: Vec<Head>,
}

impl Sync {
    /// The machine of the box with the key `me`.
    pub fn new(me: KeyId, org: OrgId, software: &str, limits: Limits, conduct: Conduct) -> Self {
        let software = software.into();
        Self { me, org, software, limits, conduct, outbox: Vec::new(), heads: Vec::new() }
    }

    /// What is to be done, in this order. Call it after each of the other methods.
    pub fn actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.outbox)
    }

    /// A connection to a peer is there, whoever began it.
    pub fn connected(&mut self, peer: KeyId, now: Millis) {
        let _ = (peer, now, &self.me, &self.org, &self.software, &self.limits);
    }

    /// The connection is gone; what was asked of the peer is asked of others.
    pub fn disconnected(&mut self, peer: KeyId, objects: &dyn Objects, now: Millis) {
        let _ = (peer, objects, now);
    }

    /// A frame came.
    pub fn received(&mut self, peer: KeyId, frame: &[u8], objects: &dyn Objects, now: Millis) {
        let _ = (peer, frame, objects, now);
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
        let _ = (peer, id, bytes, objects, now);
    }

    /// Time has passed.
    pub fn tick(&mut self, objects: &dyn Objects, now: Millis) {
        let _ = (objects, now);
    }

    /// When [`Sync::tick`] is to be called next, if nothing else happens.
    pub fn wake_at(&self) -> Option<Millis> {
        None
    }

    /// All heads of this box: of the branches that are final, and of all writers whose blocks are here. What
    /// is new among them is announced.
    pub fn set_heads(&mut self, heads: Vec<Head>, now: Millis) {
        let _ = now;
        self.heads = heads;
    }

    /// The blocks or chunks of this number are stored, durably.
    pub fn stored(&mut self, id: RequestId, objects: &dyn Objects, now: Millis) {
        let _ = (id, objects, now);
    }

    /// The blocks of this number were looked through and one is not right: it, and those after it, were not stored.
    pub fn refused(&mut self, id: RequestId, misdeed: Misdeed, objects: &dyn Objects, now: Millis) {
        let _ = (id, misdeed, objects, now);
    }

    /// The blocks or chunks of this number could not be stored; the peer is not to blame. They are asked for again later.
    pub fn failed(&mut self, id: RequestId, now: Millis) {
        let _ = (id, now);
    }

    /// Wants a block that is no head, such as one that is voted on; `from` is asked first.
    pub fn want_block(&mut self, block: BlockId, from: Option<KeyId>, objects: &dyn Objects, now: Millis) {
        let _ = (block, from, objects, now);
    }

    /// Wants chunks, the first most.
    pub fn want_chunks(&mut self, ids: impl IntoIterator<Item = ChunkId>, now: Millis) {
        let _ = (ids.into_iter().count(), now);
    }

    /// No longer wants chunks that have not come.
    pub fn forget_chunks(&mut self) {}

    /// How many wanted chunks have not come yet.
    pub fn chunks_wanted(&self) -> usize {
        0
    }

    /// Sends gossip, ours or one that a peer sent and that keeps the rules, to all peers that do not have it.
    pub fn spread(&mut self, gossip: &[u8], now: Millis) {
        let _ = (gossip, now);
    }

    /// Sends gossip to one peer that does not have it.
    pub fn tell(&mut self, peer: KeyId, gossip: &[u8], now: Millis) {
        let _ = (peer, gossip, now);
    }

    /// A peer asks for something.
    pub fn asked(&mut self, peer: KeyId, request: &[u8], now: Millis) -> Asked {
        let _ = (peer, request, now);
        Asked::Refuse
    }

    /// So many bytes of an answer went to a peer.
    pub fn served(&mut self, peer: KeyId, bytes: u64, now: Millis) {
        let _ = (peer, bytes, now);
    }

    /// The owner saw a peer do something wrong.
    pub fn misdeed(&mut self, peer: KeyId, misdeed: Misdeed, now: Millis) {
        self.conduct.add(peer, misdeed, now);
        self.outbox.push(Action::Misdeed { peer, misdeed });
    }

    /// What peers have done wrong; to keep as a note, and to ask whether one is banned.
    pub fn conduct(&self) -> &Conduct {
        &self.conduct
    }

    /// Forgives a peer everything.
    pub fn forgive(&mut self, peer: &KeyId) {
        self.conduct.forgive(peer);
    }

    /// The peers that are up.
    pub fn peers(&self) -> impl Iterator<Item = KeyId> {
        std::iter::empty()
    }

    /// Whether every head that a peer announced is here.
    pub fn is_synced(&self) -> bool {
        true
    }
}
