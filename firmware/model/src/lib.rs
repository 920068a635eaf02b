//! The words of the house as types: ids, keys, names, paths, time, documents, events and badges.
//!
//! Everything else builds on this room and it builds on none of ours. Values are parsed here, once, at the
//! edge; whoever holds one of these types need not check it again. Nothing here reads a clock, a file or
//! randomness: they arrive as arguments.

mod badge;
mod document;
mod event;
mod glob;
mod id;
mod key;
mod name;
mod path;
mod reference;
mod time;

pub use badge::{BadgeError, BadgeKey, CardNumber, TagId, Width};
pub use document::{Document, DocumentError, MAX_DOCUMENT_BYTES};
pub use event::{Event, EventError, MAX_EVENT_BYTES};
pub use glob::{Glob, GlobError};
pub use id::{BadgeDigest, BlockId, ChunkId, IdError, ManifestId, ObjectId, OrgId, ReleaseId, VerityHash};
pub use key::{GIT_NAMESPACE, KeyError, KeyId, PublicKey, RawSignature, SigningKey};
pub use name::{Name, NameError};
pub use path::{PathError, StatePath};
pub use reference::{RefName, RefNameError};
pub use time::{Date, Millis};
