//! Events of other boxes as they become known, for whoever watches.

use super::History;
use crate::wire::{LogEntry, LogQuery};
use model::Name;
use std::collections::BTreeMap;
use store::index::IndexError;

/// How many of the newest events are looked at: who was away for longer reads the log.
const LOOKED_AT: usize = 100;

/// How far each other box's events were told.
#[derive(Default)]
pub struct Heard {
    last: BTreeMap<Name, u64>,
    /// What is there at the start is old.
    begun: bool,
}

impl Heard {
    /// Those of the newest events that are another box's and were not told yet, oldest first.
    pub fn news(&mut self, history: &mut History) -> Result<Vec<LogEntry>, IndexError> {
        let newest = history.log(&LogQuery { limit: Some(LOOKED_AT), ..LogQuery::default() })?;
        let mut news = Vec::new();
        for entry in newest.into_iter().filter(|entry| entry.node != history.node) {
            let last = self.last.entry(entry.node.clone()).or_default();
            if entry.event.seq > *last {
                *last = entry.event.seq;
                news.push(entry);
            }
        }
        let begun = std::mem::replace(&mut self.begun, true);
        Ok(if begun { news } else { Vec::new() })
    }
}
