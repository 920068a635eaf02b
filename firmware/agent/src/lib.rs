//! ledgerd: the rooms of the house wired to each other, to sockets and to the clock.
//!
//! tokio, the machine's clock, randomness and sockets live here and nowhere below. [`run`] is the program;
//! ledgerctl uses [`home`] and [`core`] in its own process while no ledgerd runs, and [`wire`] when one does.

pub mod api;
pub mod blobs;
pub mod boot;
pub mod clock;
pub mod core;
pub mod devices;
pub mod git;
pub mod history;
pub mod home;
pub mod init;
pub mod join;
pub mod judges;
pub mod keeper;
pub mod line;
pub mod live;
mod order;
pub mod peers;
mod rate;
pub mod replay;
mod restart;
pub mod rotation;
pub mod run;
pub mod services;
pub mod supervisor;
pub mod updates;
pub mod view;
pub mod visitors;
pub mod wire;
