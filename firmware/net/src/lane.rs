//! The order in which one connection's bytes leave: frames before bulk.
//!
//! QUIC sends the bytes of a stream with a higher priority first, but only bytes that it has accepted, and it
//! accepts no more than a window's worth in all. Answers of megabytes would fill that window and a frame would
//! wait outside. So answers are handed over in small pieces, one piece of one answer at a time, and none
//! while a frame waits: a frame is behind one piece at the most.

use bytes::Bytes;
use iroh::endpoint::{SendStream, WriteError};
use std::time::Duration;
use tokio::{
    sync::{Mutex, watch},
    time::timeout,
};

/// Small enough that a slow link (1 Mbit/s) passes it in an eighth of a second.
const PIECE_BYTES: usize = 16 << 10;

/// Above all others.
pub const FRAMES: i32 = 1;
/// Below requests, which are short.
pub const BULK: i32 = -1;

/// An answer that did not get through.
#[derive(Debug, thiserror::Error)]
pub enum BulkError {
    /// The connection or the stream ended.
    #[error("the answer could not be written")]
    Write(#[source] WriteError),
    /// The peer takes nothing.
    #[error("the peer does not read the answer")]
    Stalled,
}

/// One for each connection.
pub struct Lane {
    turn: Mutex<()>,
    frames: watch::Sender<usize>,
}

impl Lane {
    /// Nothing waits.
    pub fn new() -> Self {
        Self { turn: Mutex::new(()), frames: watch::Sender::new(0) }
    }

    /// A frame waits.
    pub fn frame_waits(&self) {
        self.frames.send_modify(|waiting| *waiting += 1);
    }

    /// It has been accepted.
    pub fn frame_sent(&self) {
        self.frames.send_modify(|waiting| *waiting -= 1);
    }

    /// Writes an answer, piece by piece, after all frames that wait.
    pub async fn write(
        &self,
        stream: &mut SendStream,
        mut bytes: Bytes,
        stall: Duration,
    ) -> Result<(), BulkError> {
        let mut frames = self.frames.subscribe();
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(PIECE_BYTES));
            let _turn = self.turn.lock().await;
            drop(frames.wait_for(|waiting| *waiting == 0).await);
            let written = timeout(stall, stream.write_chunk(piece)).await;
            written.map_err(|_| BulkError::Stalled)?.map_err(BulkError::Write)?;
        }
        Ok(())
    }
}
