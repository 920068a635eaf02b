//! The newest head of each writer that this box knows, and whether main has it.

use crate::{Status, merged::Merged};
use ledger::Block;
use model::{BlockId, KeyId, Millis};
use std::collections::BTreeMap;

/// A writer's newest head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) block: BlockId,
    pub(crate) sequence: u64,
    /// When this box first had it, in time elapsed.
    pub(crate) since: Millis,
    /// Why it stays out of main, if it was tried.
    pub(crate) left_out: Option<String>,
}

/// All writers.
#[derive(Debug)]
pub(crate) struct Lines {
    heads: BTreeMap<KeyId, Head>,
    pub(crate) merged: Merged,
}

impl Lines {
    pub(crate) fn new(merged: Merged) -> Self {
        Self { heads: BTreeMap::new(), merged }
    }

    /// Takes in a head whose line goes on from the one known before.
    pub(crate) fn set(&mut self, block: &Block, since: Millis) {
        let sequence = block.sequence.unwrap_or(0);
        self.heads.insert(block.author, Head { block: block.id, sequence, since, left_out: None });
    }

    pub(crate) fn head(&self, writer: &KeyId) -> Option<&Head> {
        self.heads.get(writer)
    }

    /// All heads by writer.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&KeyId, &Head)> {
        self.heads.iter()
    }

    fn is_merged(&self, writer: &KeyId, head: &Head) -> bool {
        self.merged.newest(writer).is_some_and(|newest| newest.sequence >= head.sequence)
    }

    /// Heads that main does not have and that were not left out.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = &Head> {
        let waits =
            |(writer, head): &(&KeyId, &Head)| head.left_out.is_none() && !self.is_merged(writer, head);
        self.heads.iter().filter(waits).map(|(_, head)| head)
    }

    /// Remembers that a head was tried and stays out.
    pub(crate) fn leave_out(&mut self, block: BlockId, reason: &str) {
        if let Some(head) = self.heads.values_mut().find(|head| head.block == block) {
            head.left_out = Some(reason.to_string());
        }
    }

    pub(crate) fn status(&self, writer: &KeyId, head: &Head) -> Status {
        match (self.merged.newest(writer), &head.left_out) {
            (Some(newest), _) if newest.sequence >= head.sequence => Status::Final { height: newest.height },
            (_, Some(reason)) => Status::LeftOut { reason: reason.clone() },
            _ => Status::Waiting,
        }
    }
}
