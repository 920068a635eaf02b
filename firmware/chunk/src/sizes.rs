//! The three sizes of a cutter: no chunk but a file's last is shorter than `min`, none is longer than `max`,
//! and `avg` steers how far apart the cuts fall.
//!
//! Values of [`Sizes`] are checked when made, so a cutter never meets a size that it cannot work with.

/// The longest chunk that any cutter may make, in bytes. A box with 512 MB holds several at a time.
pub const MAX_CHUNK_BYTES: u32 = 8 << 20;

/// Checked sizes, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sizes {
    min: u32,
    avg: u32,
    max: u32,
}

/// Three numbers that are no sizes of a cutter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SizesError {
    /// They do not grow.
    #[error("the sizes {min}:{avg}:{max} are out of order: MIN <= AVG <= MAX is needed")]
    Order {
        /// As given.
        min: u32,
        /// As given.
        avg: u32,
        /// As given.
        max: u32,
    },
    /// One is too small or too large.
    #[error("{which} is {got} bytes, outside {from} to {to}")]
    Range {
        /// `MIN`, `AVG` or `MAX`.
        which: &'static str,
        /// As given.
        got: u32,
        /// The smallest that is taken.
        from: u32,
        /// The largest that is taken.
        to: u32,
    },
    /// FastCDC looks at bytes in pairs.
    #[error("{which} is {got} bytes, but this cutter takes even sizes only")]
    Odd {
        /// `MIN`, `AVG` or `MAX`.
        which: &'static str,
        /// As given.
        got: u32,
    },
}

/// What one kind of cutter takes: smallest and largest of each size, in bytes.
pub(crate) struct Limits {
    pub min: (u32, u32),
    pub avg: (u32, u32),
    pub max: (u32, u32),
    pub even: bool,
}

impl Sizes {
    pub(crate) fn check(min: u32, avg: u32, max: u32, limits: &Limits) -> Result<Self, SizesError> {
        for (which, got, (from, to)) in
            [("MIN", min, limits.min), ("AVG", avg, limits.avg), ("MAX", max, limits.max)]
        {
            if got < from || got > to {
                return Err(SizesError::Range { which, got, from, to });
            }
            if limits.even && got % 2 == 1 {
                return Err(SizesError::Odd { which, got });
            }
        }
        if min > avg || avg > max {
            return Err(SizesError::Order { min, avg, max });
        }
        Ok(Self { min, avg, max })
    }

    /// The shortest chunk, but for a file's last.
    pub fn min(&self) -> u32 {
        self.min
    }

    /// What the cutter aims at; see `docs/formats/cutters.md` for what comes out.
    pub fn avg(&self) -> u32 {
        self.avg
    }

    /// The longest chunk.
    pub fn max(&self) -> u32 {
        self.max
    }
}
