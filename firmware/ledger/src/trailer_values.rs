//! Values of trailers that are more than a word: ranges, left-out heads, verdicts and certificates.
//!
//! They are read as plain values. Whether a verdict is true and a certificate has enough signatures is not known
//! here. Each value is written again when the message is ([`Message`](crate::Message)), so it has one spelling.

use crate::trailers::MAX_REASON_BYTES;
use base64::{Engine, engine::general_purpose::STANDARD};
use model::{BlockId, KeyId, Name, ObjectId};
use std::{collections::BTreeMap, fmt, ops::RangeInclusive};

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

/// The certificate of a block's first parent: the round, and who signed. Organisation, branch, height and
/// block are those of the first parent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateLine {
    /// The round in which it was decided.
    pub round: u32,
    /// The signatures, at least one.
    pub signatures: BTreeMap<KeyId, [u8; 64]>,
}

impl fmt::Display for CertificateLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.round)?;
        for (key, signature) in &self.signatures {
            write!(f, " {key}:{}", STANDARD.encode(signature))?;
        }
        Ok(())
    }
}

impl CertificateLine {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (round, rest) = text.split_once(' ')?;
        let signatures: Option<BTreeMap<_, _>> = rest.split(' ').map(signature).collect();
        Some(Self { round: round.parse().ok()?, signatures: signatures? })
    }
}

fn signature(text: &str) -> Option<(KeyId, [u8; 64])> {
    let (key, signature) = text.split_once(':')?;
    let bytes = STANDARD.decode(signature).ok()?;
    Some((key.parse().ok()?, bytes.try_into().ok()?))
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

    #[test]
    fn a_certificate_without_signatures_or_with_half_a_one_is_none() {
        let key = "ab".repeat(16);
        let whole = STANDARD.encode([7; 64]);
        let good = CertificateLine::parse(&format!("3 {key}:{whole}")).unwrap();
        assert_eq!(good.to_string(), format!("3 {key}:{whole}"));
        for bad in [
            "3".to_string(),
            "3 ".into(),
            format!("3 {key}"),
            format!("3 {key}:{}", &whole[..40]),
            format!("x {key}:{whole}"),
            format!("3 {key}:{whole} "),
        ] {
            assert!(CertificateLine::parse(&bad).is_none(), "{bad:?} was taken");
        }
    }
}
