//! Values of trailers that are more than a word: ranges, left-out heads and verdicts.
//!
//! They are read as plain values; whether a verdict is true is not known here. Each value is written again when the message is ([`Message`](crate::Message)), so it has one spelling.

use crate::trailers::MAX_REASON_BYTES;
use model::{BlockId, Name, ObjectId};
use std::{fmt, ops::RangeInclusive};

/// A judge's verdict over a merge, as a merge block names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerdictLine {
    /// The dapp whose judge it was.
    pub dapp: Name,
    /// The verdict's id.
    pub verdict: [u8; 32],
}

impl fmt::Display for VerdictLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.dapp, ObjectId::new(self.verdict))
    }
}

impl VerdictLine {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (dapp, verdict) = text.split_once(' ')?;
        let id: ObjectId = verdict.parse().ok()?;
        Some(Self { dapp: dapp.parse().ok()?, verdict: *id.as_bytes() })
    }
}

pub(crate) fn range(text: &str) -> Option<RangeInclusive<u64>> {
    let (first, last) = text.split_once('-')?;
    let range = first.parse().ok()?..=last.parse().ok()?;
    (!range.is_empty()).then_some(range)
}

pub(crate) fn left_out(text: &str) -> Option<(BlockId, String)> {
    let (block, reason) = text.split_once(' ')?;
    plain_line(reason, MAX_REASON_BYTES)?;
    Some((block.parse().ok()?, reason.into()))
}

/// Whether text is one line of at most `max` bytes, without control characters or space around it.
pub(crate) fn plain_line(text: &str, max: usize) -> Option<()> {
    let plain = (1..=max).contains(&text.len())
        && text.trim() == text
        && !text.chars().any(|c| c.is_control() || "\u{2028}\u{2029}".contains(c));
    plain.then_some(())
}

/// Makes any text fit for a reason: one line, not too long.
pub(crate) fn as_reason(text: &str) -> String {
    let clean: String = text
        .chars()
        .map(|c| if c.is_control() || "\u{2028}\u{2029}".contains(c) { ' ' } else { c })
        .collect();
    let mut end = clean.len().min(MAX_REASON_BYTES);
    while !clean.is_char_boundary(end) {
        end -= 1;
    }
    match clean[..end].trim() {
        "" => "no reason given".into(),
        reason => reason.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_made_to_fit_in_one_line() {
        assert_eq!(as_reason("a\nb"), "a b");
        assert_eq!(as_reason("  "), "no reason given");
        assert!(as_reason(&"é".repeat(1000)).len() <= MAX_REASON_BYTES);
    }
}
