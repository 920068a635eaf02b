//! What comes for the keeper from elsewhere than its callers: from other boxes, from judges.
//!
//! A lane of its own, so that a box that sends much keeps no event waiting: the keeper looks here when nobody of
//! this box wants anything, and takes a bounded piece at a time. When the lane is full its senders wait, and with them
//! the peers. Whoever puts something in rings the bell, once until the keeper has looked.

use super::Command;
use bytes::Bytes;
use ledger::{Outcome, TaskId};
use model::{ChunkId, KeyId};
use net::Reply;
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::SyncSender,
    },
};
use sync::RequestId;
use tokio::sync::mpsc;

/// How many pieces of news may wait.
const WAITING_MAX: usize = 256;

/// Something that happened outside.
#[derive(Debug)]
pub enum News {
    /// A peer is connected.
    Up {
        /// Who.
        peer: KeyId,
        /// Where it was reached.
        addresses: Vec<SocketAddr>,
    },
    /// It no longer is.
    Down {
        /// Who.
        peer: KeyId,
    },
    /// A peer sent a frame.
    Frame {
        /// Who.
        peer: KeyId,
        /// The frame.
        bytes: Bytes,
    },
    /// A peer asks.
    Asked {
        /// Who.
        peer: KeyId,
        /// The request.
        bytes: Bytes,
        /// For the answer.
        reply: Reply,
    },
    /// A peer was answered.
    Served {
        /// Who.
        peer: KeyId,
        /// With how many bytes.
        bytes: u64,
    },
    /// A peer answered, or never will.
    Answer {
        /// Who.
        peer: KeyId,
        /// What was asked.
        id: RequestId,
        /// The answer.
        bytes: Option<Bytes>,
    },
    /// A judge spoke, or could not.
    Judged {
        /// What it was asked.
        task: TaskId,
        /// What it said.
        outcome: Outcome,
    },
    /// These chunks of the ledger's files, with their lengths in bytes, are not here.
    Missing(Vec<(ChunkId, u32)>),
    /// An update wants these chunks, with their lengths in bytes.
    Wanted(Vec<(ChunkId, u32)>),
    /// It does not want these any more.
    Unwanted(Vec<ChunkId>),
    /// Chunks that came were stored, or were not.
    ChunksKept {
        /// With which answer they came.
        id: RequestId,
        /// Whether they are durable.
        kept: bool,
    },
}

/// Where news is put.
#[derive(Clone)]
pub struct Post {
    lane: mpsc::Sender<News>,
    bell: SyncSender<Command>,
    rung: Arc<AtomicBool>,
}

/// Where the keeper takes it.
pub struct Lane {
    lane: mpsc::Receiver<News>,
    rung: Arc<AtomicBool>,
}

/// A lane, with the keeper's own queue for a bell.
pub fn lane(bell: SyncSender<Command>) -> (Post, Lane) {
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    let rung = Arc::new(AtomicBool::new(false));
    (Post { lane: sender, bell, rung: rung.clone() }, Lane { lane: receiver, rung })
}

impl Post {
    /// Puts news in, waiting for room. False if the keeper has ended.
    pub async fn tell(&self, news: News) -> bool {
        let told = self.lane.send(news).await.is_ok();
        self.ring();
        told
    }

    /// The same from a thread that may block.
    pub fn tell_blocking(&self, news: News) -> bool {
        let told = self.lane.blocking_send(news).is_ok();
        self.ring();
        told
    }

    fn ring(&self) {
        if !self.rung.swap(true, Ordering::AcqRel) {
            // A full queue means that the keeper is awake, and it looks at the lane before it sleeps.
            let _awake = self.bell.try_send(Command::Bell);
        }
    }
}

impl Lane {
    /// The next piece of news, if there is one.
    pub fn take(&mut self) -> Option<News> {
        self.rung.store(false, Ordering::Release);
        self.lane.try_recv().ok()
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.lane.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::sync_channel;

    #[test]
    fn the_bell_rings_once_until_the_keeper_has_looked() {
        let (bell, queue) = sync_channel(8);
        let (post, mut lane) = lane(bell);
        let peer = KeyId::new([1; 16]);
        for _ in 0..3 {
            assert!(post.tell_blocking(News::Down { peer }));
        }
        assert_eq!(queue.try_iter().count(), 1);
        assert!(matches!(lane.take(), Some(News::Down { .. })));
        post.tell_blocking(News::Down { peer });
        assert_eq!(queue.try_iter().count(), 1, "it had looked: what came after must wake it again");
        assert_eq!(std::iter::from_fn(|| lane.take()).count(), 3);
    }
}
