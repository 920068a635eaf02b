//! Answers that do not end: NDJSON, or server-sent events for a browser.
//!
//! A source yields lines; between them, at least every [`ALIVE_MS`], the stream says `alive` so that both ends
//! see a dead peer. It ends when its source ends, when its reader goes, or when ledgerd stops.

use axum::{
    body::{Body, Bytes},
    http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderMap},
    response::{IntoResponse, Response},
};
use dapp::wire::{ALIVE_MS, NDJSON};
use serde::Serialize;
use std::{convert::Infallible, time::Duration};
use tokio::sync::{mpsc, watch};

/// How many lines wait for a reader before its source waits.
const WAITING_MAX: usize = 16;

/// How lines are framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// One object a line.
    Lines,
    /// `data: object`, as browsers take it.
    Events,
}

impl Framing {
    /// What the reader asked for.
    pub fn wanted(headers: &HeaderMap) -> Self {
        let accepts = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
        if accepts.is_some_and(|accepts| accepts.contains("text/event-stream")) {
            Self::Events
        } else {
            Self::Lines
        }
    }
}

/// Where a source puts its lines.
pub struct Lines {
    framing: Framing,
    sender: mpsc::Sender<Bytes>,
    stopping: watch::Receiver<bool>,
}

/// The reader has gone, or ledgerd stops.
pub struct Gone;

impl Lines {
    /// Sends one line.
    pub async fn send(&mut self, value: &impl Serialize) -> Result<(), Gone> {
        let json = serde_json::to_string(value).map_err(|_| Gone)?;
        let text = match self.framing {
            Framing::Lines => json + "\n",
            Framing::Events => format!("data: {json}\n\n"),
        };
        self.sender.send(text.into()).await.map_err(|_| Gone)
    }

    /// Waits for `next`, saying `alive` meanwhile.
    pub async fn wait<T>(&mut self, next: impl Future<Output = T>) -> Result<T, Gone> {
        tokio::pin!(next);
        loop {
            tokio::select! {
                value = &mut next => return Ok(value),
                () = self.sender.closed() => return Err(Gone),
                _ = self.stopping.wait_for(|stopping| *stopping) => return Err(Gone),
                () = tokio::time::sleep(Duration::from_millis(ALIVE_MS)) => {}
            }
            self.send(&serde_json::json!({"type": "alive"})).await?;
        }
    }
}

/// An endless answer, fed by `source` in a task of its own.
pub fn answer<F, S>(framing: Framing, stopping: watch::Receiver<bool>, source: S) -> Response
where
    S: FnOnce(Lines) -> F,
    F: Future<Output = Result<(), Gone>> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    let source = source(Lines { framing, sender, stopping });
    tokio::spawn(async move {
        // However it ends, the reader sees the end of its stream.
        let _ended = source.await;
    });
    let media = match framing {
        Framing::Lines => NDJSON,
        Framing::Events => "text/event-stream",
    };
    let headers = [(CONTENT_TYPE, media), (CACHE_CONTROL, "no-store")];
    (headers, Body::from_stream(pieces(receiver))).into_response()
}

/// The pieces of a channel as a body's stream.
pub fn pieces<T: Send + 'static>(
    receiver: mpsc::Receiver<T>,
) -> impl futures_util::Stream<Item = Result<T, Infallible>> + Send {
    futures_util::stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|piece| (Ok(piece), receiver))
    })
}
