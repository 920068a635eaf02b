//! From an image tar to a root folder.

use super::ImageConfig;
use std::{
    io,
    io::Read,
    path::{Path, PathBuf},
};

/// An image's root folder, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpacked {
    /// The root folder: [`crate::Spec::root`].
    pub root: PathBuf,
    /// What the image says of itself.
    pub config: ImageConfig,
}

/// How much an image may hold.
#[derive(Debug, Clone, Copy)]
pub struct UnpackLimits {
    /// Bytes of all files of all layers together.
    pub bytes: u64,
    /// Files, folders and links of all layers together.
    pub entries: u64,
}

impl Default for UnpackLimits {
    fn default() -> Self {
        Self { bytes: 4 << 30, entries: 500_000 }
    }
}

/// An image tar that could not be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// The image tar or the disk.
    #[error("cannot unpack the image")]
    Read(#[source] io::Error),
}

/// Unpacks an image tar to `folder` (which must not exist, or hold an earlier, unfinished try), its files owned from `uid_base` on. After
/// a crash or an error nothing is at `folder`, so that [`unpacked`] finds either the whole image or none.
pub fn unpack(
    _image: impl Read,
    _folder: &Path,
    _uid_base: u32,
    _limits: UnpackLimits,
) -> Result<Unpacked, UnpackError> {
    Err(UnpackError::Read(io::ErrorKind::Unsupported.into()))
}

/// The image at `folder`, if it was unpacked there to the end with the same `uid_base`.
pub fn unpacked(_folder: &Path, _uid_base: u32) -> Option<Unpacked> {
    None
}
