//! What happens, as it happens, to whoever watches: the page and `ledgerctl`.
//!
//! A watcher that does not keep up loses messages and is told by the end of its stream; nobody waits for it.

use crate::wire;
use tokio::sync::broadcast;

/// How many messages a slow watcher may be behind.
const BEHIND_MAX: usize = 256;

/// The place where it is said.
#[derive(Clone)]
pub struct Live(broadcast::Sender<wire::Live>);

impl Default for Live {
    fn default() -> Self {
        Self(broadcast::channel(BEHIND_MAX).0)
    }
}

impl Live {
    /// Says something to all who watch now.
    pub fn say(&self, what: wire::Live) {
        // An error means that nobody watches.
        let _nobody = self.0.send(what);
    }

    /// Watches from now on.
    pub fn watch(&self) -> broadcast::Receiver<wire::Live> {
        self.0.subscribe()
    }
}
