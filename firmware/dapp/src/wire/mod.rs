//! What goes over the local API's socket, as types. The admin API's are in the agent's own `wire`.
//!
//! HTTP/1.1 with JSON bodies; streams are NDJSON, one object a line. Requests refuse fields that they do not
//! know; responses may grow fields, and a client ignores those that it does not know. Moments are
//! milliseconds since 1970 UTC, ids are lower-case hex. A type stands here once, used by server and client.

mod device;
mod document;
mod error;
mod event;
mod info;
mod state;

pub use device::{DeviceInfo, DeviceKind, DeviceList, DeviceSet, InputLine, MAX_FOR_MS, SetDevice};
pub use document::{DocumentChange, DocumentsRequest, DocumentsWritten, Written};
pub use error::{ErrorBody, ErrorCode, ErrorDetail};
pub use event::{EventAppended, EventList, EventRecord, EventRequest, EventsQuery};
pub use info::{Clock, Info};
pub use state::{
    Certainty, DocumentQuery, JsonDocument, PathDocument, StateDocument, StateFolder, StateQuery, WatchLine,
    WatchQuery, WatchQueryError, from_json,
};

/// A JSON object.
pub type JsonMap = serde_json::Map<String, serde_json::Value>;

/// The content type of streams: one JSON object a line.
pub const NDJSON: &str = "application/x-ndjson";

/// How often a stream says `alive` when it has nothing else to say, in milliseconds.
pub const ALIVE_MS: u64 = 10_000;

/// The longest line of a stream, in bytes. A snapshot of 5,000 people is under 4 MiB.
pub const MAX_LINE_BYTES: usize = 16 * 1024 * 1024;

/// The largest body of a request, in bytes.
pub const MAX_REQUEST_BYTES: usize = 1024 * 1024;

/// The answer where there is nothing to say but "done": `{}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Done {}
