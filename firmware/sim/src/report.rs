//! What a run came to: its figures, or what did not hold and how to see it again.

use crate::{
    book::Violation,
    node::{Node, Traffic},
    world::World,
};

/// A run that went wrong, with what is needed to see it again.
#[derive(Debug, thiserror::Error)]
#[error("seed {seed}, step {step}, at {at} ms: {violation}")]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// The step after which it showed.
    pub step: u64,
    /// The virtual time.
    pub at: u64,
    /// What did not hold.
    pub violation: Box<Violation>,
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Boxes.
    pub nodes: usize,
    /// Steps.
    pub steps: u64,
    /// Virtual time, until all agreed.
    pub ms: u64,
    /// Events acknowledged.
    pub events: u64,
    /// Final blocks.
    pub blocks: u64,
    /// What the boxes sent, all together.
    pub sent: Traffic,
    /// A hash of all that happened.
    pub digest: u64,
}

impl World {
    pub(crate) fn report(&self) -> Report {
        let add = |sum: Traffic, node: &Node| Traffic {
            messages: sum.messages + node.sent.messages,
            bytes: sum.bytes + node.sent.bytes,
        };
        Report {
            nodes: self.nodes.len(),
            steps: self.step,
            ms: self.now.0,
            events: self.nodes.iter().map(|node| node.last_event).sum(),
            blocks: self.book.blocks,
            sent: self.nodes.iter().fold(Traffic::default(), add),
            digest: self.digest,
        }
    }

    /// Each box and how far it is; for people.
    pub fn standing(&self) -> String {
        let mut lines = String::new();
        for node in &self.nodes {
            let stands = match node.look() {
                None => "off".to_string(),
                Some(replica) => {
                    let (main, round) = (replica.main(), replica.vote().round());
                    let peers = node.peers.len();
                    format!("height {} {} vote {round:?} peers {peers}", main.height, main.block.short())
                }
            };
            lines += &format!("{} {:?} wal {} {stands}\n", node.name, node.manner, node.wal.len());
        }
        lines
    }
}

/// An error with what caused it.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let (mut text, mut next) = (error.to_string(), error.source());
    while let Some(cause) = next {
        text += &format!(": {cause}");
        next = cause.source();
    }
    text
}
