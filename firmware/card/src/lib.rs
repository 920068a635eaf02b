//! The card that the box runs from: its boot state, and its last partition, which grows to the card's end.
//!
//! An adapter: [`Partition`] is the [`slots::Place`] of a real card, [`grow`] rewrites a GPT such that the power may go at
//! any moment. `ledger-card` is both as a program for init, which runs before there is a ledger. Layout of the card:
//! docs/formats/slots.md.

mod gpt;
mod partition;

pub use gpt::{Disk, GrowError, Grown, SECTOR_BYTES, grow};
pub use partition::{Partition, boot_state};
