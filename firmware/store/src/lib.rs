//! Git objects, chunk packs, write-ahead log and SQLite index on a card that loses power.

pub mod disk;
