//! What comes from other boxes and from judges, a bounded piece at a time; and what the replica wants done for them.

use super::{
    judging::Judging,
    post::{Lane, News},
    work::{Work, trouble},
};
use crate::{blobs::Blobs, core::CoreError, devices::chain, peers::Peers};
use model::{BlockId, ChunkId, KeyId, Name, PublicKey};
use net::Reply;
use replica::Effect;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};
use sync::{ArrivedChunk, Asked, RequestId};

/// How many pieces of news are heard before the box's own requests have their turn again.
const NEWS_MAX: usize = 32;
/// After this time too.
const TURN: Duration = Duration::from_millis(5);
/// The most addresses that are kept of a peer.
const ADDRESSES_MAX: usize = 4;

/// What comes from outside and goes there.
pub struct Abroad {
    lane: Lane,
    judging: Judging,
    blobs: Arc<Blobs>,
    /// The network, once it is open.
    peers: Option<Arc<Peers>>,
    /// Where peers were reached.
    addresses: BTreeMap<KeyId, Vec<SocketAddr>>,
    /// The nodes that may connect.
    admitted: BTreeMap<KeyId, (PublicKey, Name)>,
    /// The nodes that were met since the start.
    met: BTreeSet<Name>,
    /// The block of main whose files were looked through for missing chunks.
    looked_at: Option<BlockId>,
}

impl Abroad {
    /// Before there is a network.
    pub fn new(lane: Lane, judging: Judging, blobs: Arc<Blobs>) -> Self {
        let (addresses, admitted, met) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        Self { lane, judging, blobs, peers: None, addresses, admitted, met, looked_at: None }
    }

    /// Whether nothing waits to be heard.
    pub fn is_quiet(&self) -> bool {
        self.lane.is_empty()
    }
}

impl Work {
    /// The network is open: those who may are admitted, and dialled where they were last.
    pub(super) fn network(&mut self, peers: Arc<Peers>) {
        self.abroad.addresses = self.core.addresses().into_iter().collect();
        self.abroad.peers = Some(peers);
        self.admit();
        self.look_for_chunks();
    }

    /// Says to the network who may connect, and where those are who are not found otherwise.
    pub(super) fn admit(&mut self) {
        let Some(peers) = &self.abroad.peers else { return };
        let (own, nodes) = (self.core.node().clone(), self.core.view().node_keys());
        if nodes == self.abroad.admitted {
            return;
        }
        peers.admit(nodes.values().filter(|(_, name)| *name != own).map(|(key, _)| key.clone()));
        for (id, (_, name)) in &nodes {
            let (said, last) = (self.core.known_addresses(name), self.abroad.addresses.get(id));
            said.into_iter().chain(last.map(Vec::as_slice)).for_each(|at| peers.dial(*id, at));
        }
        self.abroad.admitted = nodes;
    }

    /// Has the chunks looked for that the ledger's files need and this box lacks, beside this thread.
    pub(super) fn look_for_chunks(&mut self) {
        let (Some(peers), view) = (&self.abroad.peers, self.core.view().clone()) else { return };
        if self.abroad.looked_at.replace(view.head) == Some(view.head) {
            return;
        }
        let blobs = self.abroad.blobs.clone();
        peers.aside(move || match blobs.missing(view.files()) {
            Ok(missing) => Some(News::Missing(missing)),
            Err(error) => {
                tracing::warn!(error = %chain(&error), "it is not known which chunks are missing");
                None
            }
        });
    }

    /// Hears what waits in the lane, for a short while.
    pub(super) fn hear(&mut self) {
        let begun = Instant::now();
        for _ in 0..NEWS_MAX {
            let Some(news) = self.abroad.lane.take() else { break };
            if let Err(error) = self.take_news(news) {
                self.block_trouble = trouble(&error).or(self.block_trouble.take());
                self.failed(error);
            }
            self.carry_out_effects();
            if begun.elapsed() > TURN {
                break;
            }
        }
        self.tell_heard();
    }

    fn take_news(&mut self, news: News) -> Result<(), CoreError> {
        match news {
            News::Up { peer, addresses } => {
                self.remember(peer, addresses);
                self.meet(peer)?;
                self.core.connected(peer)
            }
            News::Down { peer } => self.core.disconnected(peer),
            News::Frame { peer, bytes } => self.core.frame(peer, &bytes),
            News::Asked { peer, bytes, reply } => self.asked(peer, &bytes, reply),
            News::Served { peer, bytes } => self.core.served(peer, bytes),
            News::Answer { peer, id, bytes } => self.core.answered(peer, id, bytes.as_deref()),
            News::Missing(chunks) => {
                self.core.want_chunks(chunks)?;
                // Nothing is missing of the files: then what an update wants was forgotten with the rest.
                self.want_for_updates(self.abroad.blobs.transit().wanted())
            }
            News::Wanted(chunks) => self.want_for_updates(chunks),
            News::Unwanted(chunks) => self.core.unwant_chunks(&chunks),
            News::ChunksKept { id, kept } => self.core.chunks_stored(id, kept),
            News::Judged { task, outcome } => self.core.judged(task, outcome),
        }
    }

