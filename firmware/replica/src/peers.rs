//! The talk with peers: what comes in goes to `sync`, what `sync` wants is done here or handed to the host.

use crate::{Depot, Effect, Now, Replica, ReplicaError, replica::Notes};
use ledger::finality::{Certificate, Heard, MessageFault};
use model::{ChunkId, KeyId, Millis, RefName};
use sync::{Action, Asked, Head, Misdeed, RequestId, WantedChunk};

/// What waits for something.
#[derive(Default)]
pub(crate) struct Pending {
    /// Peers have not been told of the newest heads.
    pub(crate) heads_changed: bool,
    /// A block that is final and is not here yet.
    pub(crate) decided: Option<Certificate>,
    /// Blocks of main since what it contains was last written down.
    pub(crate) unnoted: u64,
}

impl<D: Depot> Replica<D> {
    /// A connection to a peer is there, whoever began it.
    pub fn connected(&mut self, peer: KeyId, now: Now) -> Result<(), ReplicaError> {
        self.sync.connected(peer, now.elapsed);
        self.pump(now)
    }

    /// The connection is gone.
    pub fn disconnected(&mut self, peer: KeyId, now: Now) -> Result<(), ReplicaError> {
        self.sync.disconnected(peer, self.depot.objects(), now.elapsed);
        self.pump(now)
    }

    /// A frame came from a peer.
    pub fn frame(&mut self, peer: KeyId, frame: &[u8], now: Now) -> Result<(), ReplicaError> {
        self.sync.received(peer, frame, self.depot.objects(), now.elapsed);
        self.pump(now)
    }

    /// The answer to a request of [`Effect::Request`], or `None`: there will be none.
    pub fn response(
        &mut self,
        peer: KeyId,
        id: RequestId,
        bytes: Option<&[u8]>,
        now: Now,
    ) -> Result<(), ReplicaError> {
        self.sync.response(peer, id, bytes, self.depot.objects(), now.elapsed);
        self.pump(now)
    }

    /// A peer asks for something: whether to serve it, and with how much. [`sync::Server`] does the work.
    pub fn asked(&mut self, peer: KeyId, request: &[u8], now: Now) -> Asked {
        self.sync.asked(peer, request, now.elapsed)
    }

    /// So many bytes of an answer went to a peer.
    pub fn served(&mut self, peer: KeyId, bytes: u64, now: Now) {
        self.sync.served(peer, bytes, now.elapsed);
    }

    /// Wants chunks of peers, the first most.
    pub fn want_chunks<C: Into<WantedChunk>>(
        &mut self,
        chunks: impl IntoIterator<Item = C>,
        now: Now,
    ) -> Result<(), ReplicaError> {
        self.sync.want_chunks(chunks, now.elapsed);
        self.pump(now)
    }

    /// No longer wants chunks that have not come.
    pub fn forget_chunks(&mut self) {
        self.sync.forget_chunks();
    }

    /// No longer wants these.
    pub fn unwant_chunks(&mut self, chunks: &[ChunkId]) {
        self.sync.unwant_chunks(chunks);
    }

    /// The chunks of [`Effect::Chunks`] are stored, or could not be.
    pub fn chunks_stored(&mut self, id: RequestId, stored: bool, now: Now) -> Result<(), ReplicaError> {
        if stored {
            self.sync.stored(id, self.depot.objects(), now.elapsed);
        } else {
            self.sync.failed(id, now.elapsed);
        }
        self.pump(now)
    }

    /// Forgives a peer what it has done: a person says so.
    pub fn forgive(&mut self, peer: &KeyId, now: Now) -> Result<(), ReplicaError> {
        self.sync.forgive(peer);
        Ok(self.depot.keep_note(Notes::CONDUCT, &self.sync.conduct().to_bytes(now.elapsed))?)
    }

