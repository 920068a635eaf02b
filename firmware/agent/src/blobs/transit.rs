//! Chunks that pass through: somebody waits for them, and they are not kept.
//!
//! An update writes what it fetches straight into a slot; on the data partition it would only take up room. Whoever waits is
//! told the bytes, or that nobody who is connected has them.

use model::ChunkId;
use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
};

/// Who waits for one chunk.
struct Awaited {
    length: u32,
    /// Nobody is asked twice at a time: the second one waits for the first one's answer.
    by: Vec<SyncSender<Option<Vec<u8>>>>,
}

/// The chunks that are waited for.
#[derive(Default)]
pub struct Transit(Mutex<HashMap<ChunkId, Awaited>>);

impl Transit {
    /// Waits for a chunk of about this length: its bytes, or none if nobody has it.
    pub fn wait_for(&self, id: ChunkId, length: u32) -> Receiver<Option<Vec<u8>>> {
        let (sender, receiver) = sync_channel(1);
        self.lock().entry(id).or_insert_with(|| Awaited { length, by: Vec::new() }).by.push(sender);
        receiver
    }

    /// Nobody waits for it any more.
    pub fn forget(&self, id: &ChunkId) {
        self.lock().remove(id);
    }

    /// Everything that is waited for, with lengths.
    pub fn wanted(&self) -> Vec<(ChunkId, u32)> {
        self.lock().iter().map(|(id, awaited)| (*id, awaited.length)).collect()
    }

    /// Hands a chunk to those who wait for it; gives it back if nobody does.
    pub fn pass(&self, id: &ChunkId, bytes: Vec<u8>) -> Option<Vec<u8>> {
        let Some(awaited) = self.lock().remove(id) else { return Some(bytes) };
        for waiting in awaited.by {
            // One that has given up needs nothing.
            drop(waiting.try_send(Some(bytes.clone())));
        }
        None
    }

    /// Nobody who is connected has these: those that were waited for are not any more.
    pub fn absent(&self, ids: &[ChunkId]) -> Vec<ChunkId> {
        let mut all = self.lock();
        let mut gone = Vec::new();
        for id in ids {
            let Some(awaited) = all.remove(id) else { continue };
            awaited.by.into_iter().for_each(|waiting| drop(waiting.try_send(None)));
            gone.push(*id);
        }
        gone
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ChunkId, Awaited>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_gets_it_and_nobody_keeps_it() {
        let (transit, id) = (Transit::default(), ChunkId::new([1; 32]));
        assert_eq!(transit.pass(&id, vec![7]), Some(vec![7]), "nobody waits");
        let (one, two) = (transit.wait_for(id, 1), transit.wait_for(id, 1));
        assert_eq!(transit.wanted(), [(id, 1)]);
        assert_eq!(transit.pass(&id, vec![7]), None);
        assert_eq!((one.recv().unwrap(), two.recv().unwrap()), (Some(vec![7]), Some(vec![7])));
        let late = transit.wait_for(id, 1);
        assert_eq!(transit.absent(&[id, ChunkId::new([2; 32])]), [id]);
        assert_eq!(late.recv().unwrap(), None);
        assert!(transit.wanted().is_empty());
    }
}
