//! What the people of the organisation do: badges at readers, documents written, keys revoked.

use crate::{
    agenda::What,
    founding::{FORBIDDEN, PEOPLE, change, key_document},
    report::Failure,
    world::World,
};
use ledger::{Change, DraftError, Meta};
use model::{Event, Millis, SigningKey};
use replica::{MemoryDepot, Now, Replica, ReplicaError};

/// The people, and what they have done.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) people: Vec<SigningKey>,
    /// Documents written so far.
    written: u64,
    /// Events as they were acknowledged, for each key's box.
    pub(crate) lines: std::collections::BTreeMap<(usize, u64), String>,
}

impl Load {
    pub(crate) fn new(people: Vec<SigningKey>) -> Self {
        Self { people, written: 0, lines: Default::default() }
    }
}

impl World {
    /// A badge at a reader: durable in the write-ahead log, then acknowledged.
    pub(crate) fn tap(&mut self, place: usize) -> Result<(), Failure> {
        if self.healed.is_some() {
            return Ok(());
        }
        let again = self.dice.pause(self.plan.tap_every.0);
        self.later(again, What::Tap(place));
        let elapsed = self.now;
        let node = &mut self.nodes[place];
        if !node.is_on() {
            return Ok(());
        }
        let (dapp, kind) = ("doorbot".parse(), "access".parse());
        let (dapp, kind) = dapp.ok().zip(kind.ok()).expect("because both are names");
        let mut data = serde_json::Map::new();
        data.insert("place".into(), place.into());
        let event = Event { at: node.now(elapsed).clock, dapp, data, kind, seq: node.last_event + 1 };
        node.last_event += 1;
        let line = event.to_line().expect("because it is short");
        self.load.lines.insert((place, event.seq), line);
        node.wal.push(event);
        Ok(())
    }

    /// A box puts the events that wait into blocks.
    pub(crate) fn flush(&mut self, place: usize) -> Result<(), Failure> {
        let again = self.dice.between(2_000, 6_000);
        self.later(again, What::Flush(place));
        let node = &mut self.nodes[place];
        if node.wal.is_empty() {
            return Ok(());
        }
        let (now, name, events) = (node.now(self.now), node.name.clone(), node.wal.clone());
        let Some(replica) = node.replica() else { return Ok(()) };
        match replica.write_events(&name, &events, now) {
            Ok(written) => {
                let last = written.last_event.unwrap_or(0);
                node.wal.retain(|event| event.seq > last);
                self.after(place, Ok(()))
            }
            Err(error) => self.after_write(place, error),
        }
    }

    /// A write may be refused: its author is revoked by now, the disk is full.
    fn after_write(&mut self, place: usize, error: ReplicaError) -> Result<(), Failure> {
        let refused = matches!(
            &error,
            ReplicaError::Draft(DraftError::Refused(_) | DraftError::State(_)) | ReplicaError::LeftOut { .. }
        );
        let done = if refused { Ok(()) } else { Err(error) };
        self.after(place, done)
    }

    /// A person writes a document at the box where that person always is.
    pub(crate) fn write(&mut self) -> Result<(), Failure> {
        if self.healed.is_some() {
            return Ok(());
        }
        let again = self.dice.pause(self.plan.write_every.0);
        self.later(again, What::Write);
        let person = self.dice.index(PEOPLE.len());
        let changes = self.changes(person);
        let key = self.person(person);
        let place = person % self.plan.nodes;
        let node = &mut self.nodes[place];
        let now = node.now(self.now);
        let Some(replica) = node.replica() else { return Ok(()) };
        match propose(replica, &key, &changes, now) {
            Ok(()) => self.after(place, Ok(())),
            Err(error) => self.after_write(place, *error),
        }
    }

    /// What a person writes: mostly a note on somebody, at times something for the judge, seldom a revocation.
    fn changes(&mut self, person: usize) -> Vec<Change> {
        self.load.written += 1;
        let number = self.load.written;
        if person == 0 && self.dice.permille(150) {
            // Alice revokes somebody else of the staff.
            let other = 1 + self.dice.index(PEOPLE.len() - 1);
            let at = Millis(crate::founding::BEGIN.0 + self.now.0);
            return vec![key_document(&format!("person:{}", PEOPLE[other]), &self.person(other), Some(at))];
        }
        let bad = self.dice.permille(250);
        let note = if bad { format!("{FORBIDDEN} {number}") } else { format!("note {number}") };
        let path = match self.dice.below(3) {
            _ if bad => format!("desk/things/thing-{}.toml", self.dice.below(4)),
            0 => format!("desk/things/thing-{}.toml", self.dice.below(4)),
            _ => format!("people/member-{}.toml", self.dice.below(6)),
        };
        self.book.wrote(note.clone(), self.person(person).public().id());
        vec![change(&path, &format!("name = \"A thing\"\nnote = \"{note}\"\n"))]
    }
}

/// Drafts a person's block on what a box knows, and gives it to the box.
fn propose(
    replica: &mut Replica<MemoryDepot>,
    key: &SigningKey,
    changes: &[Change],
    now: Now,
) -> Result<(), Box<ReplicaError>> {
    let author = key.public().id();
    let meta = Meta { author, at: now.clock, subject: "A change".into(), dapp: None };
    let (main, own) = (replica.main().block, replica.head_of(&author));
    let draft =
        ledger::document_block(replica.objects(), main, own, changes, meta).map_err(ReplicaError::from)?;
    let block = draft.sign(key).map_err(ReplicaError::from)?;
    let node: model::Name = "none".parse().expect("because it is a name");
    replica.accept(&node, &[], block.id, &block.objects, now).map(drop).map_err(Box::new)
}
