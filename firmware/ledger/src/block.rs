//! Blocks: signed git commits, read strictly.
//!
//! [`Block::parse`] takes the bytes of a commit and gives what they say, or why they are no block. It checks the form
//! alone: canonical bytes, known headers, the message, one author who is also the committer, whole seconds at
//! `+0000`. Whether the author may say it is the business of [`check_block`](crate::check_block).

use crate::{
    finality::{Certificate, TextError},
    object::{Kind, LoadError, Objects, from_hex, load, to_git},
    trailer_values::VerdictLine,
    trailers::{BlockKind, Message, MessageError},
};
use gix_object::{
    CommitRef, WriteTo,
    bstr::{BStr, ByteSlice},
};
use model::{BlockId, KeyId, Millis, Name, ObjectId, OrgId};
use std::ops::RangeInclusive;

/// The largest block, in bytes of the commit: a merge of [`MAX_PARENTS`] with a reason for each.
pub const MAX_BLOCK_BYTES: usize = 1 << 20;

/// The most parents of a block.
pub const MAX_PARENTS: usize = 1025;

/// The header of git's signatures in SHA-256 repositories.
pub(crate) const SIGNATURE_HEADER: &str = "gpgsig-sha256";

/// The latest second that a block can carry: the year 9999.
const MAX_SECONDS: u64 = 253_402_300_799;

/// A block as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The commit's id.
    pub id: BlockId,
    /// What it does.
    pub kind: BlockKind,
    /// The organisation; of a genesis, its own id.
    pub org: OrgId,
    /// The branch of which it is, or for which it was written.
    pub branch: Name,
    /// Its place on its branch: genesis, merge and fork blocks have one.
    pub height: Option<u64>,
    /// Its place in its writer's line: events, documents and joins have one, from 1.
    pub sequence: Option<u64>,
    /// The dapp for which documents were written.
    pub dapp: Option<Name>,
    /// What it was made from; the first is a block of its branch, of a fork a block of the branch that it leaves.
    pub parents: Vec<BlockId>,
    /// The whole state after it.
    pub tree: ObjectId,
    /// The key that signed it, as it says.
    pub author: KeyId,
    /// The name of the key's owner, as it says.
    pub author_name: Name,
    /// When, in whole seconds.
    pub at: Millis,
    /// The first line of its message.
    pub subject: String,
    /// The sequence numbers of its events.
    pub events: Option<RangeInclusive<u64>>,
    /// The block of another branch that a join brings: its last parent.
    pub joins: Option<BlockId>,
    /// Heads whose documents a merge left out, and why.
    pub left_out: Vec<(BlockId, String)>,
    /// What the judges said of a merge.
    pub verdicts: Vec<VerdictLine>,
    /// The certificate of a merge's first parent, not checked yet.
    pub certificate: Option<Certificate>,
    /// The armoured SSH signature.
    pub signature: String,
    /// The bytes that were signed: the commit without the signature's header.
    pub signed: Vec<u8>,
}

