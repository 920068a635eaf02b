//! Who a replica is, and the time as it is told.

use ledger::finality::Timeouts;
use model::{KeyId, Millis, Name, SigningKey};
use sync::Limits;

/// What a replica is told when it opens.
#[derive(Debug, Clone)]
pub struct Options {
    /// The node's key: it signs the node's blocks, and its votes if it is a validator.
    pub key: SigningKey,
    /// The key by which peers know the box, if that is not the same: they may not have heard of a new one.
    pub known_as: Option<KeyId>,
    /// The branch that it follows; main by default.
    pub branch: Name,
    /// How long a head may wait for others to come along before a merge is proposed.
    pub propose_after: Millis,
    /// How long the steps of a vote may last.
    pub timeouts: Timeouts,
    /// What peers may have of this box.
    pub limits: Limits,
    /// Name and version of the software, for peers to show.
    pub software: String,
}

impl Options {
    /// For a node with this key, on main.
    pub fn new(key: SigningKey) -> Self {
        Self {
            key,
            known_as: None,
            branch: ledger::MAIN.parse().expect("because \"main\" is a name"),
            propose_after: Millis(500),
            timeouts: Timeouts::default(),
            limits: Limits::default(),
            software: concat!("ledger ", env!("CARGO_PKG_VERSION")).into(),
        }
    }
}

/// The time, twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Since some moment of the host's, never backwards: for waiting.
    pub elapsed: Millis,
    /// The date as the box knows it, right or wrong: for what is written into blocks.
    pub clock: Millis,
}
