//! The same rooms, many nodes, one seed, virtual time.
//!
//! Boxes are [`replica::Replica`]s over depots in memory; the network, the clocks, the disks, the judges and the people are
//! simulated, and all that goes wrong with them. After every step the invariants of `book.rs` are looked at; after all
//! is healed the boxes must agree within bounded time and nothing acknowledged may be missing. A run follows from its
//! [`Plan`] alone: a failure names the seed and the step, and the same plan with [`Plan::until`] goes there again.

mod agenda;
mod book;
mod dice;
mod ending;
mod founding;
mod liar;
mod lines;
mod load;
mod mail;
mod net;
mod node;
mod plan;
mod report;
mod troubles;
mod world;

pub use book::Violation;
pub use node::Traffic;
pub use plan::Plan;
pub use report::{Failure, Report};
pub use world::World;
