//! The node's own key, replaced: written with the old one, used from the next beginning on.
//!
//! From the block that replaces it on, the old key writes nothing: what it wrote after that would not be merged. Events
//! wait in the write-ahead log for the new key.

use super::{Core, CoreError};
use crate::{home::NODE_KEY, wire::Merged};
use ledger::{State, replace_key};
use model::Millis;
use replica::Status;

impl Core {
    /// Has the key that was made for it (`rotation::prepare_node`) take the place of this box's.
    pub fn rotate(&mut self, label: &str) -> Result<Merged, CoreError> {
        let next = self.home.next_key(NODE_KEY)?.ok_or(CoreError::NoNextKey)?;
        let at = Millis(self.now().clock.seconds() * 1000);
        let changes = {
            let state = State::at(&self.objects, self.view.head)?;
            replace_key(&state, &self.key_id(), &next.public(), label, at)?
        };
        let subject = format!("Replace the key of {}", self.node());
        let merged = self.write_documents(None, subject, &changes)?;
        self.look_at_key()?;
        Ok(merged)
    }

    /// Whether the box is to begin anew, because its new key counts.
    pub fn is_outdated(&self) -> bool {
        self.outdated
    }

    /// How it stands with this box's key.
    pub(super) fn look_at_key(&mut self) -> Result<(), CoreError> {
        self.outdated = self.is_given_up_at(self.view.head)? && self.home.next_key(NODE_KEY)?.is_some();
        self.giving_up = self.outdated || self.gives_up()?;
        Ok(())
    }

    /// Whether the box's own newest block gives its key up, and may still be merged.
    fn gives_up(&self) -> Result<bool, CoreError> {
        let Some(replica) = &self.replica else { return Ok(self.giving_up) };
        let Some(own) = replica.head_of(&self.key_id()) else { return Ok(false) };
        let left_out = matches!(replica.status_of(own)?, Status::LeftOut { .. });
        Ok(!left_out && self.is_given_up_at(own)?)
    }

    fn is_given_up_at(&self, block: model::BlockId) -> Result<bool, CoreError> {
        let key = State::at(&self.objects, block)?.key_as_written(&self.key_id())?;
        Ok(key.is_some_and(|key| key.replaced.is_some()))
    }

    /// Everybody who belongs has been met, and so has heard of this box's newest key.
    pub fn all_are_met(&self) -> Result<(), CoreError> {
        Ok(self.home.forget_net_key()?)
    }
}
