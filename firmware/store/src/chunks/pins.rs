//! Chunks that no branch reaches yet because their manifest is still being written.
//!
//! While a [`Pin`] lives, every chunk that is put, or found to be there when it is put, survives a collection.
//! Hold one from before the first chunk until the manifest is in the ledger, and one around a collection from
//! before the reachable chunks are gathered.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use model::ChunkId;

use super::places::prefix;

#[derive(Debug, Default)]
struct State {
    held: usize,
    prefixes: BTreeSet<u64>,
}

/// The pinned chunks, by the first 8 bytes of the name: a few too many are kept at worst.
#[derive(Debug, Clone, Default)]
pub(super) struct Pins(Arc<Mutex<State>>);

/// Keeps what is put during its life from being collected.
#[derive(Debug)]
#[must_use = "a pin that is dropped at once holds nothing"]
pub struct Pin(Pins);

impl Pins {
    pub fn hold(&self) -> Pin {
        self.lock().held += 1;
        Pin(self.clone())
    }

    /// Notes that somebody relies on the chunk.
    pub fn note(&self, id: &ChunkId) {
        let mut state = self.lock();
        if state.held > 0 {
            state.prefixes.insert(prefix(id));
        }
    }

    pub fn has(&self, id: &ChunkId) -> bool {
        self.lock().prefixes.contains(&prefix(id))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.held -= 1;
        if state.held == 0 {
            state.prefixes.clear();
        }
    }
}
