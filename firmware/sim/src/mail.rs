//! What boxes send each other, and what becomes of it on the way.
//!
//! A message is counted where it is sent, takes its time, and arrives in the order of its connection, or the connection breaks.

use crate::{agenda::What, net::Wire, report::Failure, world::World};
use model::KeyId;
use std::rc::Rc;
use sync::{Asked, Response};

/// How long a broken connection takes to be noticed, and how long until it may be there again.
pub(crate) const BREAK_MS: u64 = 5_000;

impl World {
    /// Something goes out of a box, if there is still somebody to whom.
    pub(crate) fn send_to(&mut self, from: usize, peer: KeyId, wire: Wire) {
        let Some(to) = self.nodes[from].peers.get(&peer).copied() else { return };
        for (to, wire) in self.tampered(from, to, wire) {
            self.send(from, to, wire);
        }
    }

    fn send(&mut self, from: usize, to: usize, wire: Wire) {
        let Some(number) = self.net.number(from, to) else { return };
        let node = &mut self.nodes[from];
        node.sent.messages += 1;
        node.sent.bytes += wire.length();
        let slow = node.slow.0;
        let delay = self.dice.between(1, self.net.delay_max) + slow;
        if self.dice.permille(self.net.loss_permille) {
            // A stream that loses something is no stream any more; both sides notice in time.
            return self.later(delay + BREAK_MS, What::Break { number, from, to });
        }
        let at = match wire {
            Wire::Frame(_) => self.net.in_order(from, to, number, self.now.0 + delay),
            _ => self.now.0 + delay,
        };
        self.later(at - self.now.0, What::Arrive { number, from, to, wire });
    }

    pub(crate) fn arrive(&mut self, number: u64, from: usize, to: usize, wire: Wire) -> Result<(), Failure> {
        if self.net.number(from, to) != Some(number) {
            return Ok(());
        }
        let peer = self.nodes[from].id();
        match wire {
            Wire::Frame(frame) => self.call(to, |replica, now| replica.frame(peer, &frame, now)),
            Wire::Request { id, bytes, max_bytes } => {
                let answer = self.serve(to, peer, &bytes, max_bytes);
                self.send(to, from, Wire::Response { id, bytes: answer.map(Rc::from) });
                self.after(to, Ok(()))
            }
            Wire::Response { id, bytes } => {
                self.call(to, |replica, now| replica.response(peer, id, bytes.as_deref(), now))
            }
        }
    }

    /// Answers a request from a box's own disk.
    fn serve(&mut self, place: usize, peer: KeyId, request: &[u8], max_bytes: u32) -> Option<Vec<u8>> {
        let node = &mut self.nodes[place];
        let now = node.now(self.now);
        let asked = node.replica()?.asked(peer, request, now);
        let mut server = std::mem::take(&mut node.server);
        let answer: Option<Response> = match asked {
            Asked::Serve { request, budget } => {
                server.serve(node.look()?.objects(), &(), &request, budget).ok()
            }
            Asked::Answer(answer) => Some(answer),
            Asked::Refuse => None,
        };
        node.server = server;
        let bytes = answer?.to_bytes();
        node.replica()?.served(peer, bytes.len() as u64, now);
        Some(bytes).filter(|bytes| bytes.len() <= max_bytes as usize)
    }
}
