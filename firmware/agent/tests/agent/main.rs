//! The agent as its neighbours meet it: over real sockets, in a temporary home, and once as a real process.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails by panicking")]

mod admin_api;
mod common;
mod container;
mod descriptions;
mod durability;
mod judges;
mod local_api;
mod page;
mod two_boxes;
mod updates;
mod visitors;
