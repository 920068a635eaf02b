//! Merges that a power cut stopped half way.
//!
//! The store moves a writer's reference first and main's after it. Between the two, a writer's block is durable and
//! main does not have it yet; the next opening merges it. Such a block builds on the very block at which main
//! still stands, so looking at each reference once finds it, however long the ledger is.

use super::{Core, CoreError};
use ledger::{Block, NewObjects};
use model::BlockId;
use store::RefName;

impl Core {
    /// Merges what waits. A ledger that cannot be written now opens all the same: the door needs only to read it.
    pub(super) fn finish_merges(&mut self) {
        let done = self.waiting().and_then(|heads| match &heads[..] {
            [] => Ok(()),
            heads => self.merge(NewObjects::default(), heads, None).map(|_| ()),
        });
        if let Err(error) = done {
            let error = crate::devices::chain(&error);
            tracing::warn!(error, "blocks that a power cut kept from main wait for the next start");
        }
    }

    fn waiting(&mut self) -> Result<Vec<BlockId>, CoreError> {
        let (main, refs) = (RefName::main(), self.store()?.refs()?);
        let mut heads = Vec::new();
        for (_, head) in refs.into_iter().filter(|(name, _)| *name != main) {
            if Block::read(&self.objects, head)?.main() == Some(self.view.head) {
                heads.push(head);
            }
        }
        Ok(heads)
    }
}
