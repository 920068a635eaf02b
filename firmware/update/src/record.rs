//! What an update must know after a power cut: the box's memory of releases, the job at hand, and what is still to be told.
//!
//! It lies in two places that are written in turn, each with a number and a checksum; the whole one with the greater number
//! counts, so that a write that was cut leaves the record before it. How far the writing of a slot came is not in it: that is found by
//! hashing what is there. Format: docs/formats/update-record.md.

use crate::{MAX_CHANNELS, MAX_FAILURES, Memory, Report, Seen, memory::one_line};
use model::{Document, DocumentError};
use serde::{Deserialize, Serialize};
use slots::Slot;

/// The size of each of the two places.
pub const RECORD_BYTES: usize = 64 * 1024;
/// The most reports that wait to be told, the latest ones.
pub const MAX_REPORTS: usize = 4;
/// The longest log of a failed trial, in bytes.
pub const MAX_LOG_BYTES: usize = 2048;

const MAGIC: &str = "ledger-update 1";

/// The record.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// What the box remembers of releases.
    pub memory: Memory,
    /// What it is doing.
    #[serde(default, skip_serializing_if = "Job::is_idle")]
    pub job: Job,
    /// What lies whole in each slot, as far as is known.
    pub slots: Held,
    /// What is still to be told to the ledger, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reports: Vec<Report>,
}

/// What lies in the slots.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Held {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    a: Option<Seen>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    b: Option<Seen>,
}

/// What the box is doing.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "lowercase", deny_unknown_fields)]
pub enum Job {
    /// Nothing.
    #[default]
    Idle,
    /// It writes a release into the slot that does not run.
    Writing {
        /// Which.
        release: Seen,
        /// How often it was put on trial before.
        tries: u8,
    },
    /// A release is on trial, or is about to be.
    Trying {
        /// Which.
        release: Seen,
        /// Where.
        #[serde(with = "slot")]
        target: Slot,
        /// How often, this time among them.
        tries: u8,
        /// How far the ledger was before.
        height: u64,
        /// What was last seen of the trial, in one line.
        note: String,
    },
    /// The trial failed, and the box goes back.
    Failing {
        /// Which.
        release: Seen,
        /// Where it is.
        #[serde(with = "slot")]
        target: Slot,
        /// Why, in one line.
        reason: String,
        /// What was seen of the trial.
        log: String,
    },
    /// A person goes back to the other slot.
    Back {
        /// What ran until then, if it is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        left: Option<Seen>,
        /// Where to.
        #[serde(with = "slot")]
        target: Slot,
    },
}

/// Slots by their letters.
mod slot {
    use serde::{Deserialize, Deserializer, Serializer};
    use slots::Slot;

