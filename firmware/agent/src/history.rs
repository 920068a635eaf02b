//! Events, looked up: the store's index, kept up with the ledger.
//!
//! The index is a copy and may be gone or old; [`History::learn`] makes up for it. In ledgerd it has a thread of
//! its own ([`Librarian`]), so that making it anew after a power cut keeps no event and no door waiting.

mod heard;
mod librarian;

pub use librarian::{Librarian, Wanted};

use crate::wire::{LogEntry, LogQuery};
use model::{BlockId, Event, Name};
use std::path::PathBuf;
use store::{
    GitObjects,
    index::{Index, IndexError, Query, Row},
};

/// How many events a query gives if it does not say.
const LIMIT: usize = 100;

/// The events of a home.
pub struct History {
    home: PathBuf,
    node: Name,
    objects: GitObjects,
    index: Option<Index>,
}

impl History {
    /// The events of the home at `home`, of the box `node`.
    pub fn new(home: PathBuf, node: Name, objects: GitObjects) -> Self {
        Self { home, node, objects, index: None }
    }

    /// Takes in all that main has at `head`, what other heads reach (those of other boxes too), and what waits here
    /// for a block.
    pub fn learn(&mut self, head: BlockId, pending: &[Event]) -> Result<(), IndexError> {
        // References that cannot be read are made up for by main, which has what is final.
        let refs = self.objects.refs().unwrap_or_default();
        let heads: Vec<BlockId> = [head].into_iter().chain(refs.into_values()).collect();
        self.try_with(|index, objects, node| {
            index.catch_up(objects, &heads, &mut |_| {})?;
            index.add(node, pending)
        })
    }

    /// Takes in events that are in no block yet.
    pub fn add(&mut self, events: &[Event]) -> Result<(), IndexError> {
        self.try_with(|index, _, node| index.add(node, events))
    }

    /// Events of all boxes, newest last: the newest that match, or, after a count of this box, the oldest.
    pub fn log(&mut self, query: &LogQuery) -> Result<Vec<LogEntry>, IndexError> {
        let limit = u32::try_from(query.limit.unwrap_or(LIMIT)).unwrap_or(u32::MAX);
        let asked = Query {
            node: query.after.map(|_| self.node.clone()),
            dapp: query.dapp.clone(),
            kind: query.kind.clone(),
            text: query.text.clone(),
            after: query.after,
            limit,
        };
        let mut rows = self.try_with(|index, _, _| index.query(&asked))?;
        if query.after.is_none() {
            rows.reverse();
        }
        rows.retain(|row| query.since.is_none_or(|since| row.event.at >= since));
        Ok(rows.into_iter().map(|Row { node, event, block }| LogEntry { event, node, block }).collect())
    }

    /// Events of one dapp of this box after a count, oldest first.
    pub fn events_of(
        &mut self,
        dapp: &Name,
        kind: Option<&Name>,
        after: u64,
        limit: u64,
    ) -> Result<Vec<Event>, IndexError> {
        let asked = Query {
            node: Some(self.node.clone()),
            dapp: Some(dapp.clone()),
            kind: kind.cloned(),
            text: None,
            after: Some(after),
            limit: u32::try_from(limit).unwrap_or(u32::MAX),
        };
        let rows = self.try_with(|index, _, _| index.query(&asked))?;
        Ok(rows.into_iter().map(|row| row.event).collect())
    }

    /// Says that the index is whole, so that it is trusted after the next start of the machine.
    pub fn close(self) -> Result<(), IndexError> {
        self.index.map_or(Ok(()), Index::close)
    }

    /// Does something with the index; one that failed is opened anew the next time.
    fn try_with<T>(
        &mut self,
        with: impl FnOnce(&mut Index, &GitObjects, &Name) -> Result<T, IndexError>,
    ) -> Result<T, IndexError> {
        let mut index = match self.index.take() {
            Some(index) => index,
            None => Index::open(&self.home)?,
        };
        let value = with(&mut index, &self.objects, &self.node)?;
        self.index = Some(index);
        Ok(value)
    }
}
