//! Which cutter, and with which sizes: chosen once for a file, written into its manifest.
//!
//! As text it is `fastcdc:MIN:AVG:MAX`, `rabin:MIN:AVG:MAX` or `buzhash:MIN:AVG:MAX`, in bytes. The same cutter on the same bytes
//! cuts at the same places for ever, on every machine; two files share chunks only if one cutter cut both.

use std::{fmt, ops::Range, str::FromStr};

use crate::{Buzhash, FastCdc, Rabin, Sizes, SizesError, text::decimal};

/// A cutter with its sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cutter {
    /// FastCDC of 2020: the default, and the fast one.
    FastCdc(FastCdc),
    /// The Rabin fingerprint cutter of LBFS.
    Rabin(Rabin),
    /// The cutter of casync and desync.
    Buzhash(Buzhash),
}

/// Text that names no cutter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CutterError {
    /// Not the form `NAME:MIN:AVG:MAX`.
    #[error("{0:?} is no cutter: write fastcdc:MIN:AVG:MAX, rabin:... or buzhash:... with sizes in bytes")]
    Form(String),
    /// The sizes do not do.
    #[error("the cutter {text:?} cannot be used")]
    Sizes {
        /// As given.
        text: String,
        /// Which size, and why.
        source: SizesError,
    },
}

impl Cutter {
    /// The sizes.
    pub fn sizes(&self) -> &Sizes {
        match self {
            Self::FastCdc(cutter) => cutter.sizes(),
            Self::Rabin(cutter) => cutter.sizes(),
            Self::Buzhash(cutter) => cutter.sizes(),
        }
    }

    /// How many bytes before a chunk can move its end.
    pub(crate) fn history(&self) -> usize {
        match self {
            Self::FastCdc(_) | Self::Buzhash(_) => 0,
            Self::Rabin(_) => Rabin::WINDOW,
        }
    }

    /// The end of the chunk that begins at `start`, which is below `bytes.len()`.
    ///
    /// It depends on nothing but `history()` bytes before `start` and `max` bytes after it.
    pub(crate) fn end(&self, bytes: &[u8], start: usize) -> usize {
        match self {
            Self::FastCdc(cutter) => cutter.end(bytes, start),
            Self::Rabin(cutter) => cutter.end(bytes, start),
            Self::Buzhash(cutter) => cutter.end(bytes, start),
        }
    }
}

impl Default for Cutter {
    /// `fastcdc:16384:65536:262144`.
    fn default() -> Self {
        Self::FastCdc(FastCdc::usual())
    }
}

/// Cuts a whole file that is in memory; the ranges follow each other without a gap.
pub fn cut(cutter: Cutter, bytes: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    std::iter::from_fn(move || {
        (start < bytes.len()).then(|| {
            let end = cutter.end(bytes, start);
            std::mem::replace(&mut start, end)..end
        })
    })
}

impl FromStr for Cutter {
    type Err = CutterError;
    fn from_str(text: &str) -> Result<Self, CutterError> {
        let given = || text.chars().take(80).collect::<String>();
        let (name, [min, avg, max]) = fields(text).ok_or_else(|| CutterError::Form(given()))?;
        match name {
            "fastcdc" => FastCdc::new(min, avg, max).map(Self::FastCdc),
            "rabin" => Rabin::new(min, avg, max).map(Self::Rabin),
            "buzhash" => Buzhash::new(min, avg, max).map(Self::Buzhash),
            _ => return Err(CutterError::Form(given())),
        }
        .map_err(|source| CutterError::Sizes { text: given(), source })
    }
}

fn fields(text: &str) -> Option<(&str, [u32; 3])> {
    let mut parts = text.split(':');
    let name = parts.next()?;
    let sizes = [parts.next()?, parts.next()?, parts.next()?];
    let [Some(min), Some(avg), Some(max)] = sizes.map(decimal) else { return None };
    parts.next().is_none().then_some((name, [min, avg, max]))
}

impl fmt::Display for Cutter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::FastCdc(_) => "fastcdc",
            Self::Rabin(_) => "rabin",
            Self::Buzhash(_) => "buzhash",
        };
        let sizes = self.sizes();
        write!(f, "{name}:{}:{}:{}", sizes.min(), sizes.avg(), sizes.max())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_goes_there_and_back() {
        for text in
            ["fastcdc:16384:65536:262144", "rabin:1024:8192:65536", "rabin:1:64:64", "buzhash:48:99:1000"]
        {
            assert_eq!(text.parse::<Cutter>().unwrap().to_string(), text);
        }
        assert_eq!(Cutter::default().to_string(), "fastcdc:16384:65536:262144");
    }

    #[test]
    fn text_of_another_form_is_refused() {
        for bad in [
            "",
            "rabin",
            "rabin:1024:8192",
            "rabin:1024:8192:65536:1",
            "rabin:1024:8192:65536 ",
            "rabin:+1024:8192:65536",
            "rabin:01024:8192:65536",
            "rabin::8192:65536",
            "rabin:1k:8k:64k",
            "Rabin:1024:8192:65536",
            "gear:1024:8192:65536",
            "rabin:1024:8192:99999999999",
        ] {
            assert!(matches!(bad.parse::<Cutter>(), Err(CutterError::Form(_))), "{bad:?}");
        }
    }

    #[test]
    fn sizes_that_no_cutter_can_work_with_are_refused_with_the_reason() {
        let reason = |text: &str| match text.parse::<Cutter>() {
            Err(CutterError::Sizes { source, .. }) => source.to_string(),
            other => panic!("{text} gave {other:?}"),
        };
        assert!(reason("rabin:8192:1024:65536").contains("out of order"));
        assert!(reason("rabin:1024:8192:4096").contains("out of order"));
        assert_eq!(reason("rabin:0:8192:65536"), "MIN is 0 bytes, outside 1 to 1048576");
        assert_eq!(reason("fastcdc:16:8192:65536"), "MIN is 16 bytes, outside 64 to 1048576");
        assert_eq!(reason("rabin:1024:8192:8388609"), "MAX is 8388609 bytes, outside 64 to 8388608");
        assert_eq!(reason("buzhash:47:8192:65536"), "MIN is 47 bytes, outside 48 to 1048576");
        assert!(reason("fastcdc:1024:8191:65536").contains("even"));
    }

    #[test]
    fn an_empty_file_has_no_chunks() {
        assert_eq!(cut(Cutter::default(), b"").count(), 0);
    }
}
