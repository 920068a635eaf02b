//! Frames: what two peers tell each other without being asked.
//!
//! A frame is one [`Message`] in postcard, at most [`MAX_FRAME_BYTES`]. Nothing in it is signed and nothing in it is
//! believed: a head is a hint what to fetch, and gossip is checked by whom it concerns. Reading checks the
//! length before anything else and every count before it is used. Format: docs/formats/sync.md.

use model::{BlockId, KeyId, Name, OrgId, RefName};
use serde::{Deserialize, Serialize};

/// The protocol between peers that this software speaks.
pub const SYNC_PROTOCOL: u16 = 1;
/// The largest frame: a certificate of [`MAX_CERTIFICATE_BYTES`], or a sketch of all heads, with room around it.
pub const MAX_FRAME_BYTES: usize = 256 * 1024;
/// The largest certificate that travels beside a head: some thousand validators.
pub const MAX_CERTIFICATE_BYTES: usize = 160 * 1024;
/// The largest piece of gossip: a proposal carries only a block's id, a vote a few hundred bytes.
pub const MAX_GOSSIP_BYTES: usize = 64 * 1024;
/// The most heads that a box tells of: some ten thousand writers.
pub const MAX_HEADS: usize = 16_384;
/// The most heads in one frame.
pub const MAX_HEADS_IN_FRAME: usize = 512;
/// The longest name of a peer's software, in bytes.
pub const MAX_SOFTWARE_BYTES: usize = 64;

/// The name of a head in a sketch: a part of a hash.
pub type ShortId = [u8; 6];

/// A reference and the block that it points to, with the certificate that makes it final where it needs one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Head {
    /// The reference.
    pub name: RefName,
    /// The block.
    pub block: BlockId,
    /// For a branch whose validators vote: the certificate, as the ledger writes it.
    pub certificate: Option<Vec<u8>>,
}

/// Who speaks; the first frame on every connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// The protocol between peers: [`SYNC_PROTOCOL`].
    pub protocol: u16,
    /// The organisation whose ledger this is.
    pub org: OrgId,
    /// Name and version of the software, for people.
    pub software: String,
}

/// All heads in 16 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Summary {
    /// The digest of all heads.
    pub digest: [u8; 16],
    /// How many there are.
    pub heads: u32,
}

/// The digest of one bucket of heads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket {
    /// Which: the first byte of the hash of a head's name.
    pub bucket: u8,
    /// The digest of the heads in it.
    pub digest: [u8; 8],
}

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Who speaks.
    Hello(Hello),
    /// The peer lives, and these are its heads in 16 bytes.
    Alive(Summary),
    /// The buckets that are not empty, in order.
    Buckets(Vec<Bucket>),
    /// The heads in the buckets that differ, in few bytes each.
    Sketch {
        /// The buckets, in order.
        buckets: Vec<u8>,
        /// The heads in them.
        heads: Vec<ShortId>,
    },
    /// Which heads of a sketch the peer does not have.
    Tell(Vec<ShortId>),
    /// Heads: new ones, or those that were asked for.
    Heads(Vec<Head>),
    /// A vote, a proposal: bytes for the voting engine.
    Gossip(Vec<u8>),
}

/// Bytes that are no frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Over the limit, as a whole or in a part.
    #[error("{what} of {got}: at most {limit} are taken")]
    TooLong {
        /// What is too long.
        what: &'static str,
        /// How long or how many.
        got: usize,
        /// The limit.
        limit: usize,
    },
    /// Not a message in postcard.
    #[error("the frame is cut short or is no message of this protocol: {0}")]
    Decode(postcard::Error),
    /// Bytes after the message.
    #[error("{0} bytes follow the message")]
    Trailing(usize),
    /// A name of software that is not printable ASCII: it is shown to people.
    #[error("the name of the software is not plain text")]
    Software,
    /// A head with a name that no reference has.
    #[error("a head has a name that no reference has")]
    Name,
    /// Lists that must be in order, each once, are not.
    #[error("the buckets are not in order")]
    Order,
}

impl FrameError {
    /// Whether the frame is of a form that could be right but for its size.
    pub fn is_oversized(&self) -> bool {
        matches!(self, Self::TooLong { .. })
    }
}

/// A head as it travels: bytes, not text.
#[derive(Serialize, Deserialize)]
struct WireHead<'a> {
    writer: Option<[u8; 16]>,
    branch: &'a str,
    block: [u8; 32],
    #[serde(borrow)]
    certificate: Option<&'a [u8]>,
}

