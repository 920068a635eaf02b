//! What is told without being asked: heads and gossip.
//!
//! On connecting, and then every while, each tells the other its heads in 16 bytes. Where they differ, the one with the smaller
//! key sends its buckets, and three frames later each knows what it lacks (`heads.rs`). Between that, only what is new is
//! told, and not to whom it came from.

use super::Sync;
use crate::{
    action::Action,
    conduct::Misdeed,
    message::{Bucket, Head, MAX_HEADS, MAX_HEADS_IN_FRAME, Message, Summary},
};
use ledger::{Block, Objects};
use model::{BlockId, KeyId, Millis, RefName};
use std::collections::BTreeMap;

/// How many blocks are looked at to see whether a head is older than one announced before.
const MAX_STEPS: u64 = 64;
/// Between two announcements, so that many small changes make few frames and few requests.
const TELL_MS: u64 = 50;
/// When the heads of a frame weigh this much, the next frame begins.
const FRAME_FULL_BYTES: usize = 64 * 1024;

/// Heads that are new and not told yet.
#[derive(Debug, Default)]
pub(super) struct News {
    heads: BTreeMap<RefName, Head>,
    told_at: Option<Millis>,
}

impl News {
    /// When they are to be told, if there are any.
    pub(super) fn due_at(&self) -> Option<Millis> {
        let due = self.told_at.map_or(Millis(0), |told| told.plus(TELL_MS));
        (!self.heads.is_empty()).then_some(due)
    }
}

impl Sync {
    /// All heads of this box: of the branches that are final, and of all writers whose blocks are here. What
    /// is new among them is announced. More than [`MAX_HEADS`] are not told of.
    pub fn set_heads(&mut self, mut heads: Vec<Head>, now: Millis) {
        heads.sort();
        heads.truncate(MAX_HEADS);
        for head in self.heads.set(heads) {
            self.news.heads.insert(head.name.clone(), head);
        }
        self.tell_news(now);
    }

    /// Announces what is new: at once after a pause, else all that came until the pause is over.
    pub(super) fn tell_news(&mut self, now: Millis) {
        if self.news.due_at().is_none_or(|due| due > now) {
            return;
        }
        self.news.told_at = Some(now);
        let new: Vec<Head> = std::mem::take(&mut self.news.heads).into_values().collect();
        let up: Vec<KeyId> = self.peers().map(|(peer, _)| peer).collect();
        up.into_iter().for_each(|peer| self.announce(peer, &new));
    }

    /// Sends gossip, ours or one that a peer sent and that keeps the rules, to all peers that do not have it.
    pub fn spread(&mut self, gossip: &[u8], now: Millis) {
        let up: Vec<KeyId> = self.peers().map(|(peer, _)| peer).collect();
        up.into_iter().for_each(|peer| self.tell(peer, gossip, now));
    }

    /// Sends gossip to one peer, if it does not have it.
    pub fn tell(&mut self, peer: KeyId, gossip: &[u8], now: Millis) {
        let up = self.peers.get(&peer).is_some_and(|known| known.up);
        if up && self.gossip.told(gossip, peer, now) {
            self.send(peer, &Message::Gossip(gossip.into()));
        }
    }

    pub(super) fn message(&mut self, peer: KeyId, message: Message, objects: &dyn Objects, now: Millis) {
        match message {
            Message::Hello(_) => {}
            Message::Alive(summary) => self.compare_summary(peer, summary),
            Message::Buckets(buckets) => self.compare_buckets(peer, &buckets),
            Message::Sketch { buckets, heads } => {
                let (send, ask) = self.heads.compare(&buckets, &heads);
                self.answer_heads(peer, send, now);
                if !ask.is_empty() {
                    self.send(peer, &Message::Tell(ask));
                }
            }
            Message::Tell(heads) => {
                let heads = self.heads.by_short(&heads);
                self.answer_heads(peer, heads, now);
            }
            Message::Heads(heads) => {
                heads.into_iter().for_each(|head| self.head_announced(peer, head, objects, now));
            }
            Message::Gossip(bytes) => {
                if self.gossip.heard(&bytes, peer, now) {
                    self.outbox.push(Action::Gossip { peer, bytes });
                }
            }
        }
    }

