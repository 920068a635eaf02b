//! Drafts of blocks.
use crate::{
    block::BlockError, check::BlockFault, object::Objects, sign::Draft, state::StateError,
    trailers::MessageError, tree::TreeError,
};
use model::{BlockId, Event, EventError, KeyId, Millis, Name, StatePath};

/// A file to write, or to remove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Where.
    pub path: StatePath,
    /// The new bytes; `None` removes the file. Documents may be any TOML, they are stored in canonical form.
    pub content: Option<Vec<u8>>,
}

/// Who writes a block, when, and what people read about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meta {
    /// The key that will sign.
    pub author: KeyId,
    /// The clock; a block is never dated before its parents, whatever the clock says.
    pub at: Millis,
    /// The subject line.
    pub subject: String,
    /// The dapp for which documents are written.
    pub dapp: Option<Name>,
}

/// The beginning of an organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Genesis {
    /// The founder's key, whose document is among `documents`.
    pub founder: KeyId,
    /// When.
    pub at: Millis,
    /// The subject line.
    pub subject: String,
    /// The first state: org.toml, policy.toml, keys/, branches/main.toml, and what else there is.
    pub documents: Vec<Change>,
}

/// What came of a merge.
#[derive(Debug, Clone, PartialEq)]
pub struct Merged {
    /// The merge block to sign; `None` if no head brings anything.
    pub draft: Option<Draft>,
    /// Heads whose documents were left out, and why. Those that are in the draft's parents brought their events.
    pub left_out: Vec<(BlockId, Reason)>,
}

/// Why a head's documents were left out.
#[derive(Debug, Clone, PartialEq)]
pub enum Reason {}

/// A block that cannot be drafted.
#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    /// It would break a rule.
    #[error(transparent)]
    Refused(#[from] BlockFault),
    /// A block could not be read.
    #[error(transparent)]
    Block(#[from] BlockError),
    /// A tree could not be read or written.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The state could not be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// The subject does not fit.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// An event does not fit.
    #[error(transparent)]
    Event(#[from] EventError),
}

/// The first block of an organisation.
pub fn genesis(genesis: Genesis) -> Result<Draft, DraftError> {
    let _ = genesis;
    todo!()
}

/// A block of documents on `main`, after the writer's `own` last block if it has any, merged or not.
pub fn document_block(
    objects: &dyn Objects,
    main: BlockId,
    own: Option<BlockId>,
    changes: &[Change],
    meta: Meta,
) -> Result<Draft, DraftError> {
    let _ = (objects, main, own, changes, meta);
    todo!()
}

/// A block of a node's events on `main`, after the node's `own` last block if it has any, merged or not.
pub fn event_block(
    objects: &dyn Objects,
    main: BlockId,
    own: Option<BlockId>,
    node: &Name,
    events: &[Event],
    meta: Meta,
) -> Result<Draft, DraftError> {
    let _ = (objects, main, own, node, events, meta);
    todo!()
}

/// A merge block: `heads` taken into main.
pub fn merge_block(
    objects: &dyn Objects,
    main: BlockId,
    heads: &[BlockId],
    meta: Meta,
) -> Result<Merged, DraftError> {
    let _ = (objects, main, heads, meta);
    todo!()
}
