//! Names of people, nodes, dapps, branches, devices, roles and kinds of event.
//!
//! A name is 1 to 63 characters of `a-z 0-9 - _ .`, begins with a letter or digit, has no `..`, and does not
//! end in `.` or `.lock`. So it is at once a file name, a part of a git reference and a host name's label.

use std::{borrow::Borrow, fmt, str::FromStr, sync::Arc};

/// A checked name. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

/// A string that cannot be a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a name: use 1 to 63 of a-z, 0-9, '-', '_' and '.', beginning with a letter or digit, without '..'"
)]
pub struct NameError(String);

impl Name {
    /// The longest name, in bytes.
    pub const MAX_BYTES: usize = 63;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let good = (1..=Self::MAX_BYTES).contains(&text.len())
            && text.bytes().all(|b| plain(b) || b"-_.".contains(&b))
            && text.bytes().next().is_some_and(plain)
            && !text.contains("..")
            && !text.ends_with('.')
            && !text.ends_with(".lock");
        if good { Ok(Self(text.into())) } else { Err(NameError(text.chars().take(80).collect())) }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl serde::Serialize for Name {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Name {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        <String as serde::Deserialize>::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_a_locksmith_would_write_are_taken() {
        for good in ["alice", "front-door", "3d-printer", "qemu-aarch64", "access.denied", "a"] {
            assert_eq!(good.parse::<Name>().unwrap().as_str(), good);
        }
    }

    #[test]
    fn names_that_git_or_a_file_system_would_trip_on_are_refused() {
        for bad in ["", ".git", "-x", "a..b", "a.lock", "a.", "Alice", "a b", "a/b", "é", &"x".repeat(64)] {
            assert!(bad.parse::<Name>().is_err(), "{bad:?} was taken");
        }
    }
}
