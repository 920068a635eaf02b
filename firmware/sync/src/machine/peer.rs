//! What the machine knows of one connected peer.

use crate::{bucket::TokenBucket, limits::Limits, message::Head};
use model::{BlockId, Millis, RefName};
use std::collections::BTreeMap;

/// The most heads of a peer that are wanted at a time; what does not fit is told again later.
const MAX_WANTED: usize = 4096;

#[derive(Debug)]
pub(super) struct Peer {
    /// Whether it has said who it is.
    pub(super) up: bool,
    pub(super) software: String,
    pub(super) heard_at: Millis,
    /// When it was last told that we live.
    pub(super) alive_at: Millis,
    /// Until then nothing is asked of it.
    pub(super) busy_until: Millis,
    /// What it announced last, by name.
    pub(super) announced: BTreeMap<RefName, BlockId>,
    /// What it announced and is not here.
    pub(super) wanted: BTreeMap<RefName, Head>,
    frames: TokenBucket,
    frame_bytes: TokenBucket,
    pub(super) requests: TokenBucket,
    pub(super) served: TokenBucket,
    /// How many of its requests are being answered.
    pub(super) serving: u32,
}

impl Peer {
    pub(super) fn new(limits: &Limits, now: Millis) -> Self {
        Self {
            up: false,
            software: String::new(),
            heard_at: now,
            alive_at: now,
            busy_until: Millis(0),
            announced: BTreeMap::new(),
            wanted: BTreeMap::new(),
            frames: TokenBucket::full(limits.frames, now),
            frame_bytes: TokenBucket::full(limits.frame_bytes, now),
            requests: TokenBucket::full(limits.requests, now),
            served: TokenBucket::full(limits.served_bytes, now),
            serving: 0,
        }
    }

    /// Whether it may send a frame of so many bytes.
    pub(super) fn may_send(&mut self, bytes: usize, now: Millis) -> bool {
        self.frames.take(1, now) && self.frame_bytes.take(bytes as u64, now)
    }

    /// What it made this box tell it counts as if it had sent as much: a short frame must not cost long ones for nothing.
    pub(super) fn made_us_tell(&mut self, bytes: usize, now: Millis) {
        self.frame_bytes.spend(bytes as u64, now);
    }

    /// Whether something can be asked of it.
    pub(super) fn is_free(&self, now: Millis) -> bool {
        self.up && self.busy_until <= now
    }

    /// It has a head that is not here.
    pub(super) fn want(&mut self, head: Head) {
        if self.wanted.len() < MAX_WANTED || self.wanted.contains_key(&head.name) {
            self.wanted.insert(head.name.clone(), head);
        }
    }
}
