//! Secrets of links, sessions and tokens: 32 bytes that ledgerctl draws, as 64 lower-case hex digits.
//!
//! What is kept of one is its [`SecretHash`], so neither a copied file nor a comparison's time tells it. A secret is not
//! shown by `Debug`.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Secret([u8; 32]);

/// BLAKE3 of a secret's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SecretHash([u8; 32]);

/// Text that is no secret; the text is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("that is no secret: 64 lower-case hex digits are wanted")]
pub struct SecretError;

impl Secret {
    /// Wraps what was drawn.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// What is kept of it.
    pub fn hash(&self) -> SecretHash {
        SecretHash(*blake3::hash(&self.0).as_bytes())
    }
}

impl SecretHash {
    /// The first 12 digits, for people.
    pub fn short(&self) -> String {
        hex::encode(&self.0[..6])
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

fn bytes(text: &str) -> Result<[u8; 32], SecretError> {
    let mut bytes = [0; 32];
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(SecretError);
    }
    hex::decode_to_slice(text, &mut bytes).map_err(|_| SecretError)?;
    Ok(bytes)
}

impl FromStr for Secret {
    type Err = SecretError;
    fn from_str(text: &str) -> Result<Self, SecretError> {
        bytes(text).map(Self)
    }
}

impl TryFrom<String> for Secret {
    type Error = SecretError;
    fn try_from(text: String) -> Result<Self, SecretError> {
        text.parse()
    }
}

impl TryFrom<String> for SecretHash {
    type Error = SecretError;
    fn try_from(text: String) -> Result<Self, SecretError> {
        bytes(&text).map(Self)
    }
}

impl From<Secret> for String {
    fn from(secret: Secret) -> Self {
        hex::encode(secret.0)
    }
}

impl From<SecretHash> for String {
    fn from(hash: SecretHash) -> Self {
        hex::encode(hash.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_comes_back_from_its_text_and_a_log_does_not_show_it() {
        let secret = Secret::new([0xab; 32]);
        let text = String::from(secret.clone());
        assert_eq!(text.parse::<Secret>().unwrap(), secret);
        assert!(!format!("{secret:?}").contains("ab"));
        for bad in ["", "ab", &text.to_uppercase(), &format!("{text}0"), &format!("é{}", &text[2..])] {
            assert_eq!(bad.parse::<Secret>(), Err(SecretError), "{bad:?}");
        }
    }
}
