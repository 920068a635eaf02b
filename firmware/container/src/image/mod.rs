//! Images: from what a builder made to one image tar, and from the image tar to a root folder.
//!
//! [`Source`] reads an OCI image layout (folder or tar) or a plain folder with `dapp.toml`, checks every
//! digest, and writes the image tar (docs/formats/image.md): `config.json`, then the layers uncompressed, so
//! that two versions of an image share their chunks. [`unpack`] applies an image tar to a root folder and
//! [`unpacked`] finds one that is whole. Both ends treat the bytes as hostile; [`oci`] and [`layer`] are the
//! pure parts that read them.

mod config;
mod digest;
mod elf;
mod folder;
pub mod layer;
mod layout;
pub mod oci;
mod path;
mod root;
mod source;
mod tar;
mod unpack;
mod user;

pub use config::{ConfigError, ImageConfig, Platform};
pub use folder::FolderError;
pub use oci::OciError;
pub use path::{LayerPath, LayerPathError};
pub use source::{Source, SourceError};
pub use unpack::{UnpackError, UnpackLimits, Unpacked, unpack, unpacked};
pub use user::UserError;