    pub fn serialize<S: Serializer>(slot: &Slot, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(slot)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Slot, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Why bytes are no record.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The place was never written, or its first line is damaged.
    #[error("this is no record of updates")]
    NotARecord,
    /// Torn, or rotten.
    #[error("the record is damaged: its checksum does not fit")]
    Checksum,
    /// The checksum fits, and it is none all the same.
    #[error("the record cannot be read: {0}")]
    Document(#[from] DocumentError),
    /// More of something than is ever kept, or in another spelling.
    #[error("the record is not as we write it")]
    NotOurs,
}

impl Job {
    fn is_idle(&self) -> bool {
        *self == Self::Idle
    }

    /// The release that it is about.
    pub fn release(&self) -> Option<&Seen> {
        match self {
            Self::Writing { release, .. } | Self::Trying { release, .. } | Self::Failing { release, .. } => {
                Some(release)
            }
            Self::Idle | Self::Back { .. } => None,
        }
    }
}

impl Held {
    /// What lies in a slot.
    pub fn get(&self, slot: Slot) -> Option<&Seen> {
        match slot {
            Slot::A => self.a.as_ref(),
            Slot::B => self.b.as_ref(),
        }
    }

    /// Remembers it.
    pub fn set(&mut self, slot: Slot, seen: Option<Seen>) {
        match slot {
            Slot::A => self.a = seen,
            Slot::B => self.b = seen,
        }
    }
}

impl Record {
    /// Adds what is to be told; what was not told for so long that there is no room goes.
    pub fn report(&mut self, report: Report) {
        self.reports.push(report);
        let over = self.reports.len().saturating_sub(MAX_REPORTS);
        self.reports.drain(..over);
    }

    /// The bytes of a place, as the record with this number.
    pub fn to_bytes(&self, number: u64) -> Result<Vec<u8>, RecordError> {
        let text = Document::from_value(self)?.to_canonical()?;
        let sum = checksum(number, text.as_bytes());
        let mut bytes = format!("{MAGIC} {number} {} {sum:08x}\n{text}", text.len()).into_bytes();
        if bytes.len() > RECORD_BYTES {
            return Err(RecordError::NotOurs);
        }
        bytes.resize(RECORD_BYTES, 0);
        Ok(bytes)
    }

    /// Reads a place: the record and its number. What lies behind it does not matter.
    pub fn parse(bytes: &[u8]) -> Result<(u64, Self), RecordError> {
        let (number, text) = open(bytes)?;
        let record: Self = Document::parse(text)?.to_value()?;
        let is_ours =
            record.is_bounded() && Document::from_value(&record)?.to_canonical()?.as_bytes() == text;
        if is_ours { Ok((number, record)) } else { Err(RecordError::NotOurs) }
    }

    fn is_bounded(&self) -> bool {
        let (memory, plain) = (&self.memory, |text: &str| one_line(text) == text);
        let job = match &self.job {
            Job::Trying { note, .. } => plain(note),
            Job::Failing { reason, log, .. } => plain(reason) && log.len() <= MAX_LOG_BYTES,
            _ => true,
        };
        let reports = self.reports.iter().all(Report::is_bounded);
        job && reports
            && self.reports.len() <= MAX_REPORTS
            && memory.newest.len() <= MAX_CHANNELS
            && memory.failures.len() <= MAX_FAILURES
            && memory.failures.iter().all(|failure| plain(&failure.reason))
    }
}

fn checksum(number: u64, text: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(format!("{number}\n").as_bytes()), text)
}

fn open(bytes: &[u8]) -> Result<(u64, &[u8]), RecordError> {
    let bytes = &bytes[..bytes.len().min(RECORD_BYTES)];
    let end = bytes.iter().position(|byte| *byte == b'\n').ok_or(RecordError::NotARecord)?;
    let head = std::str::from_utf8(&bytes[..end]).map_err(|_| RecordError::NotARecord)?;
    let fields = head.strip_prefix(MAGIC).and_then(|rest| rest.strip_prefix(' '));
    let fields: Vec<&str> = fields.ok_or(RecordError::NotARecord)?.split(' ').collect();
    let [number, length, sum] = fields.as_slice() else { return Err(RecordError::NotARecord) };
    let number: u64 = number.parse().map_err(|_| RecordError::NotARecord)?;
    let length: usize = length.parse().map_err(|_| RecordError::NotARecord)?;
    let text = bytes[end + 1..].get(..length).ok_or(RecordError::Checksum)?;
    // The head again as we write it, so that it has one spelling.
    let again = format!("{MAGIC} {number} {length} {:08x}", checksum(number, text));
    if again == head && !sum.is_empty() { Ok((number, text)) } else { Err(RecordError::Checksum) }
}

/// The record that counts, its number, and which of the two places the next one goes to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Latest {
    /// The record; an empty one if no place has a whole one.
    pub record: Record,
    /// Its number; the next one has one more.
    pub number: u64,
    /// 0 or 1: the place to be written over.
    pub next: usize,
}

/// Which of two places counts.
pub fn latest(first: &[u8], second: &[u8]) -> Latest {
    match (Record::parse(first).ok(), Record::parse(second).ok()) {
        (Some((one, record)), Some((two, _))) if one >= two => Latest { record, number: one, next: 1 },
        (_, Some((number, record))) => Latest { record, number, next: 0 },
        (Some((number, record)), None) => Latest { record, number, next: 1 },
        (None, None) => Latest { record: Record::default(), number: 0, next: 0 },
    }
}