/// A message as it travels. The order of the variants is the format.
#[derive(Serialize, Deserialize)]
enum Wire<'a> {
    Hello {
        protocol: u16,
        org: [u8; 32],
        software: &'a str,
    },
    Alive(Summary),
    Buckets(Vec<Bucket>),
    Sketch {
        buckets: Vec<u8>,
        heads: Vec<ShortId>,
    },
    Tell(Vec<ShortId>),
    #[serde(borrow)]
    Heads(Vec<WireHead<'a>>),
    Gossip(&'a [u8]),
}

impl Message {
    /// The frame's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        postcard::to_stdvec(&self.wire())
            .expect("because a vector takes any bytes and lists know their length")
    }

    /// Reads a frame strictly.
    pub fn parse(bytes: &[u8]) -> Result<Self, FrameError> {
        within("a frame", bytes.len(), MAX_FRAME_BYTES)?;
        let (wire, rest) = postcard::take_from_bytes::<Wire<'_>>(bytes).map_err(FrameError::Decode)?;
        if !rest.is_empty() {
            return Err(FrameError::Trailing(rest.len()));
        }
        Self::checked(wire)
    }

    fn wire(&self) -> Wire<'_> {
        match self {
            Self::Hello(Hello { protocol, org, software }) => {
                Wire::Hello { protocol: *protocol, org: *org.as_bytes(), software }
            }
            Self::Alive(summary) => Wire::Alive(*summary),
            Self::Buckets(buckets) => Wire::Buckets(buckets.clone()),
            Self::Sketch { buckets, heads } => {
                Wire::Sketch { buckets: buckets.clone(), heads: heads.clone() }
            }
            Self::Tell(heads) => Wire::Tell(heads.clone()),
            Self::Heads(heads) => Wire::Heads(heads.iter().map(Head::wire).collect()),
            Self::Gossip(bytes) => Wire::Gossip(bytes),
        }
    }

    fn checked(wire: Wire<'_>) -> Result<Self, FrameError> {
        match wire {
            Wire::Hello { protocol, org, software } => {
                within("a name of software", software.len(), MAX_SOFTWARE_BYTES)?;
                if !is_plain(software) {
                    return Err(FrameError::Software);
                }
                Ok(Self::Hello(Hello { protocol, org: OrgId::new(org), software: software.into() }))
            }
            Wire::Alive(summary) => Ok(Self::Alive(summary)),
            Wire::Buckets(buckets) => {
                ordered(&buckets, |bucket| bucket.bucket)?;
                Ok(Self::Buckets(buckets))
            }
            Wire::Sketch { buckets, heads } => {
                ordered(&buckets, |bucket| *bucket)?;
                within("a sketch of heads", heads.len(), MAX_HEADS)?;
                Ok(Self::Sketch { buckets, heads })
            }
            Wire::Tell(heads) => {
                within("a list of heads", heads.len(), MAX_HEADS)?;
                Ok(Self::Tell(heads))
            }
            Wire::Heads(heads) => {
                within("a list of heads", heads.len(), MAX_HEADS_IN_FRAME)?;
                heads.into_iter().map(Head::checked).collect::<Result<_, _>>().map(Self::Heads)
            }
            Wire::Gossip(bytes) => {
                within("a piece of gossip", bytes.len(), MAX_GOSSIP_BYTES)?;
                Ok(Self::Gossip(bytes.into()))
            }
        }
    }
}

impl Head {
    /// A head without a certificate.
    pub fn new(name: RefName, block: BlockId) -> Self {
        Self { name, block, certificate: None }
    }

    fn wire(&self) -> WireHead<'_> {
        let (writer, branch) = match &self.name {
            RefName::Head(branch) => (None, branch),
            RefName::Writer(key, branch) => (Some(*key.as_bytes()), branch),
        };
        let block = *self.block.as_bytes();
        WireHead { writer, branch: branch.as_str(), block, certificate: self.certificate.as_deref() }
    }

    fn checked(wire: WireHead<'_>) -> Result<Self, FrameError> {
        let branch: Name = wire.branch.parse().map_err(|_| FrameError::Name)?;
        let certificate = wire.certificate.map(<[u8]>::to_vec);
        within("a certificate", certificate.as_ref().map_or(0, Vec::len), MAX_CERTIFICATE_BYTES)?;
        let name = match wire.writer {
            None => RefName::Head(branch),
            Some(key) => RefName::Writer(KeyId::new(key), branch),
        };
        Ok(Self { name, block: BlockId::new(wire.block), certificate })
    }
}

/// Holds a length or a count to its limit.
pub(crate) fn within(what: &'static str, got: usize, limit: usize) -> Result<(), FrameError> {
    if got > limit { Err(FrameError::TooLong { what, got, limit }) } else { Ok(()) }
}

/// Whether a text does nothing to a terminal but be seen.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

fn ordered<T>(list: &[T], key: impl Fn(&T) -> u8) -> Result<(), FrameError> {
    if list.is_sorted_by(|one, next| key(one) < key(next)) { Ok(()) } else { Err(FrameError::Order) }
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
