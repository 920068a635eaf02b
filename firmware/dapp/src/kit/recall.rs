//! What a program said before it started.
//!
//! Its first event's number says where the past ends. How far back it goes is bounded: a program that was cut off in the
//! middle of something had said so not long before.

use super::news::News;
use crate::{
    client::{Client, ClientError},
    wire::{EventRecord, EventsQuery},
};
use std::time::Duration;
use tokio::sync::mpsc;

/// How many events of the node are looked through.
const BACK: u64 = 4_000;
/// The pause before asking again.
const AGAIN_MS: u64 = 1_000;

/// Tells of the past that ends before the event with this number; asks until it is answered.
pub(super) async fn recall(dapp: &str, client: Client, first: u64, news: mpsc::UnboundedSender<News>) {
    let events = loop {
        match past(&client, first).await {
            Ok(events) => break events,
            Err(error) if error.is_transient() => {
                tokio::time::sleep(Duration::from_millis(AGAIN_MS)).await;
            }
            Err(error) => {
                eprintln!("{dapp}: the past cannot be read: {error}");
                return;
            }
        }
    };
    drop(news.send(News::Past(events)));
}

async fn past(client: &Client, first: u64) -> Result<Vec<EventRecord>, ClientError> {
    let (mut found, mut after) = (Vec::new(), first.saturating_sub(BACK));
    loop {
        let query = EventsQuery { kind: None, after: Some(after), limit: Some(EventsQuery::MAX_LIMIT) };
        let events = client.events(&query).await?.events;
        let whole = events.len() as u64 == EventsQuery::MAX_LIMIT;
        after = events.last().map_or(after, |event| event.seq);
        found.extend(events.into_iter().filter(|event| event.seq < first));
        if !whole || after >= first {
            return Ok(found);
        }
    }
}
