//! Where a proposal stands.

use model::{BlockId, KeyId, Millis, Name};

/// What became of a head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// It waits for a merge that counts.
    Waiting,
    /// Main contains it.
    Final {
        /// Main's height by which it did.
        height: u64,
    },
    /// It stays out until its writer mends it.
    LeftOut {
        /// Why.
        reason: String,
    },
    /// Nobody here has heard of it.
    Unknown,
}

/// A writer's newest block, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// The writer's key.
    pub writer: KeyId,
    /// The name of the key's owner, without its kind.
    pub name: Name,
    /// The block.
    pub head: BlockId,
    /// When it was written, by the writer's clock.
    pub at: Millis,
    /// What it says about itself.
    pub subject: String,
    /// Where it stands.
    pub status: Status,
}
