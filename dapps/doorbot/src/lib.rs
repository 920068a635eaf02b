//! Opens a door for those whom the ledger lets in.
//!
//! Everything that decides is pure: [`view`] holds what the ledger says, [`access`] decides about a badge,
//! [`door`] is the machine of one door, [`house`] all doors of this box. Time arrives as an argument, switching
//! and events leave as values. `dapp::kit` connects the house to the agent's local API; [`judge`] looks at changes before they are on main. The documents that it
//! reads are described in docs/formats/doorbot.md.

pub mod access;
pub mod door;
pub mod door_document;
pub mod house;
pub mod judge;
pub mod report;
pub mod schedule;
pub mod signal;
pub mod view;
