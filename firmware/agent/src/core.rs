//! The ledger of this box, written: events into the log and into blocks, documents and proposals into main.
//!
//! Synchronous and used by one thread at a time: ledgerd's keeper, or ledgerctl while no ledgerd runs. Every block
//! that enters the store was checked by [`ledger`], its own included. Main moves by merge blocks signed by
//! this node; events that wait go along with whatever moves it. After an error of the write-ahead log the
//! store is opened anew, because what reached the disk is unknown; acknowledged events are there again then.

mod error;
mod fault;
mod finish;
mod history;
mod propose;

pub use error::{CoreError, Fault};

use crate::{
    clock::LedgerClock,
    home::Home,
    view::View,
    wire::{EventCounts, Merged},
};
use board::Clock;
use ledger::{Block, Change, Layered, Meta, NewObjects, Objects};
use model::{BlockId, Event, KeyId, Millis, Name, SigningKey};
use std::sync::Arc;
use store::{GitObjects, NewEvent, Options, RefName, Store, disk::Disk};

/// The most events of one block.
pub const BLOCK_EVENTS: usize = 256;
/// The most bytes of events in one block; a single event has at most 16 KiB.
pub const BLOCK_BYTES: usize = 64 * 1024;

/// The writer.
pub struct Core {
    home: Home,
    disk: Arc<dyn Disk>,
    /// None after the log failed, until it can be opened again.
    store: Option<Store>,
    objects: GitObjects,
    key: SigningKey,
    clock: Arc<LedgerClock>,
    view: Arc<View>,
    counts: EventCounts,
}

impl Core {
    /// Opens the ledger of a home for writing; nobody else may have it open.
    pub fn open(home: &Home, disk: Arc<dyn Disk>, machine: Arc<dyn Clock>) -> Result<Self, CoreError> {
        let key = home.node_key()?;
        let store = open_store(home, &disk, &key)?;
        let objects = store.objects();
        let main = store.head(&RefName::main())?.ok_or(CoreError::NoMain)?;
        let view = Arc::new(View::load(&objects, home.org(), main, None)?);
        let newest = store.pending().last().map_or(view.head_at, |event| event.at.max(view.head_at));
        let clock = Arc::new(LedgerClock::new(machine, newest));
        let mut core = Self {
            home: home.clone(),
            disk,
            store: None,
            objects,
            key,
            clock,
            view,
            counts: EventCounts::default(),
        };
        core.take(store);
        core.finish_merges();
        Ok(core)
    }

    /// The time that goes into events and blocks.
    pub fn clock(&self) -> &Arc<LedgerClock> {
        &self.clock
    }

    /// The newest state of main.
    pub fn view(&self) -> &Arc<View> {
        &self.view
    }

    /// The objects, to read.
    pub fn objects(&self) -> &GitObjects {
        &self.objects
    }

    /// This node's name.
    pub fn node(&self) -> &Name {
        self.home.node()
    }

    /// How many events there are, and wait.
    pub fn counts(&self) -> EventCounts {
        self.counts.clone()
    }

    /// Durable events that are in no block yet.
    pub fn pending(&self) -> &[Event] {
        self.store.as_ref().map_or(&[], Store::pending)
    }

    /// Whether the events that wait fill a block.
    pub fn is_block_full(&self) -> bool {
        let pending = self.pending();
        pending.len() >= BLOCK_EVENTS || pending.iter().map(line_bytes).sum::<usize>() >= BLOCK_BYTES
    }

    /// When the oldest event that waits happened.
    pub fn oldest_pending(&self) -> Option<Millis> {
        self.pending().first().map(|event| event.at)
    }

    /// Makes events durable, all with one sync.
    pub fn append(&mut self, events: &[NewEvent]) -> Result<Vec<Event>, CoreError> {
        let appended = self.store()?.append(events);
        match appended {
            Ok(events) => {
                self.count();
                Ok(events)
            }
            Err(error) => {
                // What reached the disk is unknown; opening it again tells.
                self.store = None;
                Err(error.into())
            }
        }
    }

    /// Puts the events that wait into blocks and merges them into main.
    pub fn flush(&mut self) -> Result<Merged, CoreError> {
        let mut new = NewObjects::default();
        match self.event_blocks(&mut new)? {
            Some((head, last)) => self.merge(new, &[head], Some(last)),
            None => Ok(self.merged()),
        }
    }

    /// Writes documents by this node's key, for a dapp, and merges them into main.
    pub fn write_documents(
        &mut self,
        dapp: Option<Name>,
        subject: String,
        changes: &[Change],
    ) -> Result<Merged, CoreError> {
        let mut new = NewObjects::default();
        let events = self.event_blocks(&mut new)?;
        let own = match events {
            Some((head, _)) => Some(head),
            None => self.own_head()?,
        };
        let meta = Meta { author: self.key_id(), at: self.clock.now(), subject, dapp };
        let objects = Layered { new: &new, base: &self.objects };
        let block = ledger::document_block(&objects, self.view.head, own, changes, meta)?.sign(&self.key)?;
        new.extend(block.objects);
        self.merge(new, &[block.id], events.map(|(_, last)| last))
    }

    /// Merges small packs; worth doing when nothing else is.
    pub fn tidy(&mut self) -> Result<(), CoreError> {
        self.store()?.consolidate()?;
        Ok(())
    }