/// Bytes that are no block.
#[derive(Debug, thiserror::Error)]
pub enum BlockError {
    /// The object could not be had.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// Over the limit.
    #[error("a block of {bytes} bytes: at most {MAX_BLOCK_BYTES} are taken")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Git cannot read it: truncated, or something else.
    #[error("the block is not a git commit, or is cut short")]
    Decode(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Readable, but not as git would write it.
    #[error("the block is not in git's canonical form")]
    NotCanonical,
    /// A header that blocks do not have, or too many parents.
    #[error("the block has the header {header:?}, which blocks do not have or not so often")]
    Header {
        /// The header's name.
        header: String,
    },
    /// No signature.
    #[error("the block is not signed: it has no {SIGNATURE_HEADER} header")]
    Unsigned,
    /// The author's line is not `name <keyid@org12> seconds +0000`, or the committer's differs.
    #[error("the block's author is not written as \"name <key@organisation> seconds +0000\": {line:?}")]
    Author {
        /// The line's beginning.
        line: String,
    },
    /// The message is not a block's.
    #[error("the block's message: {0}")]
    Message(#[from] MessageError),
    /// The certificate is none.
    #[error("the block's certificate: {0}")]
    Certificate(#[from] TextError),
    /// More parents, or fewer, than the kind has.
    #[error("a {} block with {found} parents, or with others than it says", .kind.as_str())]
    Parents {
        /// What the block does.
        kind: BlockKind,
        /// How many it has.
        found: usize,
    },
}

impl BlockError {
    /// Whether the store could not be read; another try may work.
    pub fn is_store_failure(&self) -> bool {
        matches!(self, Self::Load(error) if error.is_store_failure())
    }
}

impl Block {
    /// Reads the block of that id from a store.
    pub fn read(objects: &dyn Objects, id: BlockId) -> Result<Self, BlockError> {
        Self::parse_as(id, &load(objects, &id.into(), Kind::Commit)?)
    }

    /// Reads the bytes of a commit; its id is computed.
    pub fn parse(bytes: &[u8]) -> Result<Self, BlockError> {
        if bytes.len() > MAX_BLOCK_BYTES {
            return Err(BlockError::TooLong { bytes: bytes.len() });
        }
        let id = crate::object::Object { kind: Kind::Commit, bytes: bytes.to_vec() }.id();
        Self::parse_as(id.into(), bytes)
    }

    fn parse_as(id: BlockId, bytes: &[u8]) -> Result<Self, BlockError> {
        if bytes.len() > MAX_BLOCK_BYTES {
            return Err(BlockError::TooLong { bytes: bytes.len() });
        }
        let mut commit = decode(bytes)?;
        let signature = take_signature(&mut commit)?;
        let message = Message::parse(commit.message)?;
        let author = Author::parse(&commit)?;
        let org = message.org.unwrap_or_else(|| id.into());
        if author.org != message.org.map(short_org) {
            return Err(author.wrong());
        }
        let parents = parents(&commit, &message)?;
        let certificate = certificate(&message, &parents)?;
        let tree = from_hex(commit.tree).ok_or(BlockError::NotCanonical)?;
        let signed = encode(&commit);
        Ok(Self {
            id,
            kind: message.kind,
            org,
            branch: message.branch,
            height: message.height,
            sequence: message.sequence,
            dapp: message.dapp,
            parents,
            tree,
            author: author.key,
            author_name: author.name,
            at: author.at,
            subject: message.subject,
            events: message.events,
            joins: message.joins,
            left_out: message.left_out,
            verdicts: message.verdicts,
            certificate,
            signature,
            signed,
        })
    }

    /// The block of a branch that it builds on; `None` for a genesis.
    pub fn main(&self) -> Option<BlockId> {
        self.parents.first().copied()
    }

    /// The writer's own block before it, if there is one.
    pub fn own(&self) -> Option<BlockId> {
        match self.kind {
            BlockKind::Events | BlockKind::Documents => self.parents.get(1).copied(),
            BlockKind::Join if self.parents.len() > 2 => self.parents.get(1).copied(),
            _ => None,
        }
    }

    /// The writers' heads that a merge block took in.
    pub fn heads(&self) -> &[BlockId] {
        if self.kind == BlockKind::Merge { &self.parents[1..] } else { &[] }
    }
}

fn decode(bytes: &[u8]) -> Result<CommitRef<'_>, BlockError> {
    let commit = CommitRef::from_bytes(bytes, gix_hash::Kind::Sha256)
        .map_err(|error| BlockError::Decode(error.into()))?;
    if encode(&commit) == bytes { Ok(commit) } else { Err(BlockError::NotCanonical) }
}

fn encode(commit: &CommitRef<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    commit
        .write_to(&mut bytes)
        .expect("because a vector takes any bytes and the headers were parsed or are ours");
    bytes
}

/// Takes the one extra header that a block has out of the commit.
fn take_signature(commit: &mut CommitRef<'_>) -> Result<String, BlockError> {
    if let Some(encoding) = commit.encoding {
        return Err(BlockError::Header { header: format!("encoding {}", shown(encoding)) });
    }
    let mut headers = std::mem::take(&mut commit.extra_headers).into_iter();
    let (name, value) = headers.next().ok_or(BlockError::Unsigned)?;
    let second = headers.next().map(|(name, _)| name);
    match (name.to_str(), second) {
        (Ok(SIGNATURE_HEADER), None) => {
            let text = value.to_str().map_err(|_| BlockError::NotCanonical)?;
            Ok(text.strip_suffix('\n').unwrap_or(text).to_string())
        }
        (_, other) => Err(BlockError::Header { header: shown(other.unwrap_or(name)) }),
    }
}

fn parents(commit: &CommitRef<'_>, message: &Message) -> Result<Vec<BlockId>, BlockError> {
    let ids: Option<Vec<BlockId>> =
        commit.parents.iter().map(|hex| from_hex(hex).map(BlockId::from)).collect();
    let ids = ids.ok_or(BlockError::NotCanonical)?;
    let (kind, found) = (message.kind, ids.len());
    let fits = match kind {
        BlockKind::Genesis => found == 0,
        BlockKind::Fork => found == 1,
        BlockKind::Events | BlockKind::Documents => (1..=2).contains(&found),
        BlockKind::Join => (2..=3).contains(&found) && ids.last().copied() == message.joins,
        // Without a head it says why heads stay out.
        BlockKind::Merge if message.left_out.is_empty() => (2..=MAX_PARENTS).contains(&found),
        BlockKind::Merge => (1..=MAX_PARENTS).contains(&found),
    };
    if fits { Ok(ids) } else { Err(BlockError::Parents { kind, found }) }
}

/// The certificate that a merge carries, of its first parent.
pub(crate) fn certificate(message: &Message, parents: &[BlockId]) -> Result<Option<Certificate>, TextError> {
    let below = message.height.and_then(|height| height.checked_sub(1));
    match (&message.certificate, message.org, below, parents.first()) {
        (Some(text), Some(org), Some(height), Some(parent)) => {
            Certificate::from_trailer(org, message.branch.clone(), height, *parent, text).map(Some)
        }
        (Some(_), ..) => Err(TextError::Line { line: 1, wanted: "no certificate where no block is below" }),
        (None, ..) => Ok(None),
    }
}

/// The first 12 hex digits of an organisation, as in the author's line.
fn short_org(org: OrgId) -> String {
    org.short()
}

/// What stands in the place of the organisation in a genesis, whose id is not known while it is written.
const GENESIS_ORG: &str = "genesis";

/// The author's line, taken apart.
struct Author<'a> {
    line: &'a BStr,
    name: Name,
    key: KeyId,
    org: Option<String>,
    at: Millis,
}

impl<'a> Author<'a> {
    fn parse(commit: &CommitRef<'a>) -> Result<Self, BlockError> {
        let line = commit.author;
        if commit.committer != line {
            return Err(wrong_author(commit.committer));
        }
        Self::read(line).ok_or_else(|| wrong_author(line))
    }

