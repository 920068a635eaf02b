//! Chunk stores that others read: casync's index (`.caibx`) and its chunks (`.cacnk`).
//!
//! casync and desync know a file as an index, and chunks in a folder by the names of their content, SHA-512/256. What is here turns
//! bytes into those and back; files and folders are the caller's. Byte map: `docs/formats/casync.md`. Their cutter is
//! [`Buzhash`](crate::Buzhash); what is read may be cut by any, for an index says where its file is cut.

mod index;
mod store;

pub use index::{Index, IndexError, MAX_INDEX_BYTES};
pub use store::{ChunkName, StoreError, chunk_name, pack, unpack};
