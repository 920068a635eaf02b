//! A block's message: a subject, an empty line, and trailers in a fixed order.
//!
//! The message is read by asking for each trailer in its turn and is then written again: if the two texts
//! differ, it is refused. So a block has one spelling, and whatever is signed is what was read. The format is
//! docs/formats/block.md.

use model::{BlockId, Name, OrgId};
use std::{fmt::Write, ops::RangeInclusive};

/// The protocol that this code speaks.
pub const PROTOCOL: u32 = 1;

/// The longest subject, in bytes.
pub const MAX_SUBJECT_BYTES: usize = 200;

/// The longest reason in a `Ledger-Left-Out` trailer, in bytes.
pub const MAX_REASON_BYTES: usize = 400;

/// What a block does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BlockKind {
    /// Begins an organisation.
    Genesis,
    /// Adds one file of events to a node's log.
    Events,
    /// Changes documents.
    Documents,
    /// Takes writers' blocks into main.
    Merge,
}

impl BlockKind {
    /// The word in the block.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Genesis => "genesis",
            Self::Events => "events",
            Self::Documents => "documents",
            Self::Merge => "merge",
        }
    }

    /// Whether the block is one of main: a genesis or a merge.
    pub const fn is_of_main(self) -> bool {
        matches!(self, Self::Genesis | Self::Merge)
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Genesis, Self::Events, Self::Documents, Self::Merge].into_iter().find(|k| k.as_str() == text)
    }
}

/// What a block's message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The first line, for people.
    pub subject: String,
    /// What the block does.
    pub kind: BlockKind,
    /// The organisation; `None` in its genesis alone.
    pub org: Option<OrgId>,
    /// The block's place on main.
    pub height: Option<u64>,
    /// The block's place in its writer's line, from 1.
    pub sequence: Option<u64>,
    /// The dapp for which documents are written.
    pub dapp: Option<Name>,
    /// The sequence numbers of the events in the block.
    pub events: Option<RangeInclusive<u64>>,
    /// Heads whose documents a merge left out, and why.
    pub left_out: Vec<(BlockId, String)>,
}

/// A message that is not a block's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Not UTF-8.
    #[error("the message is not UTF-8 text")]
    Utf8,
    /// No subject, or not one line of plain text.
    #[error("the subject is not one line of 1 to {MAX_SUBJECT_BYTES} bytes without control characters")]
    Subject,
    /// A trailer that the kind needs is not there, or not in its place.
    #[error("the message has no {trailer} where this kind of block has it")]
    Missing {
        /// The trailer's name.
        trailer: &'static str,
    },
    /// A trailer's value cannot be read.
    #[error("{trailer}: {value:?} cannot be read")]
    Value {
        /// The trailer's name.
        trailer: &'static str,
        /// The value's beginning.
        value: String,
    },
    /// Written by newer software.
    #[error(
        "the block speaks ledger protocol {found}, this software speaks {PROTOCOL}: update this box to read it"
    )]
    Protocol {
        /// The block's protocol.
        found: u32,
    },
    /// A reason that does not fit.
    #[error("a reason for leaving out is not one line of 1 to {MAX_REASON_BYTES} bytes")]
    Reason,
    /// Readable, but not as we would write it, or with more than there may be.
    #[error("the message is not in canonical form: a line is unknown, doubled or out of its place")]
    NotCanonical,
}

impl Message {
    /// The message as text.
    pub fn render(&self) -> String {
        let mut text = format!("{}\n\nLedger-Kind: {}\n", self.subject, self.kind.as_str());
        if let Some(org) = &self.org {
            line(&mut text, "Ledger-Org", org);
        }
        line(&mut text, "Ledger-Protocol", PROTOCOL);
        if let Some(height) = self.height {
            line(&mut text, "Ledger-Height", height);
        }
        if let Some(sequence) = self.sequence {
            line(&mut text, "Ledger-Sequence", sequence);
        }
        if let Some(dapp) = &self.dapp {
            line(&mut text, "Ledger-Dapp", dapp);
        }
        if let Some(events) = &self.events {
            line(&mut text, "Ledger-Events", format_args!("{}-{}", events.start(), events.end()));
        }
        for (block, reason) in &self.left_out {
            line(&mut text, "Ledger-Left-Out", format_args!("{block} {reason}"));
        }
        text
    }

    /// Reads a message strictly.
    pub fn parse(bytes: &[u8]) -> Result<Self, MessageError> {
        let text = std::str::from_utf8(bytes).map_err(|_| MessageError::Utf8)?;
        let (subject, trailers) = text.split_once("\n\n").ok_or(MessageError::Subject)?;
        check_subject(subject)?;
        let message = Trailers(trailers).message(subject)?;
        if message.render() == text { Ok(message) } else { Err(MessageError::NotCanonical) }
    }
}

fn line(text: &mut String, name: &str, value: impl std::fmt::Display) {
    writeln!(text, "{name}: {value}").expect("because a string takes any text");
}

/// Whether a line can be a block's subject.
pub fn check_subject(subject: &str) -> Result<(), MessageError> {
    plain_line(subject, MAX_SUBJECT_BYTES).ok_or(MessageError::Subject)
}

fn plain_line(text: &str, max: usize) -> Option<()> {
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

/// The trailers that are still to be read.
struct Trailers<'a>(&'a str);

