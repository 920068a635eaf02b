//! Drafts: blocks before they are signed.
//!
//! A draft is made by the rules that check it: each function builds the block, holds it to
//! [`check_block`](crate::check_block)'s rules but the signature, and refuses what would be refused later, so the
//! writer hears at once what is wrong. Nothing is stored; the objects come along with the draft.

use crate::{
    block::{Block, BlockError},
    check::{BlockFault, check_unsigned},
    ground::{Ground, ground_for_events},
    integrate::{IntegrateError, Reason},
    log,
    merge_check::{Made, check_validator, needed},
    object::{Kind, Layered, NewObjects, Objects},
    rules::RuleError,
    sign::Draft,
    state::{SignerError, State, StateError},
    trailer_values::{VerdictLine, as_reason},
    trailers::{BlockKind, Message, MessageError, check_subject},
    tree::{Edits, Entry, Folder, TreeError, edit},
};
use model::{BlockId, Document, Event, EventError, KeyId, Millis, Name, ObjectId, StatePath};

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
#[derive(Debug)]
pub struct Merged {
    /// The merge block to sign; `None` if no head brings anything.
    pub draft: Option<Draft>,
    /// Heads whose documents were left out, and why. Those among the draft's parents brought their events.
    pub left_out: Vec<(BlockId, Reason)>,
    /// Heads that were not looked at, because judges had to try many others one by one: they wait for the next merge.
    pub deferred: Vec<BlockId>,
}

/// What a merge block says about its merge.
pub(crate) struct Said {
    pub(crate) left_out: Vec<(BlockId, String)>,
    pub(crate) verdicts: Vec<VerdictLine>,
}

