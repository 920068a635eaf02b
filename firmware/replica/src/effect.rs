//! What a replica wants done, in order.

use model::BlockId;

/// Something for the host to do, or to know.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Main moved: a newer block is final.
    Moved {
        /// The newest final block.
        block: BlockId,
        /// Its height.
        height: u64,
    },
    /// The tentative state is another: a head came, or what it builds on is final.
    Tentative,
}
