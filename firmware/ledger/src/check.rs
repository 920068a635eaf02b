//! Whether a block keeps the rules.
use crate::{block::Block, object::Objects};

/// A rule that a block breaks.
#[derive(Debug, thiserror::Error)]
pub enum BlockFault {}

/// Checks one block.
pub fn check_block(objects: &dyn Objects, block: &Block) -> Result<(), BlockFault> {
    let _ = (objects, block);
    todo!()
}
