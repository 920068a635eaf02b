//! Names of references: where a branch, or a writer's own line, stands.
//!
//! A reference is `refs/heads/NAME` or `refs/ledger/KEY/NAME` and nothing else, so a name from outside cannot
//! leave the folder `refs`.

use crate::{KeyId, Name};
use std::{fmt, str::FromStr};

const HEADS: &str = "refs/heads";
const LEDGER: &str = "refs/ledger";

/// A checked name of a reference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RefName {
    /// `refs/heads/NAME`: a branch of the organisation.
    Head(Name),
    /// `refs/ledger/KEY/NAME`: a writer's own branch.
    Writer(KeyId, Name),
}

/// A string that is no reference of a ledger.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a reference of a ledger: refs/heads/NAME or refs/ledger/KEY/NAME")]
pub struct RefNameError(String);

impl RefName {
    /// The organisation's branch, `refs/heads/main`.
    pub fn main() -> Self {
        Self::Head(main_name())
    }

    /// A writer's branch towards main, `refs/ledger/KEY/main`.
    pub fn writer(key: KeyId) -> Self {
        Self::Writer(key, main_name())
    }
}

fn main_name() -> Name {
    "main".parse().expect("because \"main\" is a name")
}

impl fmt::Display for RefName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head(name) => write!(f, "{HEADS}/{name}"),
            Self::Writer(key, name) => write!(f, "{LEDGER}/{key}/{name}"),
        }
    }
}

impl FromStr for RefName {
    type Err = RefNameError;
    fn from_str(text: &str) -> Result<Self, RefNameError> {
        let parts: Vec<&str> = text.splitn(4, '/').collect();
        let name = match parts[..] {
            ["refs", "heads", name] => name.parse().ok().map(Self::Head),
            ["refs", "ledger", key, name] => {
                key.parse().ok().zip(name.parse().ok()).map(|(key, name)| Self::Writer(key, name))
            }
            _ => None,
        };
        name.ok_or_else(|| RefNameError(text.chars().take(120).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_and_nothing_else_is_taken() {
        let key = "ab".repeat(16);
        for good in ["refs/heads/main".to_string(), format!("refs/ledger/{key}/main")] {
            assert_eq!(good.parse::<RefName>().unwrap().to_string(), good);
        }
        for bad in ["", "HEAD", "refs/heads/", "refs/heads/..", "refs/heads/a/b", "refs/heads/main.lock"]
            .into_iter()
            .chain(["refs/tags/x", "refs/ledger/zz/main", "refs/heads/../../x", "/refs/heads/main"])
        {
            assert!(bad.parse::<RefName>().is_err(), "{bad:?} was taken");
        }
    }
}
