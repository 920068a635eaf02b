//! Asking a peer: one stream of its own for each request, its answer read to the end, within limits.

use crate::{code, shared::Shared};
use bytes::{Bytes, BytesMut};
use iroh::endpoint::{ClosedStream, Connection, ConnectionError, ReadError, RecvStream, WriteError};
use model::PublicKey;
use std::time::Duration;
use tokio::time::timeout;

/// A piece that is read at a time.
const PIECE_BYTES: usize = 64 << 10;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The peer is not connected now.
    #[error("the peer is not connected")]
    NotConnected,
    /// The request is longer than peers take.
    #[error("a request of {bytes} bytes; {max} is the most")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// What is allowed.
        max: usize,
    },
    /// The connection ended.
    #[error("the connection ended before the answer")]
    Connection(#[source] ConnectionError),
    /// The request could not be written.
    #[error("the request could not be sent")]
    Write(#[source] WriteError),
    /// The stream was closed under us.
    #[error("the request's stream is closed")]
    Closed(#[source] ClosedStream),
    /// The answer broke off.
    #[error("the answer broke off")]
    Read(#[source] ReadError),
    /// The peer gives no answer to this.
    #[error("the peer refuses the request")]
    Refused,
    /// The answer is longer than was asked for.
    #[error("the answer is longer than {max} bytes")]
    AnswerTooLong {
        /// What was asked for.
        max: usize,
    },
    /// No byte for too long.
    #[error("no byte of the answer for {0:?}")]
    Stalled(Duration),
}

impl RequestError {
    /// Whether the peer broke what it had promised, rather than the network or we.
    pub fn is_peers_fault(&self) -> bool {
        matches!(self, Self::AnswerTooLong { .. })
    }
}

/// Asks, and waits for the answer of at most `max` bytes.
pub async fn ask(
    shared: &Shared,
    peer: &PublicKey,
    request: Bytes,
    max: usize,
) -> Result<Bytes, RequestError> {
    let limits = &shared.limits;
    if request.len() > limits.request_bytes_max {
        return Err(RequestError::TooLong { bytes: request.len(), max: limits.request_bytes_max });
    }
    let connection = up(shared, peer).ok_or(RequestError::NotConnected)?;
    exchange(&connection, request, max, limits.stall).await
}

fn up(shared: &Shared, peer: &PublicKey) -> Option<Connection> {
    let state = shared.state();
    let link = state.links.get(peer)?;
    link.frames.as_ref().map(|_| link.connection.clone())
}

/// One request and its answer, on a stream of their own.
pub async fn exchange(
    connection: &Connection,
    request: Bytes,
    max: usize,
    stall: Duration,
) -> Result<Bytes, RequestError> {
    let sent = async {
        let (mut out, back) = connection.open_bi().await.map_err(RequestError::Connection)?;
        out.write_chunk(request).await.map_err(RequestError::Write)?;
        out.finish().map_err(RequestError::Closed)?;
        Ok(back)
    };
    let back = timeout(stall, sent).await.map_err(|_| RequestError::Stalled(stall))??;
    read_all(back, max, stall).await
}

/// Reads a stream of at most `max` bytes to its end.
pub async fn read_all(mut stream: RecvStream, max: usize, stall: Duration) -> Result<Bytes, RequestError> {
    let mut all = BytesMut::new();
    loop {
        let piece = timeout(stall, stream.read_chunk(PIECE_BYTES)).await;
        match piece.map_err(|_| RequestError::Stalled(stall))?.map_err(broken)? {
            None => return Ok(all.freeze()),
            Some(piece) if all.len() + piece.len() > max => {
                let _closed = stream.stop(code::WRONG);
                return Err(RequestError::AnswerTooLong { max });
            }
            Some(piece) => all.extend_from_slice(&piece),
        }
    }
}

fn broken(error: ReadError) -> RequestError {
    match error {
        ReadError::Reset(code) if code == code::REFUSED => RequestError::Refused,
        ReadError::ConnectionLost(error) => RequestError::Connection(error),
        error => RequestError::Read(error),
    }
}
