//! What a liar makes of what it sends.
//!
//! It runs the same software; what leaves it is bent: a vote for one block and, to half of the others, for another; damaged
//! bytes; answers kept back. What it cannot do is sign for others.

use crate::{net::Wire, node::Manner, world::World};
use ledger::finality::{Ballot, Message as Vote};
use model::{BlockId, SigningKey};
use std::rc::Rc;
use sync::Message;

impl World {
    /// What goes out instead of `wire`.
    pub(crate) fn tampered(&mut self, from: usize, to: usize, wire: Wire) -> Vec<(usize, Wire)> {
        if self.nodes[from].manner != Manner::Liar {
            return vec![(to, wire)];
        }
        let key = self.nodes[from].key.clone();
        match wire {
            Wire::Frame(frame) if self.dice.permille(2) => vec![(to, Wire::Frame(self.damaged(&frame)))],
            Wire::Frame(frame) => match second_vote(&key, &frame) {
                Some(other) if to.is_multiple_of(2) => vec![(to, Wire::Frame(other.into()))],
                Some(other) if self.dice.permille(300) => {
                    vec![(to, Wire::Frame(frame)), (to, Wire::Frame(other.into()))]
                }
                _ => vec![(to, Wire::Frame(frame))],
            },
            Wire::Response { .. } if self.dice.permille(100) => Vec::new(),
            Wire::Response { id, bytes: Some(bytes) } if self.dice.permille(10) => {
                vec![(to, Wire::Response { id, bytes: Some(self.damaged(&bytes)) })]
            }
            other => vec![(to, other)],
        }
    }

    fn damaged(&mut self, bytes: &[u8]) -> Rc<[u8]> {
        let mut bytes = bytes.to_vec();
        if !bytes.is_empty() {
            let place = self.dice.index(bytes.len());
            bytes[place] ^= 1 << self.dice.below(8);
        }
        bytes.into()
    }
}

/// The same vote of the liar for another block.
fn second_vote(key: &SigningKey, frame: &[u8]) -> Option<Vec<u8>> {
    let Ok(Message::Gossip(gossip)) = Message::parse(frame) else { return None };
    let Ok(Vote::Ballot(signed)) = Vote::parse(&gossip) else { return None };
    if signed.by != key.public().id() {
        return None;
    }
    let block = match signed.ballot.block {
        Some(_) => None,
        None => Some(BlockId::new([7; 32])),
    };
    let other = Ballot { block, ..signed.ballot }.sign(key);
    Some(Message::Gossip(Vote::Ballot(other).to_bytes()).to_bytes())
}
