//! The boards of this checkout.

use crate::shell::{Done, root};
pub use imager::board::{Board, Qemu};
use std::path::PathBuf;

/// The board of this name.
pub fn load(name: &str) -> Done<Board> {
    Board::load(&boards(), name)
}

/// The boards that have an image, sorted.
pub fn names() -> Done<Vec<String>> {
    Board::names(&boards())
}

/// A file or folder of all boards.
#[cfg(test)]
pub fn common(name: &str) -> PathBuf {
    boards().join("common").join(name)
}

/// Where they lie.
pub fn boards() -> PathBuf {
    root().join("board")
}
