//! Any bytes as a block: an error, or a block that says again what it said.
#![no_main]

use ledger::{Block, BlockKind, Message};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(message) = Message::parse(bytes) {
        assert_eq!(message.render().as_bytes(), bytes);
    }
    if let Ok(block) = Block::parse(bytes) {
        assert_eq!(block.main().is_none(), block.kind == BlockKind::Genesis);
        assert_eq!(block.height.is_some(), block.kind.is_of_branch());
        assert_eq!(block.sequence.is_none(), block.kind.is_of_branch());
        assert!(block.signed.len() < bytes.len());
    }
});
