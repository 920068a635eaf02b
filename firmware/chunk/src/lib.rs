//! Cutting, naming and manifests of large files.
//!
//! A large file does not go into the ledger. It is cut where its content says ([`Cutter`]), each piece is
//! named by its hash ([`chunk_id`]), and the list of the pieces ([`Manifest`]) takes the file's place. Files
//! with common parts share chunks, wherever those parts lie. Formats: `docs/formats/cutters.md` and
//! `docs/formats/manifest.md`. Where chunks are kept is the store's affair; nothing here opens a file.

mod buzhash;
pub mod casync;
mod cutter;
pub mod delta;
mod fast;
mod hash;
mod manifest;
mod rabin;
mod sizes;
mod stream;
mod text;

pub use buzhash::Buzhash;
pub use cutter::{Cutter, CutterError, cut};
pub use fast::FastCdc;
pub use hash::{FileHasher, chunk_id};
pub use manifest::{Builder, MAX_CHUNKS, MAX_MANIFEST_BYTES, Manifest, ManifestError};
pub use rabin::Rabin;
pub use sizes::{MAX_CHUNK_BYTES, Sizes, SizesError};
pub use stream::Stream;
