//! What a dapp and the agent agree on: the manifest, the wire types of the local API, and a client.
//!
//! [`manifest`] reads `dapp.toml`, a dapp's list of rights. [`wire`] has every request, response, line and
//! error of the local API as types; docs/formats/local-api.md is their description for
//! people and docs/formats/local-api.openapi.json for programs. [`judge`] is what a judge reads and says. `client` (feature "client") is what dapps in
//! Rust use; `kit` (feature "kit") is all of such a dapp but its rules. Who enforces the rights is the agent; nothing here opens a file.

#[cfg(feature = "client")]
pub mod client;
pub mod judge;
#[cfg(feature = "kit")]
pub mod kit;
pub mod manifest;
pub mod wire;

pub use manifest::{Manifest, ManifestError};
pub use model::{Glob, GlobError};