    /// Reads the line by taking its parts and writing them again.
    fn read(line: &'a BStr) -> Option<Self> {
        let text = line.to_str().ok()?;
        let (name, rest) = text.split_once(" <")?;
        let (email, time) = rest.split_once("> ")?;
        let (key, org) = email.split_once('@')?;
        let seconds: u64 = time.strip_suffix(" +0000")?.parse().ok()?;
        let author = Self {
            line,
            name: name.parse().ok()?,
            key: key.parse().ok()?,
            org: (org != GENESIS_ORG).then(|| org.into()),
            at: Millis(seconds.checked_mul(1000)?),
        };
        let again = author_line(&author.name, &author.key, org, author.at);
        (again == text && seconds <= MAX_SECONDS).then_some(author)
    }

    fn wrong(&self) -> BlockError {
        wrong_author(self.line)
    }
}

fn wrong_author(line: &BStr) -> BlockError {
    BlockError::Author { line: shown(line) }
}

fn shown(text: &BStr) -> String {
    text.to_str_lossy().chars().take(160).collect()
}

fn author_line(name: &Name, key: &KeyId, org: &str, at: Millis) -> String {
    format!("{name} <{key}@{org}> {} +0000", at.seconds())
}

/// What a commit is made of before it is signed.
pub(crate) struct Unsigned<'a> {
    pub tree: &'a ObjectId,
    pub parents: &'a [BlockId],
    pub author: KeyId,
    pub author_name: &'a Name,
    pub at: Millis,
    pub message: &'a Message,
}

impl Unsigned<'_> {
    /// The commit's bytes, with the signature's header if there is one.
    pub(crate) fn encode(&self, signature: Option<&str>) -> Vec<u8> {
        let org = self.message.org.map_or_else(|| GENESIS_ORG.into(), short_org);
        let author = author_line(self.author_name, &self.author, &org, self.at);
        let message = self.message.render();
        let tree = to_git(self.tree).to_string();
        let parents: Vec<String> = self.parents.iter().map(BlockId::to_string).collect();
        let header = signature.map(|text| (SIGNATURE_HEADER.into(), std::borrow::Cow::Borrowed(text.into())));
        encode(&CommitRef {
            tree: tree.as_str().into(),
            parents: parents.iter().map(|id| id.as_str().into()).collect(),
            author: author.as_str().into(),
            committer: author.as_str().into(),
            encoding: None,
            message: message.as_str().into(),
            extra_headers: header.into_iter().collect(),
        })
    }
}
