//! What other boxes and judges say, passed to the replica.

use super::{Core, CoreError, Shelf};
use ledger::{Outcome, TaskId};
use model::{ChunkId, KeyId, Millis, Name};
use replica::{Replica, ReplicaError};
use std::net::SocketAddr;
use sync::{Asked, RequestId};

/// The note with the addresses at which peers were reached.
pub(crate) const ADDRESSES: &str = "addresses";

impl Core {
    /// A peer is connected. What is to be done for it is among the effects.
    pub fn connected(&mut self, peer: KeyId) -> Result<(), CoreError> {
        let now = self.now();
        self.connected.insert(peer);
        self.hear(|replica| replica.connected(peer, now))
    }

    /// It no longer is.
    pub fn disconnected(&mut self, peer: KeyId) -> Result<(), CoreError> {
        let now = self.now();
        self.connected.remove(&peer);
        self.hear(|replica| replica.disconnected(peer, now))
    }

    /// A peer sent a frame.
    pub fn frame(&mut self, peer: KeyId, bytes: &[u8]) -> Result<(), CoreError> {
        let now = self.now();
        self.heard_at = now.clock;
        self.hear(|replica| replica.frame(peer, bytes, now))
    }

    /// A peer answered, or never will.
    pub fn answered(&mut self, peer: KeyId, id: RequestId, bytes: Option<&[u8]>) -> Result<(), CoreError> {
        let now = self.now();
        if bytes.is_some() {
            self.heard_at = now.clock;
        }
        self.hear(|replica| replica.response(peer, id, bytes, now))
    }

    /// A peer asks for something: what is to become of it.
    pub fn asked(&mut self, peer: KeyId, request: &[u8]) -> Result<Asked, CoreError> {
        let now = self.now();
        self.with(|replica| Ok(replica.asked(peer, request, now)))
    }

    /// A peer was answered with so many bytes.
    pub fn served(&mut self, peer: KeyId, bytes: u64) -> Result<(), CoreError> {
        let now = self.now();
        self.hear(|replica| {
            replica.served(peer, bytes, now);
            Ok(())
        })
    }

    /// These chunks, of so many bytes each, are wanted of peers besides those that were wanted before; without any, nothing is
    /// wanted any more.
    pub fn want_chunks(&mut self, chunks: Vec<(ChunkId, u32)>) -> Result<(), CoreError> {
        let now = self.now();
        self.hear(|replica| {
            if chunks.is_empty() {
                replica.forget_chunks();
            }
            replica.want_chunks(chunks, now)
        })
    }

    /// These are no longer wanted.
    pub fn unwant_chunks(&mut self, chunks: &[ChunkId]) -> Result<(), CoreError> {
        self.with(|replica| {
            replica.unwant_chunks(chunks);
            Ok(())
        })
    }

    /// Chunks that came are stored, or could not be.
    pub fn chunks_stored(&mut self, id: RequestId, stored: bool) -> Result<(), CoreError> {
        let now = self.now();
        self.hear(|replica| replica.chunks_stored(id, stored, now))
    }

    /// A judge spoke, or could not.
    pub fn judged(&mut self, task: TaskId, outcome: Outcome) -> Result<(), CoreError> {
        let now = self.now();
        self.hear(|replica| replica.judged(task, outcome, now))
    }

    /// When this box last heard from another one, or the newest block of another one if that is later.
    pub fn heard_at(&self) -> Millis {
        self.heard_at
    }

    /// The date of the newest block that another box's or person's key signed.
    pub(super) fn newest_of_others(&self) -> Millis {
        let own = self.key_id();
        let proposals =
            self.replica.as_ref().and_then(|replica| replica.proposals().ok()).unwrap_or_default();
        let others = proposals.iter().filter(|proposal| proposal.writer != own);
        others.map(|proposal| proposal.at).max().unwrap_or(Millis(0))
    }

    /// Passes on what came, and reads anew what moved.
    fn hear(
        &mut self,
        call: impl FnOnce(&mut Replica<Shelf>) -> Result<(), ReplicaError>,
    ) -> Result<(), CoreError> {
        let heard = self.with(call);
        self.after(heard)
    }

    /// Where peers were reached before, as it was kept.
    pub fn addresses(&mut self) -> Vec<(KeyId, Vec<SocketAddr>)> {
        let note =
            self.replica.as_ref().and_then(|replica| replica.depot().store().note(ADDRESSES).ok()).flatten();
        let text = String::from_utf8(note.unwrap_or_default()).unwrap_or_default();
        text.lines().filter_map(address_line).collect()
    }

    /// Where node.toml says that a node is reached.
    pub fn known_addresses(&self, node: &Name) -> Option<&[SocketAddr]> {
        self.home.net_settings().known.get(node).map(Vec::as_slice)
    }

    /// Keeps where peers were reached.
    pub fn keep_addresses(&mut self, addresses: &[(KeyId, Vec<SocketAddr>)]) -> Result<(), CoreError> {
        let text: String = addresses.iter().map(|(peer, list)| address_text(*peer, list)).collect();
        Ok(self.store()?.keep_note(ADDRESSES, text.as_bytes())?)
    }
}

/// A peer's line in the note.
pub(crate) fn address_text(peer: KeyId, addresses: &[SocketAddr]) -> String {
    let list: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    format!("{peer} {}\n", list.join(" "))
}

/// `KEY ADDRESS ADDRESS ..`; addresses that are none are left out.
fn address_line(line: &str) -> Option<(KeyId, Vec<SocketAddr>)> {
    let mut words = line.split_whitespace();
    let peer = words.next()?.parse().ok()?;
    Some((peer, words.filter_map(|word| word.parse().ok()).collect()))
}
