//! Documents on their way into the ledger, one after another.
//!
//! A document is written once: what fails is told to the program, which knows whether it still matters.

use super::news::News;
use crate::{
    client::Client,
    wire::{DocumentChange, DocumentsRequest},
};
use std::time::Duration;
use tokio::sync::mpsc;

/// How long the agent may take: judges are asked first, in containers.
const TIMEOUT_MS: u64 = 60_000;

/// Writes what comes until nobody is left who could send more.
pub(super) async fn write(
    client: Client,
    mut requests: mpsc::UnboundedReceiver<DocumentsRequest>,
    news: mpsc::UnboundedSender<News>,
) {
    let client = client.with_timeout(Duration::from_millis(TIMEOUT_MS));
    while let Some(request) = requests.recv().await {
        let failed = client.propose(&request).await.err().map(|error| error.to_string());
        for path in request.changes.iter().map(DocumentChange::path) {
            drop(news.send(News::Written { path: path.clone(), failed: failed.clone() }));
        }
    }
}
