//! Events on their way into the ledger.
//!
//! An event is sent until the agent says that it is durable. While the agent is away, events wait in memory, in
//! their order, at most [`MAX_WAITING`]; beyond that the oldest go, because the newest tell what is the case
//! now, and the next event says how many are missing. An answer that was lost on the way makes an event come
//! twice rather than not at all.

use super::news::LogEvent;
use crate::client::{Client, ClientError};
use std::{collections::VecDeque, sync::Mutex, sync::PoisonError, time::Duration};
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};

/// How many events wait: at one badge every two seconds, half an hour; in practice days.
pub const MAX_WAITING: usize = 1000;
/// The first pause before sending again, and the longest.
const BACK_OFF_MS: (u64, u64) = (100, 5_000);
/// An event that waited longer than this says so.
const LATE_MS: u64 = 1_000;

/// Events that wait.
#[derive(Debug)]
pub struct Queue {
    /// Whose events.
    dapp: &'static str,
    waiting: Mutex<Waiting>,
    changed: Notify,
    /// The number of the first event that was kept.
    first: watch::Sender<Option<u64>>,
}

#[derive(Debug, Default)]
struct Waiting {
    events: VecDeque<(LogEvent, Instant)>,
    /// Events that went since the last that was sent.
    lost: u64,
    /// Whether one is being sent.
    sending: bool,
}

impl Queue {
    /// No event waits.
    pub fn new(dapp: &'static str) -> Self {
        let first = watch::Sender::new(None);
        Self { dapp, waiting: Mutex::default(), changed: Notify::new(), first }
    }

    /// Takes an event.
    pub fn push(&self, event: LogEvent) {
        let mut waiting = self.lock();
        if waiting.events.len() >= MAX_WAITING {
            waiting.events.pop_front();
            waiting.lost += 1;
        }
        waiting.events.push_back((event, Instant::now()));
        drop(waiting);
        self.changed.notify_one();
    }

    /// Whether everything is in the ledger.
    pub fn is_empty(&self) -> bool {
        let waiting = self.lock();
        waiting.events.is_empty() && !waiting.sending
    }

    /// The number of the first event that was kept, once there is one.
    pub async fn first(&self) -> u64 {
        let mut first = self.first.subscribe();
        loop {
            if let Some(seq) = *first.borrow_and_update() {
                return seq;
            }
            if first.changed().await.is_err() {
                // The sender is ours.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Sends for ever.
    pub async fn send(&self, client: Client) {
        loop {
            match self.take() {
                Some((event, since)) => {
                    self.deliver(&client, event, since).await;
                    self.lock().sending = false;
                }
                None => self.changed.notified().await,
            }
        }
    }

    async fn deliver(&self, client: &Client, mut event: LogEvent, since: Instant) {
        let mut pause_ms = BACK_OFF_MS.0;
        let lost = std::mem::take(&mut self.lock().lost);
        if lost > 0 {
            event.data.insert("lost_before".into(), lost.into());
        }
        loop {
            let late = since.elapsed().as_millis() as u64;
            if late > LATE_MS {
                event.data.insert("late_ms".into(), late.into());
            }
            match append(client, &event).await {
                Ok(seq) => {
                    self.first.send_if_modified(|first| first.is_none() && first.replace(seq).is_none());
                    return;
                }
                Err(error) if error.is_transient() => {
                    tokio::time::sleep(Duration::from_millis(pause_ms)).await;
                    pause_ms = (pause_ms * 2).min(BACK_OFF_MS.1);
                }
                Err(error) => {
                    eprintln!("{}: an event of kind {} is not kept: {error}", self.dapp, event.kind);
                    return;
                }
            }
        }
    }

    fn take(&self) -> Option<(LogEvent, Instant)> {
        let mut waiting = self.lock();
        let next = waiting.events.pop_front();
        waiting.sending = next.is_some();
        next
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn append(client: &Client, event: &LogEvent) -> Result<u64, ClientError> {
    let kind = event.kind.parse().expect("because kinds of events are names");
    client.append_event(kind, event.data.clone()).await.map(|appended| appended.seq)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::JsonMap;

    fn event(n: u64) -> LogEvent {
        let mut data = JsonMap::new();
        data.insert("n".into(), n.into());
        LogEvent { kind: "access", data }
    }

    #[tokio::test]
    async fn beyond_the_limit_the_oldest_go_and_are_counted() {
        let queue = Queue::new("doorbot");
        (0..MAX_WAITING as u64 + 3).for_each(|n| queue.push(event(n)));
        let waiting = queue.lock();
        assert_eq!((waiting.events.len(), waiting.lost), (MAX_WAITING, 3));
        assert_eq!(waiting.events[0].0.data["n"], 3);
    }
}
