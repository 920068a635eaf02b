//! Many machines in memory, on lines that break, with peers that lie.

#![allow(clippy::unwrap_used, reason = "clippy's allowance for tests does not reach their helpers")]

mod chunks;
mod git;
mod house;
mod liars;
mod many;
mod several;
mod site;
mod world;
