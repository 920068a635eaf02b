//! Arms a machine for those who were trained on it, and says for how long they used it.
//!
//! Everything that decides is pure: [`view`] holds what the ledger says, [`access`] decides about a badge,
//! [`machine`] is the state machine of one machine, [`shop`] all machines of this box. Time arrives as an argument, switching,
//! events and documents leave as values; `dapp::kit` connects the shop to the agent's local API. [`judge`] looks at
//! changes before they are on main. Documents and events are described in docs/formats/lockout.md.

pub mod access;
pub mod grant;
pub mod inspection;
pub mod issue;
pub mod judge;
mod leave;
pub mod machine;
pub mod machine_document;
pub mod maintenance;
pub mod past;
pub mod report;
pub mod reservation;
pub mod shop;
pub mod signal;
pub mod view;
