//! ledgerd: the rooms of the house wired to each other, to sockets and to the clock.
//!
//! tokio, the clock, randomness and the network live here and nowhere below. `ledgerd` is the program
//! ([`main.rs`](../src/ledgerd/main.rs.html)); ledgerctl uses [`home`] and [`core`] in its own process while
//! no ledgerd runs, and [`wire`] when one does.

pub mod wire;
