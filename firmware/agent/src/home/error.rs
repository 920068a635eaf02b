//! What can be wrong with a home.

use super::NODE_KEY;
use model::{BadgeDigest, BadgeError, KeyError};
use std::{io, path::PathBuf};

/// A home that cannot be made or opened.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// There is one already.
    #[error("{folder} holds a ledger already")]
    Exists {
        /// The folder.
        folder: PathBuf,
    },
    /// Its making was cut short.
    #[error("{folder} was begun and never finished; remove it and make it again")]
    Unfinished {
        /// The folder.
        folder: PathBuf,
    },
    /// There is none.
    #[error("{folder} holds no ledger; `ledgerctl init` makes one")]
    Missing {
        /// The folder.
        folder: PathBuf,
    },
    /// A file could not be read or written.
    #[error("cannot {doing} {path}")]
    File {
        /// What was tried.
        doing: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// `node.toml` is damaged.
    #[error("{path} is damaged: {source}")]
    Identity {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        source: toml::de::Error,
    },
    /// `node.toml` cannot be written.
    #[error("cannot write node.toml")]
    WriteIdentity(#[source] toml::ser::Error),
    /// A person would have the name under which the node's key is kept.
    #[error("no person can be called {NODE_KEY:?}: that is the name of the box's own key file")]
    PersonName,
    /// A key file is damaged.
    #[error("{path}: {source}")]
    Key {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        source: KeyError,
    },
    /// The badge key is not the one that the ledger's badges are hashed under.
    #[error(
        "{path} is another organisation's badge key, under which no badge of this ledger is known: its fingerprint \
         is {found}, org.toml says {wanted}; put this organisation's key there, from a backup of the box"
    )]
    OtherBadgeKey {
        /// Which file.
        path: PathBuf,
        /// The fingerprint of the key in it.
        found: BadgeDigest,
        /// The fingerprint in `org.toml`.
        wanted: String,
    },
    /// The badge key's file is damaged.
    #[error("{path}: {source}")]
    BadgeKey {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        source: BadgeError,
    },
}
