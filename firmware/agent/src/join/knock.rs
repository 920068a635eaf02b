//! What is said at the join door: a new box asks with its ticket's secret, and is told how its matter stands.
//!
//! The connection proves the key of either side, so neither is in the words. The same knock may come as often as the box
//! likes: it asks the first time and looks after its matter from then on. Format: docs/formats/join.md.

use super::ticket::Secret;
use model::{BlockId, Name, OrgId};
use serde::{Deserialize, Serialize};

/// The longest text about a box, in bytes.
pub const MAX_TEXT_BYTES: usize = 80;

/// What a new box says.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Knock {
    /// The ticket's.
    pub secret: Secret,
    /// What it wants to be called.
    pub name: Name,
    /// The board that it runs on.
    pub board: Name,
    /// Where it hangs, for people.
    pub place: String,
}

/// What it hears.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// The ticket is not good (any more). Nothing else is told.
    Unknown,
    /// Somebody has to approve the box.
    Waits,
    /// The name is taken, or not fit.
    BadName(String),
    /// Somebody said no.
    Rejected,
    /// The box belongs to the organisation.
    Welcome(Welcome),
}

/// What a box needs beside the ledger.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The organisation.
    pub org: [u8; 32],
    /// The newest final block that has the new box's key.
    pub block: [u8; 32],
    /// The key under which badges are hashed, as hex.
    pub badge_key: String,
}

impl std::fmt::Debug for Welcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Welcome({}, {})", OrgId::new(self.org).short(), BlockId::new(self.block).short())
    }
}

/// Bytes that are no knock, or no answer to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not what is said at the join door")]
pub struct KnockError;

impl Knock {
    /// The bytes to send.
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads a stranger's bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, KnockError> {
        let knock: Self = decode(bytes)?;
        let fits = |text: &str| text.len() <= MAX_TEXT_BYTES && !text.chars().any(char::is_control);
        if fits(&knock.place) { Ok(knock) } else { Err(KnockError) }
    }
}

impl Answer {
    /// The bytes to send.
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads what the inviter says.
    pub fn parse(bytes: &[u8]) -> Result<Self, KnockError> {
        decode(bytes)
    }
}

fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_stdvec(value).expect("because a vector takes any bytes and every length is known")
}

fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, KnockError> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        _ => Err(KnockError),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn knock(place: &str) -> Knock {
        let (name, board) = ("laser".parse().unwrap(), "raspberrypi".parse().unwrap());
        Knock { secret: [7; 16], name, board, place: place.into() }
    }

    #[test]
    fn what_is_said_comes_back_and_nothing_else_is_heard() {
        assert!(Knock::parse(&knock("workshop").to_bytes()).unwrap() == knock("workshop"));
        let welcome = Answer::Welcome(Welcome { org: [1; 32], block: [2; 32], badge_key: "03".repeat(32) });
        for answer in [Answer::Unknown, Answer::Waits, Answer::BadName("taken".into()), welcome] {
            assert_eq!(Answer::parse(&answer.to_bytes()).unwrap(), answer);
        }
        let long = knock(&"x".repeat(MAX_TEXT_BYTES + 1)).to_bytes();
        let trailing = [knock("a").to_bytes(), vec![0]].concat();
        for bad in [long, trailing, knock("a\u{1b}[31m").to_bytes(), vec![], vec![0xff; 40]] {
            assert!(Knock::parse(&bad).is_err(), "{bad:?} was heard");
        }
    }
}
