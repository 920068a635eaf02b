//! Events, looked up.

use super::{Core, CoreError};
use crate::wire::{LogEntry, LogQuery};
use model::{Event, Name};

impl Core {
    /// Events of this node, newest last.
    pub fn log(&mut self, query: &LogQuery) -> Result<Vec<LogEntry>, CoreError> {
        let matches = |event: &&Event| {
            query.dapp.as_ref().is_none_or(|dapp| event.dapp == *dapp)
                && query.kind.as_ref().is_none_or(|kind| event.kind == *kind)
                && query.after.is_none_or(|after| event.seq > after)
        };
        let node = self.node().clone();
        let limit = query.limit.unwrap_or(100);
        let mut found: Vec<LogEntry> = self
            .pending()
            .iter()
            .rev()
            .filter(matches)
            .take(limit)
            .map(|event| LogEntry { event: event.clone(), node: node.clone(), block: None })
            .collect();
        found.reverse();
        Ok(found)
    }

    /// Events of one dapp after a count, oldest first.
    pub fn events_of(
        &mut self,
        dapp: &Name,
        kind: Option<&Name>,
        after: u64,
        limit: u64,
    ) -> Result<Vec<Event>, CoreError> {
        let matches = |event: &&Event| {
            event.dapp == *dapp && event.seq > after && kind.is_none_or(|kind| event.kind == *kind)
        };
        Ok(self.pending().iter().filter(matches).take(limit as usize).cloned().collect())
    }
}
