//! The words of the boot state: a slot, how often it may still be tried, and which comes first.
//!
//! Each is so small that it cannot hold nonsense: an order names one or two different slots and never none, an
//! attempt counter stops at three. Their texts are those of the U-Boot environment (docs/formats/slots.md).

use std::{fmt, str::FromStr};

/// How many attempts a slot is given when it is good or new.
pub const MAX_LEFT: u8 = 3;

/// One of the two places on the card for an operating system.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Slot {
    /// The first.
    A,
    /// The second.
    B,
}

impl Slot {
    /// Both, A first.
    pub const BOTH: [Self; 2] = [Self::A, Self::B];

    /// The one that this is not.
    pub fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    /// 0 or 1, for what is kept of each.
    pub(crate) fn index(self) -> usize {
        usize::from(self == Self::B)
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::A => "A",
            Self::B => "B",
        })
    }
}

/// A text that is no word of the boot state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a word of the boot state")]
pub struct WordFault(pub String);

impl FromStr for Slot {
    type Err = WordFault;

    fn from_str(text: &str) -> Result<Self, WordFault> {
        match text {
            "A" => Ok(Self::A),
            "B" => Ok(Self::B),
            _ => Err(WordFault(text.to_owned())),
        }
    }
}

/// How many attempts a slot has left: 0 to [`MAX_LEFT`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Left(u8);

impl Left {
    /// None: the boot loader passes the slot by.
    pub const NONE: Self = Self(0);
    /// All.
    pub const ALL: Self = Self(MAX_LEFT);

    /// So many, if that is a count of attempts.
    pub fn new(count: u8) -> Option<Self> {
        (count <= MAX_LEFT).then_some(Self(count))
    }

    /// One attempt less; none stays none.
    pub fn less(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// The number.
    pub fn count(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl FromStr for Left {
    type Err = WordFault;

    fn from_str(text: &str) -> Result<Self, WordFault> {
        let fault = || WordFault(text.to_owned());
        if text.len() != 1 {
            return Err(fault());
        }
        text.parse().ok().and_then(Self::new).ok_or_else(fault)
    }
}

/// The slots that may boot, the preferred one first. Never empty: a box always has something to try.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Order {
    first: Slot,
    both: bool,
}

impl Order {
    /// Every order that there is.
    pub const EVERY: [Self; 4] =
        [Self::one(Slot::A), Self::one(Slot::B), Self::both(Slot::A), Self::both(Slot::B)];

    /// This slot alone.
    pub const fn one(slot: Slot) -> Self {
        Self { first: slot, both: false }
    }

    /// Both, this one first.
    pub const fn both(first: Slot) -> Self {
        Self { first, both: true }
    }

    /// The preferred slot.
    pub fn first(self) -> Slot {
        self.first
    }

    /// The one to fall back to, if there is one.
    pub fn second(self) -> Option<Slot> {
        self.both.then(|| self.first.other())
    }

    /// The slots in their order.
    pub fn slots(self) -> impl Iterator<Item = Slot> {
        std::iter::once(self.first).chain(self.second())
    }

    /// Whether the slot may boot at all.
    pub fn has(self, slot: Slot) -> bool {
        self.both || self.first == slot
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.second() {
            None => write!(f, "{}", self.first),
            Some(second) => write!(f, "{} {second}", self.first),
        }
    }
}

impl FromStr for Order {
    type Err = WordFault;

    fn from_str(text: &str) -> Result<Self, WordFault> {
        Self::EVERY
            .into_iter()
            .find(|order| order.to_string() == text)
            .ok_or_else(|| WordFault(text.to_owned()))
    }
}
