//! What must hold after every step, whatever happens.
//!
//! The first box whose main comes to a height fixes what that height is; every other must find the same. Each new
//! height is looked at once, from the objects of the box that came to it: the merge is made again, who is revoked is
//! revoked for good, and nothing that a revoked key wrote comes in any more.

use crate::founding::FORBIDDEN;
use ledger::{Block, BlockFault, Difference, Kind, LoadError, Objects, State, StateError, check_block, diff};
use model::{BlockId, Document, KeyId, ObjectId, StatePath};
use std::collections::BTreeMap;

/// A rule of the whole that did not hold.
#[derive(Debug, thiserror::Error)]
pub enum Violation {
    /// Two final blocks at one height.
    #[error("height {height} is {a} at one box and {b} at another")]
    Split {
        /// The height.
        height: u64,
        /// The block of the first.
        a: BlockId,
        /// The block of the other.
        b: BlockId,
    },
    /// A final block that cannot be repeated from the ledger.
    #[error("the final block {block} does not repeat: {fault}")]
    Repeat {
        /// The block.
        block: BlockId,
        /// Why.
        fault: Box<BlockFault>,
    },
    /// A mark that was taken back.
    #[error("{path} is revoked no more at height {height}")]
    Unrevoked {
        /// Where.
        path: StatePath,
        /// When.
        height: u64,
    },
    /// A revoked key's writing that came in later.
    #[error("{path} has what {key} wrote, at height {height}, and the key was revoked at height {since}")]
    Regained {
        /// Where.
        path: StatePath,
        /// Whose.
        key: KeyId,
        /// When.
        height: u64,
        /// Since when it is revoked.
        since: u64,
    },
    /// What the judge does not let pass.
    #[error("{path} has at height {height} what its judge does not let pass")]
    Unjudged {
        /// Where.
        path: StatePath,
        /// When.
        height: u64,
    },
    /// An acknowledged event that is nowhere.
    #[error("{node} has acknowledged {acknowledged} events; {found} are there {place}")]
    Lost {
        /// Whose.
        node: String,
        /// The number of the last one.
        acknowledged: u64,
        /// How many were found.
        found: u64,
        /// Where it was looked.
        place: &'static str,
    },
    /// An event that reads otherwise than when it was acknowledged.
    #[error("event {seq} of {node} is not what was acknowledged")]
    Altered {
        /// Whose.
        node: String,
        /// Its number.
        seq: u64,
    },
    /// A copied card that still counts.
    #[error("the key of {node} is in use twice and is not revoked on main")]
    CloneCounts {
        /// Whose.
        node: String,
    },
    /// Boxes that do not agree long after all is healed.
    #[error("after {ms} ms without a fault the boxes do not agree: {what}")]
    Apart {
        /// How long it is.
        ms: u64,
        /// Who is where.
        what: String,
    },
    /// A box failed where nothing was wrong with it.
    #[error("{node}: {error}")]
    Failed {
        /// Which.
        node: String,
        /// How.
        error: String,
    },
    /// The ledger does not verify.
    #[error("the ledger of {node} does not verify: {error}")]
    Unverified {
        /// Which box's.
        node: String,
        /// Why.
        error: String,
    },
    /// The copy of a box cannot be read by the simulation.
    #[error(transparent)]
    State(#[from] StateError),
}

/// What was seen so far.
#[derive(Debug, Default)]
pub(crate) struct Book {
    heights: BTreeMap<u64, BlockId>,
    /// Who wrote which note.
    notes: BTreeMap<String, KeyId>,
    /// Since which height a key is revoked.
    revoked: BTreeMap<KeyId, u64>,
    /// How many final blocks there are, each counted once.
    pub(crate) blocks: u64,
}

impl Book {
    /// A person writes a note, which nobody writes twice.
    pub(crate) fn wrote(&mut self, note: String, key: KeyId) {
        self.notes.insert(note, key);
    }

    /// Since which height a key is revoked.
    pub(crate) fn revoked_at(&self, key: &KeyId) -> Option<u64> {
        self.revoked.get(key).copied()
    }

    /// A box came to a height.
    pub(crate) fn moved(&mut self, objects: &dyn Objects, height: u64, id: BlockId) -> Result<(), Violation> {
        if let Some(known) = self.heights.get(&height) {
            let (a, b) = (*known, id);
            return if a == b { Ok(()) } else { Err(Violation::Split { height, a, b }) };
        }
        self.heights.insert(height, id);
        self.blocks += 1;
        let block = Block::read(objects, id).map_err(StateError::from)?;
        check_block(objects, &block).map_err(|fault| Violation::Repeat { block: id, fault: fault.into() })?;
        let before = block.main().map(|main| State::at(objects, main)).transpose()?;
        let (old, new) = (before.map(|state| state.tree()), block.tree);
        let changes = diff(objects, old.as_ref(), Some(&new)).map_err(StateError::from)?;
        // Keys first: what is revoked at this height counts for this height.
        for change in changes.iter().filter(|change| change.path.is_within("keys")) {
            self.key_changed(objects, height, change)?;
        }
        let documents = |change: &&Difference| change.path.is_document() && !change.path.is_within("keys");
        changes.iter().filter(documents).try_for_each(|change| self.document_changed(objects, height, change))
    }

    fn key_changed(
        &mut self,
        objects: &dyn Objects,
        height: u64,
        change: &Difference,
    ) -> Result<(), Violation> {
        let is_revoked = |id: Option<ObjectId>| -> Result<bool, Violation> {
            Ok(document(objects, id)?.is_some_and(|document| document.get(&["revoked"]).is_some()))
        };
        let (old, new) = (is_revoked(change.old)?, is_revoked(change.new)?);
        if old && !new {
            return Err(Violation::Unrevoked { path: change.path.clone(), height });
        }
        let key = change.path.as_str().trim_start_matches("keys/").trim_end_matches(".toml").parse();
        if let (true, Ok(key)) = (new, key) {
            self.revoked.entry(key).or_insert(height);
        }
        Ok(())
    }

    fn document_changed(
        &self,
        objects: &dyn Objects,
        height: u64,
        change: &Difference,
    ) -> Result<(), Violation> {
        let note = |id: Option<ObjectId>| -> Result<Option<String>, Violation> {
            let document = document(objects, id)?;
            Ok(document.and_then(|document| document.get(&["note"])?.as_str().map(String::from)))
        };
        let (old, new) = (note(change.old)?, note(change.new)?);
        let Some(new) = new.filter(|new| old.as_ref() != Some(new)) else { return Ok(()) };
        let path = change.path.clone();
        if new.contains(FORBIDDEN) {
            return Err(Violation::Unjudged { path, height });
        }
        let key = self.notes.get(&new).copied();
        match key.and_then(|key| Some((key, self.revoked_at(&key)?))) {
            Some((key, since)) => Err(Violation::Regained { path, key, height, since }),
            None => Ok(()),
        }
    }
}

fn document(objects: &dyn Objects, id: Option<ObjectId>) -> Result<Option<Document>, Violation> {
    let Some(id) = id else { return Ok(None) };
    let object = objects.read(&id).map_err(|error| StateError::from(LoadError::from(error)))?;
    let bytes = object.filter(|object| object.kind == Kind::Blob).map(|object| object.bytes);
    Ok(bytes.and_then(|bytes| Document::parse(&bytes).ok()))
}
