//! The servers: a socket for each dapp ([`local`]), one for the box's owner ([`admin`]), and the page ([`page`]).
//!
//! Handlers parse, ask [`Services`](crate::services::Services) and answer; what may be done is decided below
//! them, in the manifest and the ledger's policy. Nothing here writes to disk.

pub mod admin;
mod body;
mod boxes;
mod branches;
mod chunks;
mod failed;
mod git;
mod guard;
mod joins;
pub mod listen;
pub mod local;
pub mod page;
pub mod refused;
mod replay;
pub mod routes;
mod signin;
mod stream;
mod updates;
