//! Many machines in memory, on lines that break, with peers that lie.

mod chunks;
mod git;
mod house;
mod liars;
mod many;
mod several;
mod site;
mod world;