    /// Makes blocks of all events that wait. The newest of them and its last event's count; none if none wait.
    fn event_blocks(&mut self, new: &mut NewObjects) -> Result<Option<(BlockId, u64)>, CoreError> {
        let (author, at) = (self.key_id(), self.clock.now());
        let mut own = self.own_head()?;
        let mut made = None;
        for events in batches(self.store()?.pending()) {
            let subject = match events.len() {
                1 => "1 event".to_string(),
                count => format!("{count} events"),
            };
            let meta = Meta { author, at, subject, dapp: None };
            let objects = Layered { new, base: &self.objects };
            let draft = ledger::event_block(&objects, self.view.head, own, self.home.node(), &events, meta)?;
            let block = draft.sign(&self.key)?;
            new.extend(block.objects);
            own = Some(block.id);
            made = events.last().map(|event| (block.id, event.seq));
        }
        Ok(made)
    }

    /// Merges heads into main, all of them or nothing, and makes everything durable.
    fn merge(
        &mut self,
        mut new: NewObjects,
        heads: &[BlockId],
        last: Option<u64>,
    ) -> Result<Merged, CoreError> {
        let objects = Layered { new: &new, base: &self.objects };
        let subject = format!("Merge {} into main", writers(&objects, heads)?);
        let meta = Meta { author: self.key_id(), at: self.clock.now(), subject, dapp: None };
        let merged = ledger::merge_block(&objects, self.view.head, heads, meta)?;
        if let Some((block, reason)) = merged.left_out.into_iter().next() {
            return Err(CoreError::LeftOut { block, reason: Box::new(reason) });
        }
        let Some(draft) = merged.draft else { return Ok(self.merged()) };
        let moves =
            heads.iter().map(|head| Ok((RefName::writer(Block::read(&objects, *head)?.author), *head)));
        let mut moves = moves.collect::<Result<Vec<_>, CoreError>>()?;
        let block = draft.sign(&self.key)?;
        moves.push((RefName::main(), block.id));
        new.extend(block.objects);
        self.store()?.commit(&new, &moves)?;
        if let Some(last) = last {
            self.store()?.events_in_blocks(last)?;
        }
        self.look()?;
        Ok(self.merged())
    }

    /// Reads main anew after it moved.
    fn look(&mut self) -> Result<(), CoreError> {
        let main = self.store()?.head(&RefName::main())?.ok_or(CoreError::NoMain)?;
        if main != self.view.head {
            self.view = Arc::new(View::load(&self.objects, self.home.org(), main, Some(&self.view))?);
            self.clock.saw_block(self.view.head_at);
        }
        self.count();
        Ok(())
    }

    fn merged(&self) -> Merged {
        Merged { block: self.view.head, height: self.view.height }
    }

    /// The id of the node's own key.
    pub fn key_id(&self) -> KeyId {
        self.key.public().id()
    }

    fn own_head(&mut self) -> Result<Option<BlockId>, CoreError> {
        let name = RefName::writer(self.key_id());
        Ok(self.store()?.head(&name)?)
    }

    fn store(&mut self) -> Result<&mut Store, CoreError> {
        if self.store.is_none() {
            let store = open_store(&self.home, &self.disk, &self.key)?;
            self.take(store);
            self.look()?;
        }
        self.store.as_mut().ok_or(CoreError::NoMain)
    }

    fn take(&mut self, store: Store) {
        for damage in &store.recovery().damage {
            tracing::error!(?damage, "the write-ahead log is damaged: acknowledged events were lost");
        }
        self.objects = store.objects();
        self.store = Some(store);
        self.count();
    }

    fn count(&mut self) {
        if let Some(store) = &self.store {
            self.counts = EventCounts { durable: store.last_seq(), pending: store.pending().len() as u64 };
        }
    }
}

fn open_store(home: &Home, disk: &Arc<dyn Disk>, key: &SigningKey) -> Result<Store, CoreError> {
    let options = Options { writer: Some(key.public().id()), ..Options::default() };
    Ok(Store::open(home.folder(), disk.clone(), options)?)
}

/// Splits events into blocks: so many at most, of so many bytes at most.
fn batches(events: &[Event]) -> Vec<Vec<Event>> {
    let (mut batches, mut bytes): (Vec<Vec<Event>>, usize) = (Vec::new(), 0);
    for event in events {
        let length = line_bytes(event);
        match batches.last_mut() {
            Some(batch) if batch.len() < BLOCK_EVENTS && bytes + length <= BLOCK_BYTES => {
                batch.push(event.clone());
                bytes += length;
            }
            _ => {
                batches.push(vec![event.clone()]);
                bytes = length;
            }
        }
    }
    batches
}

fn line_bytes(event: &Event) -> usize {
    // An event that is too long was never appended.
    event.to_line().map_or(0, |line| line.len())
}

fn writers(objects: &dyn Objects, heads: &[BlockId]) -> Result<String, CoreError> {
    let names = heads.iter().map(|head| Ok(Block::read(objects, *head)?.author_name.to_string()));
    let mut names = names.collect::<Result<Vec<_>, CoreError>>()?;
    names.sort();
    names.dedup();
    Ok(names.join(" and "))
}
