//! Dials whom the book names, when it says so, and does it again for as long as they are admitted.

use crate::{
    MAIN,
    link::{self, Side},
    shared::Shared,
};
use model::PublicKey;
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::time::{sleep, timeout};

const DIAL_MAX: Duration = Duration::from_secs(10);
/// When the book expects nothing.
const IDLE: Duration = Duration::from_secs(60);

/// Dials until the network is closed.
pub async fn run(shared: Arc<Shared>) {
    loop {
        let (due, wake) = {
            let (mut state, now) = (shared.state(), shared.now());
            let due = state.book.due(now);
            (due, state.book.wake_at().map_or(IDLE, |at| at.saturating_sub(now)))
        };
        for (peer, addresses) in due {
            shared.spawn(dial(shared.clone(), peer, addresses));
        }
        tokio::select! {
            () = sleep(wake.max(Duration::from_millis(20))) => {}
            () = shared.dial.notified() => {}
        }
    }
}

async fn dial(shared: Arc<Shared>, peer: PublicKey, addresses: Vec<SocketAddr>) {
    if let Some(to) = shared.to_dial(&peer, &addresses) {
        match timeout(DIAL_MAX, shared.endpoint.connect(to, MAIN)).await {
            Ok(Ok(connection)) => link::run(shared.clone(), connection, Side::Dialled).await,
            Ok(Err(error)) => tracing::debug!(peer = %peer.id(), %error, "cannot dial"),
            Err(_) => tracing::debug!(peer = %peer.id(), "no answer to a dial"),
        }
    }
    // Says nothing if a link was up meanwhile, or is: the book knows.
    let now = shared.now();
    shared.state().book.failed(&peer, now);
    shared.dial.notify_one();
}
