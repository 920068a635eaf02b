//! Paths in the state tree, such as `people/alice.toml`.
//!
//! A path is 1 to 8 names ([`Name`](crate::Name)) with `/` between them, 255 bytes at most. No `.`, `..`,
//! `.git`, upper case or empty part can be spelt, so a path means the same on every file system that a ledger
//! is cloned to.

use crate::name::Name;
use std::{borrow::Borrow, fmt, str::FromStr, sync::Arc};

/// A checked path of a file or folder in the state tree. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatePath(Arc<str>);

/// A string that cannot be a path of the state tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// One part is not a name.
    #[error(
        "path {path:?}: the part {part:?} is not a name (a-z, 0-9, '-', '_', '.', beginning with a letter or digit)"
    )]
    Part {
        /// The whole path.
        path: String,
        /// The part that is wrong.
        part: String,
    },
    /// Too long or too deep.
    #[error("path {path:?} is over {} bytes or {} levels", StatePath::MAX_BYTES, StatePath::MAX_LEVELS)]
    Size {
        /// The path's beginning.
        path: String,
    },
}

impl StatePath {
    /// The longest path, in bytes.
    pub const MAX_BYTES: usize = 255;
    /// The deepest path, in names.
    pub const MAX_LEVELS: usize = 8;

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The names along the path, outermost first; at least one.
    pub fn parts(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }

    /// The path one name deeper.
    pub fn join(&self, part: &str) -> Result<Self, PathError> {
        format!("{self}/{part}").parse()
    }

    /// Whether the path is `folder` or lies below it.
    pub fn is_within(&self, folder: &str) -> bool {
        self.0.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Whether the path names a document (`*.toml`).
    pub fn is_document(&self) -> bool {
        self.0.ends_with(".toml")
    }
}

impl FromStr for StatePath {
    type Err = PathError;
    fn from_str(text: &str) -> Result<Self, PathError> {
        let shown = || text.chars().take(80).collect::<String>();
        if text.len() > Self::MAX_BYTES || text.split('/').count() > Self::MAX_LEVELS {
            return Err(PathError::Size { path: shown() });
        }
        match text.split('/').find(|part| part.parse::<Name>().is_err()) {
            Some(part) => Err(PathError::Part { path: shown(), part: part.chars().take(80).collect() }),
            None => Ok(Self(text.into())),
        }
    }
}

impl fmt::Display for StatePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for StatePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

impl Borrow<str> for StatePath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for StatePath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl serde::Serialize for StatePath {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for StatePath {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        <String as serde::Deserialize>::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_climbs_out_or_hides_is_refused() {
        for bad in ["", "/etc", "a/", "a//b", "../x", "a/../b", ".git/config", "a/.hidden", "A/b", "a\\b"] {
            assert!(bad.parse::<StatePath>().is_err(), "{bad:?} was taken");
        }
        assert!("a/".repeat(8).trim_end_matches('/').parse::<StatePath>().is_ok());
        assert!("a/".repeat(9).trim_end_matches('/').parse::<StatePath>().is_err());
    }

    #[test]
    fn within_stops_at_a_slash() {
        let path: StatePath = "people/alice.toml".parse().unwrap();
        assert!(path.is_within("people"));
        assert!(path.is_within("people/alice.toml"));
        assert!(!path.is_within("peop"));
        assert!(!path.is_within("people/alice"));
    }
}
