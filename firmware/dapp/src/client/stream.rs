//! A stream that never ends: lines while there are some, a note when the agent is away, and again.
//!
//! A task reads, parses and reconnects with back-off; what arrives waits in a short queue, so a slow reader
//! slows the agent's writer and not our memory. Dropping the stream ends the task.

use super::{connection::Connections, error::ClientError, lines::Lines};
use crate::wire::{ALIVE_MS, MAX_LINE_BYTES};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde::de::DeserializeOwned;
use std::{sync::Arc, time::Duration};
use tokio::{sync::mpsc, task::AbortHandle};

/// How many lines wait for a slow reader.
const QUEUE: usize = 16;
/// The first pause before connecting again, and the longest.
const BACK_OFF_MS: (u64, u64) = (50, 5_000);
/// After this long without even an `alive` the stream is taken for dead: two are missing, and a bit.
const SILENCE_MS: u64 = ALIVE_MS * 5 / 2;

/// What a stream has to say.
#[derive(Debug)]
pub enum Item<T> {
    /// A line.
    Line(T),
    /// The agent is away, or said something unreadable. The stream connects again by itself.
    Lost(ClientError),
}

/// Lines of type `T`, for ever.
#[derive(Debug)]
pub struct Stream<T> {
    items: mpsc::Receiver<Item<T>>,
    task: AbortHandle,
}

impl<T: DeserializeOwned + Send + 'static> Stream<T> {
    pub(super) fn open(connections: Arc<Connections>, target: String) -> Self {
        let (sender, items) = mpsc::channel(QUEUE);
        let task = tokio::spawn(follow(connections, target, sender)).abort_handle();
        Self { items, task }
    }

    /// The next line or loss. May be dropped and called again without losing any.
    pub async fn next(&mut self) -> Item<T> {
        match self.items.recv().await {
            Some(item) => item,
            // The task ends only when the runtime does.
            None => std::future::pending().await,
        }
    }
}

impl<T> Drop for Stream<T> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn follow<T: DeserializeOwned>(
    connections: Arc<Connections>,
    target: String,
    items: mpsc::Sender<Item<T>>,
) {
    let mut pause_ms = BACK_OFF_MS.0;
    loop {
        let mut lines = 0;
        let lost = read(&connections, &target, &items, &mut lines).await;
        if items.send(Item::Lost(lost)).await.is_err() {
            return;
        }
        pause_ms = if lines > 0 { BACK_OFF_MS.0 } else { (pause_ms * 2).min(BACK_OFF_MS.1) };
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
    }
}

/// Reads one connection to its end and says why it ended.
async fn read<T: DeserializeOwned>(
    connections: &Connections,
    target: &str,
    items: &mpsc::Sender<Item<T>>,
    count: &mut u64,
) -> ClientError {
    let what = format!("GET {target}");
    let silence = Duration::from_millis(SILENCE_MS);
    let mut body = match tokio::time::timeout(silence, connections.stream(target)).await {
        Ok(Ok(response)) => response.into_body(),
        Ok(Err(error)) => return error,
        Err(_) => return ClientError::Timeout { what, ms: SILENCE_MS },
    };
    let mut lines = Lines::new(MAX_LINE_BYTES);
    loop {
        let bytes = match tokio::time::timeout(silence, bytes_of(&mut body, &what)).await {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(error)) => return error,
            Err(_) => return ClientError::Timeout { what, ms: SILENCE_MS },
        };
        let Ok(whole) = lines.push(&bytes) else {
            return ClientError::TooLong { what, limit: MAX_LINE_BYTES };
        };
        for line in whole {
            match serde_json::from_slice(&line) {
                Ok(line) => drop(items.send(Item::Line(line)).await),
                Err(source) => return ClientError::Answer { what, source },
            }
            *count += 1;
        }
    }
}

async fn bytes_of(body: &mut Incoming, what: &str) -> Result<bytes::Bytes, ClientError> {
    loop {
        match body.frame().await {
            None => return Err(ClientError::Ended { what: what.to_string() }),
            Some(Err(source)) => return Err(ClientError::Broken { what: what.to_string(), source }),
            Some(Ok(frame)) => {
                if let Ok(bytes) = frame.into_data() {
                    return Ok(bytes);
                }
            }
        }
    }
}