impl<'a> Trailers<'a> {
    fn message(mut self, subject: &str) -> Result<Message, MessageError> {
        let kind = self.need("Ledger-Kind", BlockKind::parse)?;
        let org = match kind {
            BlockKind::Genesis => None,
            _ => Some(self.need("Ledger-Org", |text| text.parse().ok())?),
        };
        let found = self.need("Ledger-Protocol", |text| text.parse().ok())?;
        if found != PROTOCOL {
            return Err(MessageError::Protocol { found });
        }
        let number = |text: &str| text.parse().ok();
        let height = kind.is_of_main().then(|| self.need("Ledger-Height", number)).transpose()?;
        let sequence = (!kind.is_of_main()).then(|| self.need("Ledger-Sequence", number)).transpose()?;
        let dapp = match kind {
            BlockKind::Documents => self.may("Ledger-Dapp", |text| text.parse().ok())?,
            _ => None,
        };
        let events = (kind == BlockKind::Events).then(|| self.need("Ledger-Events", range)).transpose()?;
        let mut left_out = Vec::new();
        while kind == BlockKind::Merge
            && let Some(head) = self.may("Ledger-Left-Out", left_out_line)?
        {
            left_out.push(head);
        }
        let subject = subject.into();
        Ok(Message { subject, kind, org, height, sequence, dapp, events, left_out })
    }

    /// The value of the next trailer if that is its name.
    fn next(&mut self, name: &str) -> Option<&'a str> {
        let (value, rest) = self.0.strip_prefix(name)?.strip_prefix(": ")?.split_once('\n')?;
        self.0 = rest;
        Some(value)
    }

    fn may<T>(
        &mut self,
        trailer: &'static str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, MessageError> {
        let Some(value) = self.next(trailer) else { return Ok(None) };
        let wrong = || MessageError::Value { trailer, value: value.chars().take(80).collect() };
        read(value).map(Some).ok_or_else(wrong)
    }

    fn need<T>(
        &mut self,
        trailer: &'static str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<T, MessageError> {
        self.may(trailer, read)?.ok_or(MessageError::Missing { trailer })
    }
}

fn range(text: &str) -> Option<RangeInclusive<u64>> {
    let (first, last) = text.split_once('-')?;
    let range = first.parse().ok()?..=last.parse().ok()?;
    (!range.is_empty()).then_some(range)
}

fn left_out_line(text: &str) -> Option<(BlockId, String)> {
    let (block, reason) = text.split_once(' ')?;
    plain_line(reason, MAX_REASON_BYTES)?;
    Some((block.parse().ok()?, reason.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merge() -> Message {
        Message {
            subject: "Merge 1 head".into(),
            kind: BlockKind::Merge,
            org: Some(OrgId::new([7; 32])),
            height: Some(3),
            sequence: None,
            dapp: None,
            events: None,
            left_out: vec![(BlockId::new([8; 32]), "people/alice.toml: plan differs".into())],
        }
    }

    #[test]
    fn a_message_comes_back_as_it_was_written() {
        let events = Message {
            kind: BlockKind::Events,
            height: None,
            sequence: Some(4),
            events: Some(5..=9),
            left_out: vec![],
            ..merge()
        };
        let genesis =
            Message { kind: BlockKind::Genesis, org: None, height: Some(0), left_out: vec![], ..merge() };
        for message in [merge(), events, genesis] {
            assert_eq!(Message::parse(message.render().as_bytes()).unwrap(), message);
        }
    }

    #[test]
    fn newer_protocol_is_named_in_the_error() {
        let text = merge().render().replace("Ledger-Protocol: 1", "Ledger-Protocol: 2");
        let error = Message::parse(text.as_bytes()).unwrap_err();
        assert_eq!(error, MessageError::Protocol { found: 2 });
        assert!(error.to_string().contains("update this box"));
    }

    #[test]
    fn every_other_spelling_is_refused() {
        let text = merge().render();
        let swapped =
            text.replace("Ledger-Height: 3\n", "").replace("Ledger-Org", "Ledger-Height: 3\nLedger-Org");
        for other in [
            text.replace("Ledger-Height: 3", "Ledger-Height: 03"),
            text.replace("Ledger-Height: 3", "Ledger-Height: +3"),
            text.replace("Ledger-Height: 3\n", "Ledger-Height: 3\nLedger-Height: 3\n"),
            text.replace("Ledger-Height: 3\n", ""),
            text.replace("Ledger-Height: 3\n", "Ledger-Height: 3\nLedger-Sequence: 1\n"),
            text.replace("Ledger-Kind: merge", "Ledger-Kind: Merge"),
            text.replace("plan differs", "plan differs "),
            text.trim_end().to_string(),
            format!("{text}\n"),
            format!("{text}Signed-off-by: x\n"),
            format!(" {text}"),
            text.replace("\n\n", "\n"),
            swapped,
        ] {
            assert!(Message::parse(other.as_bytes()).is_err(), "{other:?} was taken");
        }
    }

    #[test]
    fn a_reason_is_made_to_fit_in_one_line() {
        assert_eq!(as_reason("a\nb"), "a b");
        assert_eq!(as_reason("  "), "no reason given");
        assert!(as_reason(&"é".repeat(1000)).len() <= MAX_REASON_BYTES);
    }
}