    fn compare_summary(&mut self, peer: KeyId, theirs: Summary) {
        if theirs == self.heads.summary() {
            let branches = self.heads.iter().filter(|head| matches!(head.name, RefName::Head(_)));
            let branches: Vec<_> = branches.map(|head| (head.name.clone(), head.block)).collect();
            if let Some(known) = self.peers.get_mut(&peer) {
                known.announced.extend(branches);
            }
        } else if self.me < peer {
            self.send(peer, &Message::Buckets(self.heads.buckets()));
        }
    }

    fn compare_buckets(&mut self, peer: KeyId, theirs: &[Bucket]) {
        let buckets = self.heads.differing(theirs);
        let heads = self.heads.sketch(&buckets);
        self.send(peer, &Message::Sketch { buckets, heads });
    }

    /// Tells a peer what is new, but for what it said itself.
    fn announce(&mut self, peer: KeyId, new: &[Head]) {
        let Some(known) = self.peers.get(&peer) else { return };
        let theirs = |head: &&Head| known.announced.get(&head.name) != Some(&head.block);
        let heads = new.iter().filter(theirs).cloned().collect();
        self.send_heads(peer, heads);
    }

    /// Sends heads that the peer asked for.
    fn answer_heads(&mut self, peer: KeyId, heads: Vec<Head>, now: Millis) {
        let bytes = heads.iter().map(weight).sum();
        if let Some(known) = self.peers.get_mut(&peer) {
            known.made_us_tell(bytes, now);
        }
        self.send_heads(peer, heads);
    }

    fn send_heads(&mut self, peer: KeyId, heads: Vec<Head>) {
        let (mut frame, mut bytes) = (Vec::new(), 0);
        for head in heads {
            let weight = weight(&head);
            if frame.len() == MAX_HEADS_IN_FRAME || (bytes > 0 && bytes + weight > FRAME_FULL_BYTES) {
                self.send(peer, &Message::Heads(std::mem::take(&mut frame)));
                bytes = 0;
            }
            bytes += weight;
            frame.push(head);
        }
        if !frame.is_empty() {
            self.send(peer, &Message::Heads(frame));
        }
    }

    fn head_announced(&mut self, peer: KeyId, head: Head, objects: &dyn Objects, now: Millis) {
        let Some(known) = self.peers.get_mut(&peer) else { return };
        let before = known.announced.get(&head.name).copied();
        if before.is_some_and(|before| is_older(objects, &head, before)) {
            return self.misdeed(peer, Misdeed::Replayed, now);
        }
        if before.is_some() || known.announced.len() < MAX_HEADS {
            known.announced.insert(head.name.clone(), head.block);
        }
        match self.heads.get(&head.name, &head.block) {
            Some(ours) if ours.certificate.is_some() || head.certificate.is_none() => {}
            _ if holds(objects, &head.block) => self.outbox.push(Action::Head { peer, head }),
            _ => known.want(head),
        }
    }
}

/// What a head takes in a frame, or a little more.
fn weight(head: &Head) -> usize {
    128 + head.certificate.as_ref().map_or(0, Vec::len)
}

/// Whether a block is here.
pub(super) fn holds(objects: &dyn Objects, block: &BlockId) -> bool {
    objects.read(&(*block).into()).is_ok_and(|object| object.is_some())
}

/// Whether a head lies before another one of its name, as far as that can be seen in a few steps.
fn is_older(objects: &dyn Objects, head: &Head, before: BlockId) -> bool {
    if head.block == before {
        return false;
    }
    let (Ok(block), Ok(mut newer)) = (Block::read(objects, head.block), Block::read(objects, before)) else {
        return false;
    };
    for _ in 0..MAX_STEPS {
        let next = match head.name {
            RefName::Head(_) => newer.main(),
            RefName::Writer(..) => newer.own(),
        };
        match next {
            Some(next) if next == block.id => return true,
            Some(next) => match Block::read(objects, next) {
                Ok(next) if next.at >= block.at => newer = next,
                _ => return false,
            },
            None => return false,
        }
    }
    false
}
