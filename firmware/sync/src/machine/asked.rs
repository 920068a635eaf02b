//! Requests of peers: which are let in, and with how much.

use super::Sync;
use crate::{conduct::Misdeed, request::Request, response::Response};
use model::{KeyId, Millis};

/// So many requests of one peer are answered at a time.
const MAX_SERVING: u32 = 4;
/// With less than this an answer is not worth its request.
const MIN_BUDGET: u64 = 64 * 1024;

/// What is to become of a peer's request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// Serve it with at most so many bytes; when the answer has gone, or cannot be had, say [`Sync::served`].
    Serve {
        /// The request.
        request: Request,
        /// The budget for [`Server::serve`](crate::Server::serve).
        budget: u32,
    },
    /// Answer this.
    Answer(Response),
    /// Answer nothing: the peer is not up, or sent what is no request.
    Refuse,
}

impl Sync {
    /// A peer asks for something.
    pub fn asked(&mut self, peer: KeyId, request: &[u8], now: Millis) -> Asked {
        let Some(known) = self.peers.get_mut(&peer).filter(|known| known.up) else { return Asked::Refuse };
        known.heard_at = now;
        if !known.requests.take(1, now) {
            let ms = known.requests.wait_ms(1, now);
            self.misdeed(peer, Misdeed::TooFast, now);
            return later(ms);
        }
        match Request::parse(request) {
            Ok(request) => self.budget(peer, request, now),
            Err(error) => {
                let misdeed = if error.is_oversized() { Misdeed::Oversized } else { Misdeed::Damaged };
                self.misdeed(peer, misdeed, now);
                Asked::Refuse
            }
        }
    }

    /// The answer of so many bytes has gone to a peer, or was given up (0).
    pub fn served(&mut self, peer: KeyId, bytes: u64, now: Millis) {
        if let Some(known) = self.peers.get_mut(&peer) {
            known.served.spend(bytes, now);
            known.serving = known.serving.saturating_sub(1);
        }
    }

    fn budget(&mut self, peer: KeyId, request: Request, now: Millis) -> Asked {
        let Some(known) = self.peers.get_mut(&peer) else { return Asked::Refuse };
        let least = MIN_BUDGET.min(self.limits.served_bytes.burst);
        let wait = known.served.wait_ms(least, now);
        if wait > 0 || known.serving >= MAX_SERVING {
            return later(wait.max(100));
        }
        known.serving += 1;
        let budget = known.served.left(now).min(self.limits.response_bytes.into());
        Asked::Serve { request, budget: u32::try_from(budget).unwrap_or(u32::MAX) }
    }
}

fn later(ms: u64) -> Asked {
    Asked::Answer(Response::Later { ms: u32::try_from(ms).unwrap_or(u32::MAX) })
}
