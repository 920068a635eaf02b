//! Canonical text, line by line: each line ends in one line feed, and the first one that is not as we write it is named.

use model::ChunkId;
use std::str::FromStr;

/// A line that has not the form that its place asks for.
pub(crate) struct WrongLine {
    /// Counted from 1.
    pub line: usize,
    /// The form.
    pub wanted: &'static str,
}

/// Lines that each end in one line feed.
pub(crate) struct Lines<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Lines<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        Self { rest: text, line: 0 }
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// Whether the next line begins so.
    pub(crate) fn begins(&self, prefix: &str) -> bool {
        self.rest.starts_with(prefix)
    }

    /// The next line.
    pub(crate) fn next(&mut self) -> Option<&'a str> {
        let (line, rest) = self.rest.split_once('\n')?;
        (self.rest, self.line) = (rest, self.line + 1);
        Some(line)
    }

    /// What the next line says behind its prefix.
    pub(crate) fn field<T>(
        &mut self,
        prefix: &str,
        wanted: &'static str,
        value: impl Fn(&'a str) -> Option<T>,
    ) -> Result<T, WrongLine> {
        let wrong = WrongLine { line: self.line + 1, wanted };
        let line = self.next().and_then(|line| line.strip_prefix(prefix));
        line.and_then(value).ok_or(wrong)
    }
}

/// A name and a number.
pub(crate) fn named<T: FromStr>(line: &str) -> Option<(ChunkId, T)> {
    let (id, number) = line.split_once(' ')?;
    Some((id.parse().ok()?, decimal(number)?))
}

/// A number as we write it: digits only, no sign, no leading zero.
pub(crate) fn decimal<T: FromStr>(text: &str) -> Option<T> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}
