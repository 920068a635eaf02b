//! Ids: 32 bytes, written as 64 lower-case hex digits.
//!
//! Each id is a type of its own, so that a chunk's name never lands where a block's is asked for.

use std::{fmt, str::FromStr};

/// A string that is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} wants 64 lower-case hex digits, got {got:?}")]
pub struct IdError {
    what: &'static str,
    got: String,
}

macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 32]);

        impl $name {
            /// Wraps the 32 bytes.
            pub const fn new(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }
            /// The 32 bytes.
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
            /// The first 12 hex digits, for people.
            pub fn short(&self) -> String {
                hex::encode(&self.0[..6])
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.short())
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                let wrong = || IdError { what: $what, got: text.chars().take(80).collect() };
                if text.len() != 64 || text.bytes().any(|b| b.is_ascii_uppercase()) {
                    return Err(wrong());
                }
                let mut bytes = [0; 32];
                hex::decode_to_slice(text, &mut bytes).map_err(|_| wrong())?;
                Ok(Self(bytes))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                <String as serde::Deserialize>::deserialize(d)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id_type!(
    /// Any git object: SHA-256 over its type, size and bytes.
    ObjectId,
    "an object id"
);
id_type!(
    /// A block: the git commit's object id.
    BlockId,
    "a block id"
);
id_type!(
    /// An organisation: the id of its genesis block.
    OrgId,
    "an organisation id"
);
id_type!(
    /// A chunk: BLAKE3 over its plain bytes.
    ChunkId,
    "a chunk id"
);

id_type!(
    /// A badge as the ledger knows it; see [`BadgeKey`](crate::BadgeKey).
    BadgeDigest,
    "a badge digest"
);

id_type!(
    /// A release: BLAKE3 over its document's text.
    ReleaseId,
    "a release id"
);
id_type!(
    /// The manifest of a part of a release: BLAKE3 over its text.
    ManifestId,
    "a manifest id"
);
id_type!(
    /// The top of a hash tree that dm-verity checks: SHA-256 of its first block.
    VerityHash,
    "a verity root hash"
);

impl From<BlockId> for ObjectId {
    fn from(block: BlockId) -> Self {
        Self(block.0)
    }
}

impl From<ObjectId> for BlockId {
    fn from(object: ObjectId) -> Self {
        Self(object.0)
    }
}

impl From<BlockId> for OrgId {
    fn from(genesis: BlockId) -> Self {
        Self(genesis.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_goes_there_and_back() {
        let id = ChunkId::new([0xab; 32]);
        assert_eq!(id.to_string().parse::<ChunkId>().unwrap(), id);
    }

    #[test]
    fn wrong_length_case_and_digits_are_refused() {
        for bad in ["", "ab", &"AB".repeat(32), &"zz".repeat(32), &"ab".repeat(33)] {
            assert!(bad.parse::<BlockId>().is_err(), "{bad:?} was taken");
        }
    }
}