    /// Does what is due by now.
    pub fn tick(&mut self, now: Now) -> Result<(), ReplicaError> {
        self.sync.tick(self.depot.objects(), now.elapsed);
        self.engine.tick(now.elapsed);
        let merged = self.merge_if_due(now);
        merged.and(self.pump(now)).and(self.note_merged())
    }

    /// When [`Replica::tick`] has something to do, in time elapsed.
    pub fn wake_at(&self) -> Option<Millis> {
        [self.merge_due_at(), self.engine.wake_at(), self.sync.wake_at()].into_iter().flatten().min()
    }

    /// Does what the vote and the talk want until they want nothing more. What fails does not stop the rest; the first failure is
    /// given.
    pub(crate) fn pump(&mut self, now: Now) -> Result<(), ReplicaError> {
        let mut outcome = Ok(());
        loop {
            outcome = outcome.and(self.tell_heads(now));
            let (actions, wishes) = (self.sync.actions(), self.engine.effects());
            if actions.is_empty() && wishes.is_empty() && !self.pending.heads_changed {
                return outcome;
            }
            for action in actions {
                let done = self.act(action, now);
                outcome = outcome.and(done);
            }
            outcome = outcome.and(self.run_engine(wishes, now));
        }
    }

    fn tell_heads(&mut self, now: Now) -> Result<(), ReplicaError> {
        if std::mem::take(&mut self.pending.heads_changed) {
            let heads = self.all_heads()?;
            self.sync.set_heads(heads, now.elapsed);
        }
        Ok(())
    }

    fn all_heads(&self) -> Result<Vec<Head>, ReplicaError> {
        let with_certificate = |(name, block)| {
            let certificate = match &name {
                RefName::Head(branch) if *branch == self.options.branch => self.certificate.as_ref(),
                RefName::Head(branch) => self.certificates.get(branch),
                RefName::Writer(..) => None,
            };
            let certificate = certificate.filter(|one| one.block == block).map(Certificate::to_bytes);
            Head { name, block, certificate }
        };
        Ok(self.depot.refs()?.into_iter().map(with_certificate).collect())
    }

    fn act(&mut self, action: Action, now: Now) -> Result<(), ReplicaError> {
        match action {
            Action::Blocks { id, blocks, .. } => return self.receive(id, blocks, now),
            Action::Head { peer, head } => return self.hear_of(peer, head, now),
            Action::Gossip { peer, bytes } => self.hear(peer, &bytes, now),
            Action::Up { peer } => {
                for message in self.engine.messages() {
                    self.sync.tell(peer, &message, now.elapsed);
                }
            }
            Action::Misdeed { peer, misdeed } => {
                self.effects.push_back(Effect::Misdeed { peer, misdeed });
                self.depot.keep_note(Notes::CONDUCT, &self.sync.conduct().to_bytes(now.elapsed))?;
            }
            other => self.effects.extend(for_the_host(other)),
        }
        Ok(())
    }

    /// Gossip: a word in the vote.
    fn hear(&mut self, peer: KeyId, bytes: &[u8], now: Now) {
        match self.engine.receive(bytes, now.elapsed) {
            Ok(Heard::New) => self.sync.spread(bytes, now.elapsed),
            Ok(Heard::Known | Heard::Old | Heard::Early | Heard::Ahead) => {}
            // The vote on a branch that this box does not follow.
            Err(MessageFault::Foreign { org, .. }) if org == self.org => {}
            Err(_) => self.sync.misdeed(peer, Misdeed::BadGossip, now.elapsed),
        }
    }
}

fn for_the_host(action: Action) -> Option<Effect> {
    match action {
        Action::Send { peer, frame } => Some(Effect::Send { peer, frame }),
        Action::Request { peer, id, bytes, max_bytes } => {
            Some(Effect::Request { peer, id, bytes, max_bytes })
        }
        Action::Chunks { id, chunks, .. } => Some(Effect::Chunks { id, chunks }),
        Action::Absent { chunks } => Some(Effect::Absent(chunks)),
        Action::Close { peer, reason } => Some(Effect::Close { peer, reason }),
        _ => None,
    }
}
