//! The store of a home as the replica's [`Depot`].

use crate::home::Home;
use ledger::{NewObjects, Objects};
use model::{BlockId, KeyId, RefName};
use replica::{Depot, DepotError};
use std::{collections::BTreeMap, error::Error, sync::Arc};
use store::{CommitError, GitObjects, NoteError, OpenError, Options, Store, disk::Disk};

/// An open store with its objects.
pub struct Shelf {
    store: Store,
    objects: GitObjects,
}

impl Shelf {
    /// Opens the store of a home, for the node with this key.
    pub fn open(home: &Home, disk: &Arc<dyn Disk>, key: KeyId) -> Result<Self, OpenError> {
        let options = Options { writer: Some(key), ..Options::default() };
        let store = Store::open(home.folder(), disk.clone(), options)?;
        for damage in &store.recovery().damage {
            tracing::error!(?damage, "the write-ahead log is damaged: acknowledged events were lost");
        }
        let objects = store.objects();
        Ok(Self { store, objects })
    }

    /// The objects, for readers of their own.
    pub fn git(&self) -> &GitObjects {
        &self.objects
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The store, for its log of events.
    pub fn store_mut(&mut self) -> &mut Store {
        &mut self.store
    }
}

fn failed<E: Error + Send + Sync + 'static>(
    doing: &'static str,
    is_full: impl Fn(&E) -> bool,
) -> impl FnOnce(E) -> DepotError {
    move |error| DepotError { doing, is_full: is_full(&error), source: Box::new(error) }
}

fn note_is_full(error: &NoteError) -> bool {
    matches!(error, NoteError::Disk(error) if error.is_full())
}

impl Depot for Shelf {
    fn objects(&self) -> &dyn Objects {
        &self.objects
    }

    fn head(&self, name: &RefName) -> Result<Option<BlockId>, DepotError> {
        self.store.head(name).map_err(failed("read a reference", |_| false))
    }

    fn refs(&self) -> Result<BTreeMap<RefName, BlockId>, DepotError> {
        self.store.refs().map_err(failed("read the references", |_| false))
    }

    fn commit(&mut self, new: &NewObjects, moves: &[(RefName, BlockId)]) -> Result<(), DepotError> {
        self.store.commit(new, moves).map_err(failed("store new blocks", CommitError::is_full))
    }

    fn note(&self, name: &str) -> Result<Option<Vec<u8>>, DepotError> {
        self.store.note(name).map_err(failed("read a note", note_is_full))
    }

    fn keep_note(&mut self, name: &str, bytes: &[u8]) -> Result<(), DepotError> {
        self.store.keep_note(name, bytes).map_err(failed("keep a note", note_is_full))
    }
}
