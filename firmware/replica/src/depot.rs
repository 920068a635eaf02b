//! The port to what survives a power cut: objects, references, and small notes.
//!
//! The agent's side is `store`; [`MemoryDepot`](crate::MemoryDepot) is the obedient fake. Whatever a call says is kept is
//! durable when the call returns. A commit stores all objects before the first reference moves, and
//! moves references in the order given; a power cut may stop it between two of them.

use ledger::{NewObjects, Objects};
use model::{BlockId, RefName};
use std::{collections::BTreeMap, error::Error};

/// A place for one box's copy of the ledger.
pub trait Depot {
    /// The objects, to read.
    fn objects(&self) -> &dyn Objects;

    /// The block that a reference points to, if it is there.
    fn head(&self, name: &RefName) -> Result<Option<BlockId>, DepotError>;

    /// All references.
    fn refs(&self) -> Result<BTreeMap<RefName, BlockId>, DepotError>;

    /// Stores new objects, then moves references in their order; durable on return.
    fn commit(&mut self, new: &NewObjects, moves: &[(RefName, BlockId)]) -> Result<(), DepotError>;

    /// A note as it was last kept; a note is a small file of the box's own, no part of the ledger.
    fn note(&self, name: &str) -> Result<Option<Vec<u8>>, DepotError>;

    /// Replaces a note in one step; durable on return. Empty bytes remove it.
    fn keep_note(&mut self, name: &str, bytes: &[u8]) -> Result<(), DepotError>;
}

/// The depot failed. Nothing is known of what it was doing; a commit may have moved some of its references.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing}")]
pub struct DepotError {
    /// What it was doing, as in "store new blocks".
    pub doing: &'static str,
    /// Whether there is no room left.
    pub is_full: bool,
    /// What went wrong.
    #[source]
    pub source: Box<dyn Error + Send + Sync>,
}
