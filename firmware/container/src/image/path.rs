//! A path inside an image: relative, plain, and unable to point above where it starts.
//!
//! Names in a layer come from whoever built it. A [`LayerPath`] has no root, no `..`, no empty or overlong
//! part and no NUL. It may still lead through a symbolic link of the image; `root.rs` sees to that.

use std::{ffi::OsStr, fmt, os::unix::ffi::OsStrExt, path::Path};

/// Linux: PATH_MAX with its NUL.
const MAX_PATH_BYTES: usize = 4095;
/// Linux: NAME_MAX.
const MAX_NAME_BYTES: usize = 255;

/// A checked path. Empty means the root folder itself.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LayerPath(Vec<u8>);

/// A path that an image may not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the path {path:?} {fault}")]
pub struct LayerPathError {
    path: String,
    fault: &'static str,
}

impl LayerPath {
    /// Reads a path as tar writes it: a leading `./` and a trailing `/` mean nothing.
    pub fn parse(bytes: &[u8]) -> Result<Self, LayerPathError> {
        let error = |fault| LayerPathError { path: shown(bytes), fault };
        if bytes.first() == Some(&b'/') {
            return Err(error("is absolute"));
        }
        if bytes.len() > MAX_PATH_BYTES {
            return Err(error("is too long"));
        }
        if bytes.contains(&0) {
            return Err(error("has a NUL byte"));
        }
        let parts = bytes.split(|b| *b == b'/').filter(|part| !part.is_empty() && *part != b".");
        let parts: Vec<&[u8]> = parts.collect();
        if parts.contains(&b"..".as_slice()) {
            return Err(error("has '..' in it"));
        }
        if parts.iter().any(|part| part.len() > MAX_NAME_BYTES) {
            return Err(error("has a name of more than 255 bytes"));
        }
        Ok(Self(parts.join(&b'/')))
    }

    /// The folder that it lies in and its last name; `None` for the root folder.
    pub fn split(&self) -> Option<(Self, &OsStr)> {
        if self.0.is_empty() {
            return None;
        }
        let (parent, name) = match self.0.iter().rposition(|b| *b == b'/') {
            Some(at) => (&self.0[..at], &self.0[at + 1..]),
            None => (&self.0[..0], &self.0[..]),
        };
        Some((Self(parent.to_vec()), OsStr::from_bytes(name)))
    }

    /// The path below this one. The name must be one plain name.
    pub fn join(&self, name: &OsStr) -> Result<Self, LayerPathError> {
        Self::parse(
            &[self.0.as_slice(), name.as_bytes()].join(&b'/').as_slice()[usize::from(self.0.is_empty())..],
        )
    }

    /// As the system wants it, relative to the root; `.` for the root folder.
    pub fn as_path(&self) -> &Path {
        if self.0.is_empty() { Path::new(".") } else { Path::new(OsStr::from_bytes(&self.0)) }
    }

    /// The same path with each of its parents, the uppermost first, itself last.
    pub fn ancestors(&self) -> impl Iterator<Item = Self> + '_ {
        let ends = self.0.iter().enumerate().filter(|(_, b)| **b == b'/').map(|(at, _)| at);
        let whole = (!self.0.is_empty()).then_some(self.0.len());
        ends.chain(whole).map(|end| Self(self.0[..end].to_vec()))
    }
}

impl fmt::Display for LayerPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", shown(&self.0))
    }
}

impl fmt::Debug for LayerPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", shown(&self.0))
    }
}

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_and_slashes_that_mean_nothing_vanish() {
        for text in ["a/b", "./a/b", "a//b/", "./a/./b/."] {
            assert_eq!(LayerPath::parse(text.as_bytes()).unwrap().as_path(), Path::new("a/b"), "{text}");
        }
        assert_eq!(LayerPath::parse(b"./").unwrap().split(), None);
    }

    #[test]
    fn paths_that_leave_the_root_are_refused() {
        let long = [b"a".repeat(256), b"b/".repeat(2100)];
        let bad: [&[u8]; 7] = [b"/etc", b"..", b"a/../b", b"a/..", b"a\0b", &long[0], &long[1]];
        for bytes in bad {
            assert!(LayerPath::parse(bytes).is_err(), "{:?}", shown(bytes));
        }
    }

    #[test]
    fn splits_joins_and_counts_parents() {
        let path = LayerPath::parse(b"usr/lib/x").unwrap();
        let (parent, name) = path.split().unwrap();
        assert_eq!((parent.to_string().as_str(), name), ("usr/lib", OsStr::new("x")));
        assert_eq!(parent.join(name).unwrap(), path);
        let top = LayerPath::parse(b".").unwrap();
        assert_eq!(top.join(OsStr::new("x")).unwrap().to_string(), "x");
        let all: Vec<String> = path.ancestors().map(|p| p.to_string()).collect();
        assert_eq!(all, ["usr", "usr/lib", "usr/lib/x"]);
        assert_eq!(top.ancestors().count(), 0);
    }
}
