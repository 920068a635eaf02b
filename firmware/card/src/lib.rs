//! What init asks for: the card's partition table, whose last partition grows to the card's end, and whether the agent answers.
//!
//! [`grow`] rewrites a GPT such that the power may go at any moment; `ledger-card` is it as a program for init, which runs
//! before there is a ledger. Which slot boots is the agent's affair. Layout of the card: docs/formats/slots.md.

mod answers;
mod gpt;

pub use answers::answers;
pub use gpt::{Disk, GrowError, Grown, SECTOR_BYTES, grow};
