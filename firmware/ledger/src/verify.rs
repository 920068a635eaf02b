//! Verification of a whole ledger.
use crate::{check::BlockFault, object::Objects};
use model::{BlockId, OrgId};

/// What was verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// The organisation.
    pub org: OrgId,
    /// The head's height on main.
    pub height: u64,
    /// How many blocks.
    pub blocks: u64,
    /// How many events in them.
    pub events: u64,
}

/// A ledger that does not keep the rules.
#[derive(Debug, thiserror::Error)]
#[error("block {block}: {fault}")]
pub struct VerifyError {
    /// The first faulty block that was met.
    pub block: BlockId,
    /// What is wrong with it.
    pub fault: BlockFault,
}

/// Verifies every block from a head of main to the genesis, each once. `progress` hears how many blocks are done.
pub fn verify(
    objects: &dyn Objects,
    head: BlockId,
    progress: &mut dyn FnMut(u64),
) -> Result<Report, VerifyError> {
    let _ = (objects, head, progress);
    todo!()
}