    fn want_for_updates(&mut self, chunks: Vec<(ChunkId, u32)>) -> Result<(), CoreError> {
        if chunks.is_empty() { Ok(()) } else { self.core.want_chunks(chunks) }
    }

    /// Whoever is met hears of this box's newest key. Once all were, it need not go by an older one.
    fn meet(&mut self, peer: KeyId) -> Result<(), CoreError> {
        let nodes = self.core.view().final_node_keys();
        self.abroad.met.extend(nodes.get(&peer).map(|(_, name)| name.clone()));
        let is_met = |name: &Name| name == self.core.node() || self.abroad.met.contains(name);
        if nodes.values().all(|(_, name)| is_met(name)) { self.core.all_are_met() } else { Ok(()) }
    }

    fn asked(&mut self, peer: KeyId, bytes: &[u8], reply: Reply) -> Result<(), CoreError> {
        match (self.core.asked(peer, bytes)?, &self.abroad.peers) {
            (Asked::Serve { request, budget }, Some(peers)) => peers.serve(peer, request, budget, reply),
            (Asked::Answer(answer), _) => reply.send(answer.to_bytes()),
            // The reply is dropped, which refuses the request.
            _ => {}
        }
        Ok(())
    }

    /// Does what the replica wants done. Nothing here waits.
    pub(super) fn carry_out_effects(&mut self) {
        let (mut moved, mut said) = (false, false);
        for effect in self.core.take_effects() {
            match effect {
                Effect::Moved { .. } | Effect::Tentative => moved = true,
                Effect::Misdeed { peer, misdeed } => {
                    tracing::warn!(%peer, %misdeed, "a peer did something wrong");
                    said = true;
                }
                Effect::Clone { key, a, b } => {
                    tracing::error!(%key, a = %a.short(), b = %b.short(), "a key is in use twice: a copied card, or an old backup");
                    said = true;
                }
                Effect::Evidence(evidence) => {
                    tracing::error!(key = %evidence.by(), "a validator voted twice; the evidence is kept");
                    said = true;
                }
                Effect::Trouble(trouble) => tracing::error!(trouble, "the vote"),
                Effect::Absent(chunks) => {
                    let given_up = self.abroad.blobs.transit().absent(&chunks);
                    if let Err(error) = self.core.unwant_chunks(&given_up) {
                        self.failed(error);
                    }
                }
                Effect::Judge(task) => self.abroad.judging.ask(task),
                other => self.send_abroad(other),
            }
        }
        if said {
            self.tell();
        } else if moved {
            self.tell_moved();
        }
    }

    fn send_abroad(&self, effect: Effect) {
        let Some(peers) = &self.abroad.peers else { return };
        match effect {
            Effect::Send { peer, frame } => peers.send(peer, frame),
            Effect::Request { peer, id, bytes, max_bytes } => peers.request(peer, id, bytes, max_bytes),
            Effect::Close { peer, reason } => {
                tracing::info!(%peer, %reason, "a connection is closed");
                peers.close(peer);
            }
            Effect::Chunks { id, chunks } => keep_chunks(peers, self.abroad.blobs.clone(), id, chunks),
            _ => {}
        }
    }

    /// Keeps where a peer was reached, for the next start.
    fn remember(&mut self, peer: KeyId, mut addresses: Vec<SocketAddr>) {
        addresses.truncate(ADDRESSES_MAX);
        if addresses.is_empty() || self.abroad.addresses.get(&peer) == Some(&addresses) {
            return;
        }
        self.abroad.addresses.insert(peer, addresses);
        let known = self.core.view().node_keys();
        self.abroad.addresses.retain(|peer, _| known.contains_key(peer));
        let list: Vec<_> = self.abroad.addresses.iter().map(|(peer, list)| (*peer, list.clone())).collect();
        if let Err(error) = self.core.keep_addresses(&list) {
            // Only convenience is lost: the next start finds peers by mDNS, or is found by them.
            tracing::warn!(error = %chain(&error), "where peers are was not kept");
        }
    }
}

fn keep_chunks(peers: &Peers, blobs: Arc<Blobs>, id: RequestId, chunks: Vec<ArrivedChunk>) {
    peers.aside(move || {
        let pass = |chunk: ArrivedChunk| blobs.transit().pass(&chunk.id, chunk.bytes);
        let chunks: Vec<Vec<u8>> = chunks.into_iter().filter_map(pass).collect();
        let kept = if chunks.is_empty() { Ok(()) } else { blobs.keep(&chunks) };
        if let Err(error) = &kept {
            tracing::error!(error = %chain(error), "chunks that came were not kept");
        }
        Some(News::ChunksKept { id, kept: kept.is_ok() })
    });
}
