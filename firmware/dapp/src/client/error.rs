//! What can go wrong between a dapp and its agent, and whose fault it is.

use crate::wire::{ErrorCode, ErrorDetail};
use std::{io, path::PathBuf};

/// A request that was not answered as it should be.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The agent's socket does not answer: it is starting, stopping or gone.
    #[error("cannot connect to the agent at {socket}")]
    Connect {
        /// Where.
        socket: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The connection broke before the answer was whole. Whether the request was carried out is not known.
    #[error("the connection to the agent broke during {what}")]
    Broken {
        /// Which request.
        what: String,
        /// Why.
        #[source]
        source: hyper::Error,
    },
    /// No answer in time. Whether the request was carried out is not known.
    #[error("the agent did not answer {what} within {ms} ms")]
    Timeout {
        /// Which request.
        what: String,
        /// How long we waited.
        ms: u64,
    },
    /// The agent ended a stream; it is stopping.
    #[error("the agent ended the stream {what}")]
    Ended {
        /// Which stream.
        what: String,
    },
    /// The agent said no.
    #[error("the agent refused {what} with {status}: {}{}", .error.message, hint(.error))]
    Refused {
        /// Which request.
        what: String,
        /// The HTTP status.
        status: u16,
        /// The agent's words.
        error: ErrorDetail,
    },
    /// An answer or a line of a stream is over its limit.
    #[error("the answer to {what} is over {limit} bytes")]
    TooLong {
        /// Which request.
        what: String,
        /// The limit.
        limit: usize,
    },
    /// The answer is not what the API promises. The agent's fault, or it is much newer than we are.
    #[error("the answer to {what} cannot be read")]
    Answer {
        /// Which request.
        what: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The request cannot be written as JSON or HTTP. Our fault.
    #[error("the request {what} cannot be written: {why}")]
    Request {
        /// Which request.
        what: String,
        /// Why.
        why: String,
    },
}

impl ClientError {
    /// Whether the same request may succeed later without a change.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::Broken { .. } | Self::Timeout { .. } | Self::Ended { .. } => true,
            Self::Refused { error, .. } => error.code.is_transient(),
            Self::TooLong { .. } | Self::Answer { .. } | Self::Request { .. } => false,
        }
    }

    /// Whether the agent says that there is no such thing.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { error, .. } if error.code == ErrorCode::Unknown)
    }
}

fn hint(error: &ErrorDetail) -> String {
    if error.hint.is_empty() { String::new() } else { format!(" ({})", error.hint) }
}
