//! Images: from what a builder made to one image tar, and from the image tar to a root folder.
//!
//! [`Source`] reads an OCI image layout (folder or tar) or a plain folder with `dapp.toml`, checks every
//! digest, and writes the image tar (docs/formats/image.md): `config.json`, then the layers uncompressed, so
//! that two versions of an image share their chunks. [`unpack`] applies an image tar to a root folder and
//! [`unpacked`] finds one that is whole. Both ends treat the bytes as hostile.

mod config;
mod oci;

pub use config::{ConfigError, ImageConfig, Platform};
mod source;
mod unpack;
pub use oci::OciError;
pub use source::{Source, SourceError};
pub use unpack::{UnpackError, UnpackLimits, Unpacked, unpack, unpacked};
