//! A block's message: a subject, an empty line, and trailers in a fixed order.
//!
//! The message is read by asking for each trailer in its turn and is then written again: if the two texts
//! differ, it is refused. So a block has one spelling, and whatever is signed is what was read. The format is
//! docs/formats/block.md.

use crate::trailer_values::{VerdictLine, left_out, plain_line, range};
use model::{BlockId, Name, OrgId};
use std::{fmt::Write, ops::RangeInclusive};

/// The protocol that this code speaks.
pub const PROTOCOL: u32 = 1;

/// The longest subject, in bytes.
pub const MAX_SUBJECT_BYTES: usize = 200;

/// The branch that the genesis begins.
pub const MAIN: &str = "main";

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
    /// Takes writers' blocks into a branch.
    Merge,
    /// Begins another branch.
    Fork,
    /// Brings a whole branch to another one, as a writer's block.
    Join,
}

impl BlockKind {
    /// The word in the block.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Genesis => "genesis",
            Self::Events => "events",
            Self::Documents => "documents",
            Self::Merge => "merge",
            Self::Fork => "fork",
            Self::Join => "join",
        }
    }

    /// Whether the block is one of a branch itself (genesis, merge or fork), not of a writer's line.
    pub const fn is_of_branch(self) -> bool {
        matches!(self, Self::Genesis | Self::Merge | Self::Fork)
    }

    fn parse(text: &str) -> Option<Self> {
        let all = [Self::Genesis, Self::Events, Self::Documents, Self::Merge, Self::Fork, Self::Join];
        all.into_iter().find(|kind| kind.as_str() == text)
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
    /// The branch; main is not written.
    pub branch: Name,
    /// The block's place on its branch.
    pub height: Option<u64>,
    /// The block's place in its writer's line, from 1.
    pub sequence: Option<u64>,
    /// The dapp for which documents are written.
    pub dapp: Option<Name>,
    /// The sequence numbers of the events in the block.
    pub events: Option<RangeInclusive<u64>>,
    /// The block of another branch that a join brings.
    pub joins: Option<BlockId>,
    /// Heads whose documents a merge left out, and why.
    pub left_out: Vec<(BlockId, String)>,
    /// What the judges said of a merge, in the order of the dapps.
    pub verdicts: Vec<VerdictLine>,
    /// The certificate of a merge's first parent, as text ([`Certificate::to_trailer`](crate::finality::Certificate)).
    pub certificate: Option<String>,
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
    /// Readable, but not as we would write it, or with more than there may be.
    #[error("the message is not in canonical form: a line is unknown, doubled or out of its place")]
    NotCanonical,
}

impl Message {
    /// A message with a subject and nothing else that a kind may go without, on main.
    pub fn new(kind: BlockKind, subject: &str) -> Self {
        Self {
            subject: subject.into(),
            kind,
            org: None,
            branch: main_branch(),
            height: None,
            sequence: None,
            dapp: None,
            events: None,
            joins: None,
            left_out: Vec::new(),
            verdicts: Vec::new(),
            certificate: None,
        }
    }

    /// The message as text.
    pub fn render(&self) -> String {
        let mut text = format!("{}\n\n", self.subject);
        line(&mut text, "Ledger-Kind", Some(self.kind.as_str()));
        line(&mut text, "Ledger-Org", self.org);
        line(&mut text, "Ledger-Protocol", Some(PROTOCOL));
        line(&mut text, "Ledger-Branch", Some(&self.branch).filter(|branch| branch.as_str() != MAIN));
        line(&mut text, "Ledger-Height", self.height);
        line(&mut text, "Ledger-Sequence", self.sequence);
        line(&mut text, "Ledger-Dapp", self.dapp.as_ref());
        let events = self.events.as_ref().map(|events| format!("{}-{}", events.start(), events.end()));
        line(&mut text, "Ledger-Events", events);
        line(&mut text, "Ledger-Joins", self.joins);
        for (block, reason) in &self.left_out {
            line(&mut text, "Ledger-Left-Out", Some(format_args!("{block} {reason}")));
        }
        for verdict in &self.verdicts {
            line(&mut text, "Ledger-Verdict", Some(verdict));
        }
        line(&mut text, "Ledger-Certificate", self.certificate.as_ref());
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

/// The name of the branch that the genesis begins.
pub(crate) fn main_branch() -> Name {
    MAIN.parse().expect("because the name is written in this program")
}

/// Writes a trailer, if there is a value.
fn line(text: &mut String, name: &str, value: Option<impl std::fmt::Display>) {
    if let Some(value) = value {
        writeln!(text, "{name}: {value}").expect("because a string takes any text");
    }
}

/// Whether a line can be a block's subject.
pub fn check_subject(subject: &str) -> Result<(), MessageError> {
    plain_line(subject, MAX_SUBJECT_BYTES).ok_or(MessageError::Subject)
}

/// The trailers that are still to be read.
struct Trailers<'a>(&'a str);

impl<'a> Trailers<'a> {
    fn message(mut self, subject: &str) -> Result<Message, MessageError> {
        let kind = self.need("Ledger-Kind", BlockKind::parse)?;
        let mut message = Message::new(kind, subject);
        if kind != BlockKind::Genesis {
            message.org = Some(self.need("Ledger-Org", parsed)?);
        }
        let found = self.need("Ledger-Protocol", parsed)?;
        if found != PROTOCOL {
            return Err(MessageError::Protocol { found });
        }
        match kind {
            BlockKind::Genesis => {}
            BlockKind::Fork => message.branch = self.need("Ledger-Branch", parsed)?,
            _ => message.branch = self.may("Ledger-Branch", parsed)?.unwrap_or(message.branch),
        }
        if kind.is_of_branch() {
            message.height = Some(self.need("Ledger-Height", parsed)?);
        } else {
            message.sequence = Some(self.need("Ledger-Sequence", parsed)?);
        }
        self.read_kind(&mut message)?;
        Ok(message)
    }

