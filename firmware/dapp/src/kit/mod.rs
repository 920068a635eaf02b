//! What a dapp that works with people and devices is made of, but for its rules.
//!
//! A [`Program`] is pure: [`News`] and the time go in, [`Command`]s come out. [`serve`] connects it to the agent's
//! local API, and [`start`] is its `main`. [`people`], [`person`] and [`admission`] are what the ledger says of the person who
//! holds a badge to a reader, [`time`] the two kinds of time;
//! [`limits`], [`faults`] and [`lamps`] what their documents and their boards have in common. The doorbot and the lockout are built of it.

pub mod admission;
pub mod faults;
pub mod feed;
pub mod lamps;
pub mod limits;
mod news;
pub mod people;
pub mod person;
mod queue;
mod recall;
mod serve;
mod start;
mod switch;
pub mod time;
mod writer;

pub use news::{Command, LogEvent, News, Program, short};
pub use serve::serve;
pub use start::start;
