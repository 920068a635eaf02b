//! What a validator must not forget while it votes on a height.
//!
//! Everything that moved the vote, in order: messages that counted, verdicts on blocks, waits that ended. After a crash
//! the same things in the same order lead to the same votes, and Malachite compares them with those in the journal. The
//! host keeps the whole text, in place of the one before, before it sends what the engine publishes next. A journal
//! that cannot be read means silence at that height, never a second vote.

use super::{
    ballot::BallotKind,
    message::{MAX_MESSAGE_BYTES, Message},
    text::{Lines, TextError, same},
};
use gix_object::Kind;
use malachite_types::{Round, Timeout, TimeoutKind};
use model::{BlockId, KeyId};

const JOURNAL: &str = "ledger-journal-1";
const WHAT: &str = "journal";
/// Far more than the rounds of a height fill; a journal is read into memory.
const MAX_BYTES: usize = 256 * MAX_MESSAGE_BYTES;

/// A journal that cannot be trusted.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// It cannot be read.
    #[error(transparent)]
    Text(#[from] TextError),
    /// Its bytes are not those that were kept.
    #[error("the journal of the vote was damaged: its checksum differs")]
    Damaged,
}

/// What the host said of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) block: BlockId,
    pub(super) proposer: KeyId,
    pub(super) round: u32,
    pub(super) good: bool,
}

/// One thing that moved the vote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Record {
    Message(Message),
    Verdict(Verdict),
    Timeout(Timeout),
}

/// The journal of one height.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Journal {
    pub(super) height: u64,
    /// The block that the height follows.
    pub(super) main: BlockId,
    records: Vec<Record>,
    /// Whether the host has all of it.
    kept: bool,
}

impl Journal {
    pub(super) const fn new(height: u64, main: BlockId) -> Self {
        Self { height, main, records: Vec::new(), kept: true }
    }

    pub(super) fn add(&mut self, record: Record) {
        self.records.push(record);
        self.kept = false;
    }

    pub(super) fn has(&self, record: &Record) -> bool {
        self.records.contains(record)
    }

    /// Forgets what rounds before `first` can no longer do: all but votes for blocks, on which a later proposal may rest,
    /// and what led into `first`, the precommits of the round before it and the wait that ended it.
    pub(super) fn forget_before(&mut self, first: u32) {
        self.records.retain(|record| match record.round() {
            Some(round) if round >= first => true,
            Some(round) => record.is_for_a_block() || round + 1 == first && record.ends_a_round(),
            None => true,
        });
    }

    pub(super) fn records(&self) -> &[Record] {
        &self.records
    }

    /// The text that the host has to keep, unless it has it.
    pub(super) fn unkept(&mut self) -> Option<Vec<u8>> {
        let news = !self.kept;
        self.kept = true;
        news.then(|| self.to_bytes())
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let head = format!("{JOURNAL}\nheight {}\nmain {}\n", self.height, self.main);
        let mut text: String = self.records.iter().fold(head, |text, record| text + &record.to_text());
        text += &format!("end {}\n", checksum(&text));
        text.into_bytes()
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Self, JournalError> {
        let mut lines = Lines::new(bytes, WHAT, MAX_BYTES)?;
        lines.heading(JOURNAL)?;
        let mut journal = Self::new(lines.field("height")?, lines.field("main")?);
        let end = loop {
            let line = lines.next("a record, or the end")?;
            if let Some(end) = line.strip_prefix("end ") {
                break end;
            }
            journal.add(Record::read(line, &mut lines)?);
        };
        let len = bytes.len().saturating_sub("end \n".len() + end.len());
        let body = bytes.get(..len).and_then(|body| std::str::from_utf8(body).ok());
        if !lines.is_done() || body.map(checksum).as_deref() != Some(end) {
            return Err(JournalError::Damaged);
        }
        same(WHAT, bytes, &journal.to_bytes())?;
        journal.kept = true;
        Ok(journal)
    }
}

/// The id that git would give the text as a file.
fn checksum(text: &str) -> String {
    let hash = gix_object::compute_hash(gix_hash::Kind::Sha256, Kind::Blob, text.as_bytes());
    hash.map_or_else(|error| error.to_string(), |id| id.to_string())
}

impl Record {
    /// The round that it moved; none for a verdict.
    fn round(&self) -> Option<u32> {
        match self {
            Self::Message(message) => Some(message.round()),
            Self::Timeout(timeout) => timeout.round.as_u32(),
            Self::Verdict(_) => None,
        }
    }

    /// Whether it may be a part of the proof that most were for a block.
    fn is_for_a_block(&self) -> bool {
        match self {
            Self::Message(Message::Ballot(signed)) => {
                signed.ballot.kind == BallotKind::Prevote && signed.ballot.block.is_some()
            }
            Self::Message(Message::Polka(_)) => true,
            _ => false,
        }
    }

