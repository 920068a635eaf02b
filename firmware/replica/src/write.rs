//! What this box writes: its node's events and documents, and the blocks of people who are at it.
//!
//! Whatever the host was told is written is durable. With a sole validator the writer's blocks and the merge
//! block are one commit, so a write is final when the call returns; else it waits on its writer's line.

use crate::{BLOCK_BYTES, BLOCK_EVENTS, Depot, Main, Now, Replica, ReplicaError, Status, intake};
use ledger::{Change, Layered, Meta, NewObjects};
use model::{BlockId, Event, KeyId, Name};

/// Documents to write by the node's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Documents {
    /// The dapp for which they are written.
    pub dapp: Option<Name>,
    /// What people read about it.
    pub subject: String,
    /// The changes.
    pub changes: Vec<Change>,
}

/// What came of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The newest block that was written; `None` if there was nothing to write.
    pub head: Option<BlockId>,
    /// Where it stands.
    pub status: Status,
    /// The newest final block.
    pub main: BlockId,
    /// Its height.
    pub height: u64,
    /// The number of the last event that is in a block now, of those that were given.
    pub last_event: Option<u64>,
}

/// Blocks of one call, made and not stored yet.
#[derive(Default)]
pub(crate) struct Draftsheet {
    pub(crate) new: NewObjects,
    /// The newest block of each writer among them.
    pub(crate) heads: Vec<(KeyId, BlockId)>,
    last_event: Option<u64>,
}

impl<D: Depot> Replica<D> {
    /// Puts the node's events into blocks.
    pub fn write_events(&mut self, node: &Name, events: &[Event], now: Now) -> Result<Written, ReplicaError> {
        let mut sheet = Draftsheet::default();
        self.draft_events(node, events, now, &mut sheet)?;
        self.write(sheet, now)
    }

    /// Writes documents by the node's key; events that wait go along.
    pub fn write_documents(
        &mut self,
        node: &Name,
        events: &[Event],
        documents: Documents,
        now: Now,
    ) -> Result<Written, ReplicaError> {
        let mut sheet = Draftsheet::default();
        self.draft_events(node, events, now, &mut sheet)?;
        let (author, Documents { dapp, subject, changes }) = (self.key_id(), documents);
        let own = sheet.heads.first().map(|(_, head)| *head).or(self.head_of(&author));
        let meta = Meta { author, at: now.clock, subject, dapp };
        let objects = Layered { new: &sheet.new, base: self.depot.objects() };
        let draft = ledger::document_block(&objects, self.main.block, own, &changes, meta)?;
        let block = draft.sign(&self.options.key)?;
        sheet.new.extend(block.objects);
        sheet.heads = vec![(author, block.id)];
        self.write(sheet, now)
    }

    /// Takes in somebody's new blocks, all of them checked, or none; events that wait go along. Objects that no new block
    /// reaches are dropped.
    pub fn accept(
        &mut self,
        node: &Name,
        events: &[Event],
        head: BlockId,
        objects: &NewObjects,
        now: Now,
    ) -> Result<Written, ReplicaError> {
        let (writer, new) = intake::check(self.depot.objects(), head, objects)?;
        let mut sheet = Draftsheet { new, ..Draftsheet::default() };
        self.draft_events(node, events, now, &mut sheet)?;
        sheet.heads.push((writer, head));
        self.write(sheet, now)
    }

    fn draft_events(
        &self,
        node: &Name,
        events: &[Event],
        now: Now,
        sheet: &mut Draftsheet,
    ) -> Result<(), ReplicaError> {
        let author = self.key_id();
        let mut own = self.head_of(&author);
        for batch in batches(events) {
            let subject = match batch.len() {
                1 => "1 event".to_string(),
                count => format!("{count} events"),
            };
            let meta = Meta { author, at: now.clock, subject, dapp: None };
            let objects = Layered { new: &sheet.new, base: self.depot.objects() };
            let draft = ledger::event_block(&objects, self.main.block, own, node, batch, meta)?;
            let block = draft.sign(&self.options.key)?;
            sheet.new.extend(block.objects);
            own = Some(block.id);
            sheet.heads = vec![(author, block.id)];
            sheet.last_event = batch.last().map(|event| event.seq);
        }
        Ok(())
    }

    /// Stores what was drafted, merged if that can be done at once.
    fn write(&mut self, sheet: Draftsheet, now: Now) -> Result<Written, ReplicaError> {
        let (last_event, head) = (sheet.last_event, sheet.heads.last().map(|(_, head)| *head));
        if head.is_some() {
            self.settle(sheet, now)?;
        }
        let Main { block: main, height, .. } = self.main;
        let status = head.map_or(Ok(Status::Final { height }), |head| self.status_of(head))?;
        self.pump(now)?;
        Ok(Written { head, status, main, height, last_event })
    }
}

/// Splits events into blocks: so many at most, of so many bytes at most.
fn batches(events: &[Event]) -> Vec<&[Event]> {
    let (mut batches, mut start, mut bytes) = (Vec::new(), 0, 0);
    for (index, event) in events.iter().enumerate() {
        // An event that is too long was never appended.
        let length = event.to_line().map_or(0, |line| line.len());
        if index > start && (index - start == BLOCK_EVENTS || bytes + length > BLOCK_BYTES) {
            batches.push(&events[start..index]);
            (start, bytes) = (index, 0);
        }
        bytes += length;
    }
    batches.extend(Some(&events[start..]).filter(|rest| !rest.is_empty()));
    batches
}
