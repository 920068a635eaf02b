//! The ledger's own documents: keys, nodes, validators and the organisation.
//!
//! These are the documents that decide who may write. Their shape is docs/formats/state-tree.md; a block that
//! would leave one in another shape is refused, so a state that was checked reads without surprises.

use model::{BadgeDigest, KeyId, Millis, Name, NameError, PublicKey};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt, str::FromStr};

/// Whose a key is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// A person of the organisation.
    Person(Name),
    /// A box on a wall.
    Node(Name),
    /// Somebody who signs releases.
    Release(Name),
}

impl Owner {
    /// The owner's name without its kind.
    pub const fn name(&self) -> &Name {
        match self {
            Self::Person(name) | Self::Node(name) | Self::Release(name) => name,
        }
    }

    /// The node's name, if it is a node.
    pub const fn node(&self) -> Option<&Name> {
        match self {
            Self::Node(name) => Some(name),
            _ => None,
        }
    }

    /// The person's name, if it is a person.
    pub const fn person(&self) -> Option<&Name> {
        match self {
            Self::Person(name) => Some(name),
            _ => None,
        }
    }
}

/// Text that names no owner.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OwnerError {
    /// No kind, or an unknown one.
    #[error("{0:?} is no owner: write person:NAME, node:NAME or release:NAME")]
    Kind(String),
    /// The name is none.
    #[error(transparent)]
    Name(#[from] NameError),
}

impl FromStr for Owner {
    type Err = OwnerError;
    fn from_str(text: &str) -> Result<Self, OwnerError> {
        let wrong = || OwnerError::Kind(text.chars().take(80).collect());
        let (kind, name) = text.split_once(':').ok_or_else(wrong)?;
        match kind {
            "person" => Ok(Self::Person(name.parse()?)),
            "node" => Ok(Self::Node(name.parse()?)),
            "release" => Ok(Self::Release(name.parse()?)),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(name) => write!(f, "person:{name}"),
            Self::Node(name) => write!(f, "node:{name}"),
            Self::Release(name) => write!(f, "release:{name}"),
        }
    }
}

impl Serialize for Owner {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Owner {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        <String as Deserialize>::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The mark of something revoked. Once set it stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoked {
    /// When.
    pub at: Millis,
    /// Who did it.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// The mark of a key whose owner gave it up for another. Once set it stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replaced {
    /// When.
    pub at: Millis,
    /// The new key.
    pub by: KeyId,
}

/// `keys/<keyid>.toml`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyDocument {
    /// The public key; its id is the document's name.
    pub public: PublicKey,
    /// Whose it is; never changes.
    pub owner: Owner,
    /// For people: which device it is on.
    pub label: String,
    /// When it was added; never later than the block that adds it.
    pub added: Millis,
    /// The key of the same owner that it took the place of; what revokes that one ends this one too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<KeyId>,
    /// The key that took its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced: Option<Replaced>,
    /// Since when it counts no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Revoked>,
}

/// `nodes/<name>.toml`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeDocument {
    /// The key with which the node signs.
    pub key: KeyId,
    /// The board that it is.
    pub board: Name,
    /// Where it hangs.
    pub place: String,
}

/// `branches/<name>.toml`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BranchDocument {
    /// Who may sign merge blocks, and with what weight.
    pub validators: BTreeMap<KeyId, u64>,
}

/// `org.toml`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrgDocument {
    /// The organisation's name as people write it.
    pub name: String,
    /// An IANA time zone, such as `Europe/Berlin`.
    pub timezone: String,
    /// When it began.
    pub created: Millis,
    /// The fingerprint of the key under which badges are hashed.
    pub badge_key: BadgeDigest,
    /// The ledger protocol; 1.
    pub protocol: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_read_as_they_are_written() {
        for text in ["person:alice", "node:front-door", "release:images"] {
            assert_eq!(text.parse::<Owner>().unwrap().to_string(), text);
        }
        for bad in ["alice", "robot:x", "person:", "person:A", "person"] {
            assert!(bad.parse::<Owner>().is_err(), "{bad:?} was taken");
        }
    }
}
