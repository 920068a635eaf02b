//! One box of the tests: a machine, a store in memory, and somebody who does what the machine says.

use crate::house::House;
use ledger::{Block, Layered, MemoryObjects, NewBlock, NewObjects, Objects, check_block};
use model::{BlockId, ChunkId, KeyId, Millis, RefName};
use std::collections::BTreeMap;
use sync::{Action, Arrival, ChunkSource, Conduct, Head, Limits, Misdeed, Reason, RequestId, Server, Sync};

/// How a box lies in its answers; it gets the answer that it should give.
pub type Lie = Box<dyn FnMut(Vec<u8>) -> Vec<u8>>;

/// What the outside has to do for a box.
#[derive(Debug)]
pub enum Outgoing {
    Frame(KeyId, Vec<u8>),
    Ask(KeyId, RequestId, Vec<u8>, u32),
    Close(KeyId),
}

/// A box.
pub struct Site {
    pub node: usize,
    pub key: KeyId,
    pub sync: Sync,
    pub server: Server,
    pub store: MemoryObjects,
    pub refs: BTreeMap<RefName, BlockId>,
    pub chunks: BTreeMap<ChunkId, Vec<u8>>,
    pub gossip: Vec<Vec<u8>>,
    pub misdeeds: Vec<(KeyId, Misdeed)>,
    /// Chunks of which it heard that nobody has them.
    pub absent: Vec<ChunkId>,
    pub closed: Vec<(KeyId, Reason)>,
    pub lie: Option<Lie>,
    /// How long its answers take.
    pub answers_after_ms: u64,
    /// Blocks that were handed out to be stored, whether or not they were here.
    pub blocks_came: usize,
    /// Whether chunks and blocks cannot be stored.
    pub disk_full: bool,
}

impl ChunkSource for Site {
    fn get(&self, id: &ChunkId) -> Option<Vec<u8>> {
        self.chunks.get(id).cloned()
    }
}

impl Site {
    pub fn new(house: &House, node: usize, limits: Limits) -> Self {
        let key = house.key(node);
        let mut sync = Sync::new(key, house.org, "test", limits, Conduct::default());
        let refs = BTreeMap::from([(RefName::main(), house.genesis)]);
        sync.set_heads(heads(&refs), Millis(0));
        Self {
            node,
            key,
            sync,
            server: Server::new(),
            store: house.store(),
            refs,
            chunks: BTreeMap::new(),
            gossip: Vec::new(),
            misdeeds: Vec::new(),
            absent: Vec::new(),
            closed: Vec::new(),
            lie: None,
            answers_after_ms: 0,
            blocks_came: 0,
            disk_full: false,
        }
    }

    pub fn main(&self) -> BlockId {
        self.refs[&RefName::main()]
    }

    pub fn own(&self) -> Option<BlockId> {
        self.refs.get(&RefName::writer(self.key)).copied()
    }

    /// Writes a block of events of its own.
    pub fn write(&mut self, house: &mut House, count: u64, now: Millis) -> BlockId {
        let block = house.events(&self.store, self.node, self.main(), self.own(), count);
        self.take(RefName::writer(self.key), &block, now);
        block.id
    }

    /// Merges all heads that it knows; only the validator's merges keep the rules.
    pub fn merge(&mut self, house: &mut House, now: Millis) -> BlockId {
        let heads: Vec<BlockId> =
            self.refs.iter().filter(|(name, _)| **name != RefName::main()).map(|(_, head)| *head).collect();
        let block = house.merge(&self.store, self.main(), &heads);
        self.take(RefName::main(), &block, now);
        block.id
    }

    fn take(&mut self, name: RefName, block: &NewBlock, now: Millis) {
        self.store.store(&block.objects);
        self.refs.insert(name, block.id);
        self.sync.set_heads(heads(&self.refs), now);
    }

    /// Does what the machine says until it says nothing more; gives what is for others to do.
    pub fn pump(&mut self, now: Millis) -> Vec<Outgoing> {
        let mut outgoing = Vec::new();
        loop {
            let actions = self.sync.actions();
            if actions.is_empty() {
                return outgoing;
            }
            for action in actions {
                outgoing.extend(self.act(action, now));
            }
        }
    }

    fn act(&mut self, action: Action, now: Millis) -> Option<Outgoing> {
        match action {
            Action::Send { peer, frame } => return Some(Outgoing::Frame(peer, frame)),
            Action::Request { peer, id, bytes, max_bytes } => {
                return Some(Outgoing::Ask(peer, id, bytes, max_bytes));
            }
            Action::Close { peer, reason } => {
                self.closed.push((peer, reason));
                return Some(Outgoing::Close(peer));
            }
            Action::Up { .. } => {}
            Action::Blocks { id, .. } | Action::Chunks { id, .. } if self.disk_full => {
                self.sync.failed(id, now);
            }
            Action::Blocks { id, blocks, .. } => self.store_blocks(id, blocks, now),
            Action::Chunks { id, chunks, .. } => {
                self.chunks.extend(chunks.into_iter().map(|chunk| (chunk.id, chunk.bytes)));
                self.sync.stored(id, &self.store, now);
            }
            Action::Absent { chunks } => self.absent.extend(chunks),
            Action::Head { head, .. } => self.hear_of(head, now),
            Action::Gossip { bytes, .. } => {
                self.sync.spread(&bytes, now);
                self.gossip.push(bytes);
            }
            Action::Misdeed { peer, misdeed } => self.misdeeds.push((peer, misdeed)),
        }
        None
    }

    fn store_blocks(&mut self, id: RequestId, blocks: Vec<Arrival>, now: Millis) {
        for Arrival { block, objects } in blocks {
            self.blocks_came += 1;
            let new: NewObjects = objects;
            if check_block(&Layered { new: &new, base: &self.store }, &block).is_err() {
                self.sync.refused(id, Misdeed::Faulty(block.id), &self.store, now);
                return;
            }
            self.store.store(&new);
        }
        self.sync.stored(id, &self.store, now);
    }

    fn hear_of(&mut self, head: Head, now: Millis) {
        let rank = |id| {
            let block = Block::read(&self.store, id).unwrap();
            block.height.or(block.sequence)
        };
        let newer = self.refs.get(&head.name).is_none_or(|ours| rank(*ours) < rank(head.block));
        if newer {
            self.refs.insert(head.name, head.block);
            self.sync.set_heads(heads(&self.refs), now);
        }
    }

    pub fn holds(&self, block: BlockId) -> bool {
        self.store.read(&block.into()).unwrap().is_some()
    }
}

pub fn heads(refs: &BTreeMap<RefName, BlockId>) -> Vec<Head> {
    refs.iter().map(|(name, block)| Head::new(name.clone(), *block)).collect()
}
