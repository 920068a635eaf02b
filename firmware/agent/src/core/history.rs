//! Events looked up in this process, for ledgerctl; ledgerd's are looked up by its librarian.

use super::Core;
use crate::{
    history::History,
    wire::{LogEntry, LogQuery},
};
use store::index::IndexError;

impl Core {
    /// The index of events, not yet caught up.
    pub fn history(&self) -> History {
        History::new(self.home.folder().to_path_buf(), self.node().clone(), self.objects.clone())
    }

    /// Events, newest last.
    pub fn log(&self, query: &LogQuery) -> Result<Vec<LogEntry>, IndexError> {
        let mut history = self.history();
        history.learn(self.view.head, self.pending())?;
        let found = history.log(query)?;
        history.close()?;
        Ok(found)
    }
}
