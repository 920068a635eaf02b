//! Badges: from a card's number to a digest that says nothing about it.
//!
//! A card number is never stored. What the ledger holds is HMAC-SHA-256 under the organisation's badge key,
//! over the card number where it is known, or over the legacy tag id (`sha224("%010d" % number)`, as MakeIt
//! Labs' lists carry it) where a list holds nothing else. Readers differ in how much of a card they report:
//! a 125 kHz card has 40 bits, of which some read the low 24, others the low 32. A tap is looked up under
//! every digest that its number can have; see [`CardNumber::digests`].

use crate::id::BadgeDigest;
use hmac::{KeyInit, Mac};
use sha2::Digest;
use std::{fmt, str::FromStr};

/// What a reader read: at most 40 bits of a 125 kHz card, or 64 of a longer id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CardNumber(u64);

/// How many low bits of a card's number count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Width {
    /// The low 24 bits, as MakeIt's doorbot.
    Bits24,
    /// The low 32 bits, as RATT and uRATT.
    Bits32,
    /// All that was read.
    Full,
}

/// Text that is not a badge, a tag id or a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadgeError {
    /// Not a number.
    #[error("{0:?} is not a card number: decimal digits, or hex after 0x, of at most 64 bits")]
    Number(String),
    /// Not a tag id.
    #[error("{0:?} is not a legacy tag id: 56 hex digits (SHA-224)")]
    TagId(String),
    /// Not a badge key.
    #[error("a badge key is 64 hex digits")]
    Key,
}

impl CardNumber {
    /// A card's number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number at a width.
    pub const fn at(self, width: Width) -> Self {
        match width {
            Width::Bits24 => Self(self.0 & 0xff_ffff),
            Width::Bits32 => Self(self.0 & 0xffff_ffff),
            Width::Full => self,
        }
    }

    /// The legacy tag id of the number as it stands.
    pub fn tag_id(self) -> TagId {
        TagId(sha2::Sha224::digest(format!("{:010}", self.0)).into())
    }

    /// Every digest under which a card with this number may be known, at the widths that the reader allows:
    /// of the number and of its tag id, narrow widths last, each once.
    pub fn digests(self, key: &BadgeKey, widths: &[Width]) -> Vec<BadgeDigest> {
        let mut digests = Vec::new();
        for width in widths {
            let number = self.at(*width);
            for digest in [key.of_number(number), key.of_tag_id(&number.tag_id())] {
                if !digests.contains(&digest) {
                    digests.push(digest);
                }
            }
        }
        digests
    }
}

impl FromStr for CardNumber {
    type Err = BadgeError;
    fn from_str(text: &str) -> Result<Self, BadgeError> {
        let number = match text.strip_prefix("0x") {
            Some(digits) if !digits.starts_with('+') => u64::from_str_radix(digits, 16).ok(),
            None if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok(),
            _ => None,
        };
        number.map(Self).ok_or_else(|| BadgeError::Number(text.chars().take(40).collect()))
    }
}

impl fmt::Debug for CardNumber {
    /// Hides the number: whoever knows it can make the card.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CardNumber(..)")
    }
}

/// A legacy tag id: SHA-224 over the number in ten decimal digits. Guessed in seconds; not a secret.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TagId([u8; 28]);

impl FromStr for TagId {
    type Err = BadgeError;
    fn from_str(text: &str) -> Result<Self, BadgeError> {
        let mut bytes = [0; 28];
        hex::decode_to_slice(text, &mut bytes)
            .map_err(|_| BadgeError::TagId(text.chars().take(80).collect()))?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for TagId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for TagId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TagId({self})")
    }
}

/// The organisation's secret under which badges are hashed.
#[derive(Clone, PartialEq, Eq)]
pub struct BadgeKey([u8; 32]);

impl BadgeKey {
    /// Wraps 32 secret bytes.
    pub const fn new(secret: [u8; 32]) -> Self {
        Self(secret)
    }

    /// The digest of a card whose number is known.
    pub fn of_number(&self, number: CardNumber) -> BadgeDigest {
        self.mac(format!("card-number:{}", number.0).as_bytes())
    }

    /// The digest of a card of which only the legacy tag id is known.
    pub fn of_tag_id(&self, tag: &TagId) -> BadgeDigest {
        self.mac(format!("legacy-tag-id:{tag}").as_bytes())
    }

    /// What the ledger may hold about the key: boxes compare it to see that they have the same one.
    pub fn fingerprint(&self) -> BadgeDigest {
        self.mac(b"badge-key-fingerprint")
    }

    /// The key as 64 hex digits, for its file at mode 0600.
    pub fn to_hex(&self) -> String {
        hex::encode(self.0)
    }

    fn mac(&self, message: &[u8]) -> BadgeDigest {
        let mut mac =
            hmac::Hmac::<sha2::Sha256>::new_from_slice(&self.0).expect("because HMAC takes any key length");
        mac.update(message);
        BadgeDigest::new(mac.finalize().into_bytes().into())
    }
}

impl FromStr for BadgeKey {
    type Err = BadgeError;
    fn from_str(text: &str) -> Result<Self, BadgeError> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text.trim(), &mut bytes).map_err(|_| BadgeError::Key)?;
        Ok(Self(bytes))
    }
}

impl fmt::Debug for BadgeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BadgeKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tag_ids_are_those_of_the_legacy_lists() {
        let tag = |number: &str| number.parse::<CardNumber>().unwrap().tag_id().to_string();
        assert_eq!(tag("0004134419"), "a941044f6af52e22e6a73d60dbf2e20bc549ef13348e822c3f9cec30");
        assert_eq!(tag("0001258648"), "01bb474ebd65971a692675165fe5f5389f34c186bae91eb15adeaf38");
    }

    #[test]
    fn one_card_reads_differently_at_24_and_32_bits() {
        let card: CardNumber = "0x04184EDCBA".parse().unwrap();
        assert_eq!(card.at(Width::Bits24), CardNumber::new(5_168_314));
        assert_eq!(card.at(Width::Bits32), CardNumber::new(407_821_498));
    }

    #[test]
    fn a_tap_finds_badges_entered_by_number_and_by_tag_id_at_each_width() {
        let key = BadgeKey::new([7; 32]);
        let card: CardNumber = "0x04184EDCBA".parse().unwrap();
        let digests = card.digests(&key, &[Width::Bits32, Width::Bits24]);
        assert_eq!(digests.len(), 4);
        assert!(digests.contains(&key.of_tag_id(&CardNumber::new(5_168_314).tag_id())));
        assert!(digests.contains(&key.of_number(CardNumber::new(407_821_498))));
        let short = CardNumber::new(5).digests(&key, &[Width::Bits32, Width::Bits24]);
        assert_eq!(short.len(), 2, "a number below 2^24 has the same digests at both widths");
    }

    #[test]
    fn another_organisation_has_other_digests_and_no_number_shows() {
        let card = CardNumber::new(42);
        assert_ne!(BadgeKey::new([1; 32]).of_number(card), BadgeKey::new([2; 32]).of_number(card));
        assert!(!format!("{card:?}{:?}", BadgeKey::new([1; 32])).contains("42"));
    }

    #[test]
    fn odd_numbers_are_refused() {
        for bad in ["", "+1", "-1", "0x", "0x+1", "1 2", "18446744073709551616", "abc"] {
            assert!(bad.parse::<CardNumber>().is_err(), "{bad:?} was taken");
        }
    }
}