    /// The trailers that one kind of block has alone.
    fn read_kind(&mut self, message: &mut Message) -> Result<(), MessageError> {
        match message.kind {
            BlockKind::Documents => message.dapp = self.may("Ledger-Dapp", parsed)?,
            BlockKind::Events => message.events = Some(self.need("Ledger-Events", range)?),
            BlockKind::Join => message.joins = Some(self.need("Ledger-Joins", parsed)?),
            BlockKind::Merge => {
                message.left_out = self.all("Ledger-Left-Out", left_out)?;
                message.verdicts = self.all("Ledger-Verdict", VerdictLine::parse)?;
                message.certificate = self.may("Ledger-Certificate", parsed)?;
                if !message.verdicts.is_sorted_by(|one, next| one.dapp < next.dapp) {
                    return Err(MessageError::NotCanonical);
                }
            }
            BlockKind::Genesis | BlockKind::Fork => {}
        }
        Ok(())
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

    /// The values of a trailer that may be there any number of times.
    fn all<T>(
        &mut self,
        trailer: &'static str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Vec<T>, MessageError> {
        let mut values = Vec::new();
        while let Some(value) = self.may(trailer, &read)? {
            values.push(value);
        }
        Ok(values)
    }
}

fn parsed<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merge() -> Message {
        let verdict = |dapp: &str| VerdictLine { dapp: dapp.parse().unwrap(), verdict: [5; 32] };
        Message {
            org: Some(OrgId::new([7; 32])),
            height: Some(3),
            left_out: vec![(BlockId::new([8; 32]), "people/alice.toml: plan differs".into())],
            verdicts: vec![verdict("accounting"), verdict("doorbot")],
            certificate: Some(format!("2 {}:{}", "ab".repeat(16), "A".repeat(88))),
            ..Message::new(BlockKind::Merge, "Merge 1 head")
        }
    }

    fn of_writer(kind: BlockKind) -> Message {
        Message { org: Some(OrgId::new([7; 32])), sequence: Some(4), ..Message::new(kind, "Write") }
    }

    #[test]
    fn a_message_of_every_kind_comes_back_as_it_was_written() {
        let lab: Name = "lab".parse().unwrap();
        let org = merge().org;
        for message in [
            merge(),
            Message { branch: lab.clone(), certificate: None, ..merge() },
            Message { height: Some(0), ..Message::new(BlockKind::Genesis, "Begin") },
            Message { org, branch: lab.clone(), height: Some(9), ..Message::new(BlockKind::Fork, "Fork") },
            Message { events: Some(5..=9), ..of_writer(BlockKind::Events) },
            Message { dapp: Some("desk".parse().unwrap()), ..of_writer(BlockKind::Documents) },
            Message { branch: lab, ..of_writer(BlockKind::Documents) },
            Message { joins: Some(BlockId::new([6; 32])), ..of_writer(BlockKind::Join) },
        ] {
            assert_eq!(Message::parse(message.render().as_bytes()).unwrap(), message);
        }
    }

    #[test]
    fn a_fork_without_a_name_and_main_by_name_are_refused() {
        let fork = Message { org: merge().org, height: Some(1), ..Message::new(BlockKind::Fork, "Fork") };
        assert!(Message::parse(fork.render().as_bytes()).is_err(), "a fork is never of main");
        let text = merge().render().replace("Ledger-Height", "Ledger-Branch: main\nLedger-Height");
        assert_eq!(Message::parse(text.as_bytes()), Err(MessageError::NotCanonical));
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
            text.replace("Verdict: accounting", "Verdict: zeroes"),
            text.replace("Verdict: accounting", "Verdict: doorbot"),
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
}