/// A block that cannot be drafted.
#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    /// It would break a rule.
    #[error(transparent)]
    Refused(Box<BlockFault>),
    /// A block could not be read.
    #[error(transparent)]
    Block(#[from] BlockError),
    /// A tree could not be read or written.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The state could not be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// The merge could not be made.
    #[error(transparent)]
    Merge(#[from] IntegrateError),
    /// The subject does not fit.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// An event does not fit.
    #[error(transparent)]
    Event(#[from] EventError),
    /// The given head is no block of main.
    #[error("{block} is no block of main")]
    NotOnMain {
        /// The block.
        block: BlockId,
    },
}

impl DraftError {
    /// Whether the store could not be read; another try may work.
    pub fn is_store_failure(&self) -> bool {
        match self {
            Self::Refused(error) => error.is_store_failure(),
            Self::Block(error) => error.is_store_failure(),
            Self::Tree(error) => error.is_store_failure(),
            Self::State(error) => error.is_store_failure(),
            Self::Merge(error) => error.is_store_failure(),
            Self::Message(_) | Self::Event(_) | Self::NotOnMain { .. } => false,
        }
    }
}

impl From<BlockFault> for DraftError {
    fn from(fault: BlockFault) -> Self {
        Self::Refused(Box::new(fault))
    }
}

impl From<SignerError> for DraftError {
    fn from(error: SignerError) -> Self {
        BlockFault::from(error).into()
    }
}

/// The first block of an organisation.
pub fn genesis(genesis: Genesis) -> Result<Draft, DraftError> {
    let nothing = NewObjects::default();
    let mut new = NewObjects::default();
    let root = new.insert(Kind::Tree, Folder::default().encode());
    let tree = apply(&nothing, &root, &genesis.documents, &mut new)?;
    let objects = needed(&tree, &new);
    let key = State::at_tree(&objects, tree).key(&genesis.founder)?;
    let key = key.ok_or(SignerError::Stranger { key: genesis.founder })?;
    let meta = Meta { author: genesis.founder, at: genesis.at, subject: genesis.subject, dapp: None };
    let message = Message { height: Some(0), ..message(BlockKind::Genesis, &meta)? };
    let draft = Draft {
        tree,
        parents: Vec::new(),
        author: genesis.founder,
        author_name: key.owner.name().clone(),
        at: whole_seconds(genesis.at),
        message,
        objects,
        abandoned: None,
    };
    finish(&nothing, draft)
}

/// A block of documents on `main`, after the writer's `own` last block if it has any, merged or not.
pub fn document_block(
    objects: &dyn Objects,
    main: BlockId,
    own: Option<BlockId>,
    changes: &[Change],
    meta: Meta,
) -> Result<Draft, DraftError> {
    let ground = Ground::find(objects, main, own, &meta)?;
    let mut new = ground.objects.clone();
    let tree = apply(objects, &ground.footing, changes, &mut new)?;
    let message = message(BlockKind::Documents, &meta)?;
    finish(objects, ground.draft(tree, &new, message, &meta))
}

/// A block of a node's events on `main`, after the node's `own` last block if it has any, merged or not. A node whose key
/// was found in use twice stays where it was: its events are evidence, and go on until a new key is approved.
/// The events go on counting from the node's last one; [`events_that_fit`](crate::events_that_fit) says how many go into one block.
pub fn event_block(
    objects: &dyn Objects,
    main: BlockId,
    own: Option<BlockId>,
    node: &Name,
    events: &[Event],
    meta: Meta,
) -> Result<Draft, DraftError> {
    let main = ground_for_events(objects, main, own, &meta.author)?;
    let ground = Ground::find(objects, main, own, &meta)?;
    let mut new = ground.objects.clone();
    let file = new.insert(Kind::Blob, log::write(events)?);
    let path = {
        let layered = Layered { new: &new, base: objects };
        log::next_path(&layered, &State::at_tree(&layered, ground.footing), node, ground.at(&meta))?
    };
    let edits = Edits::from([(path, Some(Entry::File(file)))]);
    let tree = edit(objects, &ground.footing, &edits, &mut new)?;
    let numbers = events.first().zip(events.last()).map(|(first, last)| first.seq..=last.seq);
    let message = Message { events: numbers.or(Some(0..=0)), ..message(BlockKind::Events, &meta)? };
    finish(objects, ground.draft(tree, &new, message, &meta))
}

/// A merge block that takes nothing in and says of heads why they stay out, so that their writers learn of it.
/// At most [`MAX_REFUSALS`] heads are named.
pub fn refusal_block(
    objects: &dyn Objects,
    main: BlockId,
    left_out: &[(BlockId, String)],
    meta: Meta,
) -> Result<Draft, DraftError> {
    let main = main_block(objects, main)?;
    let mut texts: Vec<_> = left_out.iter().map(|(head, why)| (*head, as_reason(why))).collect();
    texts.sort();
    texts.truncate(MAX_REFUSALS);
    let said = Said { left_out: texts, verdicts: Vec::new() };
    let at = main.at.max(whole_seconds(meta.at));
    let draft = merge_draft(objects, &main, &Made::nothing(&main.tree), said, at, &meta)?;
    check_validator(objects, &draft.preview(), &main)?;
    Ok(draft)
}

/// The most heads that one [`refusal_block`] names.
pub const MAX_REFUSALS: usize = 64;

pub(crate) fn merge_draft(
    objects: &dyn Objects,
    main: &Block,
    made: &Made,
    said: Said,
    at: Millis,
    meta: &Meta,
) -> Result<Draft, DraftError> {
    let message = Message {
        org: Some(main.org),
        branch: main.branch.clone(),
        height: main.height.map(|height| height + 1),
        left_out: said.left_out,
        verdicts: said.verdicts,
        ..message(BlockKind::Merge, meta)?
    };
    Ok(Draft {
        tree: made.tree,
        parents: [main.id].into_iter().chain(made.heads.iter().map(|head| head.id)).collect(),
        author: meta.author,
        author_name: author_name(objects, main, meta)?,
        at,
        message,
        objects: needed(&made.tree, &made.objects),
        abandoned: None,
    })
}

pub(crate) fn main_block(objects: &dyn Objects, id: BlockId) -> Result<Block, DraftError> {
    let block = Block::read(objects, id)?;
    if block.kind.is_of_branch() { Ok(block) } else { Err(DraftError::NotOnMain { block: id }) }
}

pub(crate) fn author_name(objects: &dyn Objects, main: &Block, meta: &Meta) -> Result<Name, DraftError> {
    let signer = State::at_tree(objects, main.tree).signer(&meta.author, None)?;
    Ok(signer.owner.name().clone())
}

pub(crate) fn message(kind: BlockKind, meta: &Meta) -> Result<Message, MessageError> {
    check_subject(&meta.subject)?;
    let dapp = meta.dapp.clone().filter(|_| kind == BlockKind::Documents);
    Ok(Message { dapp, ..Message::new(kind, &meta.subject) })
}

pub(crate) fn whole_seconds(at: Millis) -> Millis {
    Millis(at.seconds() * 1000)
}

/// Writes changes into a tree; documents in their canonical form.
pub(crate) fn apply(
    objects: &dyn Objects,
    tree: &ObjectId,
    changes: &[Change],
    new: &mut NewObjects,
) -> Result<ObjectId, DraftError> {
    let mut edits = Edits::new();
    for change in changes {
        let file = match &change.content {
            None => None,
            Some(bytes) => Some(Entry::File(new.insert(Kind::Blob, canonical(&change.path, bytes)?))),
        };
        edits.insert(change.path.clone(), file);
    }
    Ok(edit(objects, tree, &edits, new)?)
}

fn canonical(path: &StatePath, bytes: &[u8]) -> Result<Vec<u8>, BlockFault> {
    if !path.is_document() {
        return Ok(bytes.to_vec());
    }
    let text = Document::parse(bytes).and_then(|document| document.to_canonical());
    let text = text.map_err(|source| RuleError::Document { path: path.clone(), source })?;
    Ok(text.into_bytes())
}

/// Holds a draft to the rules.
pub(crate) fn finish(objects: &dyn Objects, draft: Draft) -> Result<Draft, DraftError> {
    check_unsigned(&Layered { new: &draft.objects, base: objects }, &draft.preview())?;
    Ok(draft)
}