    /// Whether it may lead into the next round.
    fn ends_a_round(&self) -> bool {
        match self {
            Self::Message(Message::Ballot(signed)) => signed.ballot.kind == BallotKind::Precommit,
            Self::Timeout(timeout) => timeout.kind == TimeoutKind::Precommit,
            _ => false,
        }
    }

    fn to_text(&self) -> String {
        match self {
            Self::Message(message) => {
                let text = String::from_utf8_lossy(&message.to_bytes()).into_owned();
                format!("message {}\n{text}", text.len())
            }
            Self::Verdict(Verdict { block, proposer, round, good }) => {
                let verdict = if *good { "good" } else { "bad" };
                format!("verdict {verdict} {block} {proposer} {round}\n")
            }
            Self::Timeout(timeout) => {
                format!("timeout {} {}\n", step_text(timeout.kind), super::context::number(timeout.round))
            }
        }
    }

    fn read(line: &str, lines: &mut Lines<'_>) -> Result<Self, TextError> {
        const WANTED: &str = "message, verdict or timeout";
        let (kind, rest) = line.split_once(' ').ok_or(lines.wrong(WANTED))?;
        match kind {
            "message" => {
                let len = rest.parse().map_err(|_| lines.wrong(WANTED))?;
                Ok(Self::Message(Message::parse(lines.take(len, WANTED)?.as_bytes())?))
            }
            "verdict" => read_verdict(rest).map(Self::Verdict).ok_or(lines.wrong(WANTED)),
            "timeout" => read_timeout(rest).map(Self::Timeout).ok_or(lines.wrong(WANTED)),
            _ => Err(lines.wrong(WANTED)),
        }
    }
}

fn read_verdict(text: &str) -> Option<Verdict> {
    let mut parts = text.splitn(4, ' ');
    let good = parts.next()? == "good";
    let (block, proposer) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    Some(Verdict { block, proposer, round: parts.next()?.parse().ok()?, good })
}

const STEPS: [(&str, TimeoutKind); 3] = [
    ("propose", TimeoutKind::Propose),
    ("prevote", TimeoutKind::Prevote),
    ("precommit", TimeoutKind::Precommit),
];

fn read_timeout(text: &str) -> Option<Timeout> {
    let (step, round) = text.split_once(' ')?;
    let (_, kind) = STEPS.into_iter().find(|(name, _)| *name == step)?;
    Some(Timeout::new(Round::new(round.parse().ok()?), kind))
}

fn step_text(kind: TimeoutKind) -> &'static str {
    STEPS.into_iter().find(|(_, step)| *step == kind).map_or("repeat", |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finality::Ballot;
    use model::{OrgId, SigningKey};

    fn journal() -> Journal {
        let key = SigningKey::from_seed(&[1; 32]);
        let (org, branch, block) = (OrgId::new([1; 32]), "main".parse().unwrap(), BlockId::new([2; 32]));
        let ballot = Ballot { org, branch, height: 3, round: 0, kind: BallotKind::Prevote, block: None };
        let mut journal = Journal::new(3, block);
        journal.add(Record::Timeout(Timeout::propose(Round::new(0))));
        journal.add(Record::Verdict(Verdict { block, proposer: key.public().id(), round: 0, good: false }));
        journal.add(Record::Message(Message::Ballot(ballot.sign(&key))));
        journal
    }

    #[test]
    fn a_journal_reads_as_it_was_kept() {
        let mut journal = journal();
        let kept = journal.unkept().unwrap();
        assert_eq!(journal.unkept(), None, "there is nothing new to keep");
        assert_eq!(Journal::parse(&kept).unwrap(), journal);
    }

    #[test]
    fn of_a_round_that_is_over_only_its_end_is_kept() {
        let mut journal = journal();
        let end = Record::Timeout(Timeout::precommit(Round::new(0)));
        journal.add(end.clone());
        journal.add(Record::Timeout(Timeout::propose(Round::new(1))));
        journal.forget_before(1);
        assert!(matches!(journal.records(), [Record::Verdict(_), kept, Record::Timeout(_)] if *kept == end));
        journal.forget_before(2);
        assert!(matches!(journal.records(), [Record::Verdict(_)]));
        assert_eq!(Journal::parse(&journal.to_bytes()).unwrap().records(), journal.records());
    }

    #[test]
    fn every_damaged_byte_of_a_journal_is_noticed() {
        let kept = journal().to_bytes();
        for at in 0..kept.len() {
            let mut damaged = kept.clone();
            damaged[at] ^= 1;
            assert!(Journal::parse(&damaged).is_err(), "byte {at}");
            assert!(Journal::parse(&kept[..at]).is_err(), "cut at {at}");
        }
    }
}
