//! What can be wrong with a list, and where.

use std::fmt;

/// One thing that is wrong with a list.
#[derive(Debug)]
pub struct Problem {
    /// The line, from 1; none if it is the list as a whole.
    pub line: Option<u64>,
    /// What it is.
    pub fault: Fault,
}

/// What is wrong.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// Nothing there.
    #[error("the list is empty")]
    Empty,
    /// Over a limit.
    #[error("{what} is longer than {bytes_max} bytes")]
    TooLong {
        /// What is too long.
        what: &'static str,
        /// The limit.
        bytes_max: usize,
    },
    /// The CSV cannot be read.
    #[error("not CSV: {0}")]
    Csv(csv::Error),
    /// The JSON cannot be read; what follows it is lost.
    #[error("not JSON; nothing after it was read")]
    Json,
    /// The list stops in the middle.
    #[error("the list ends in the middle of a record: fetch it again")]
    Cut,
    /// The JSON ends or goes on where it should not.
    #[error("the list is one JSON array: {0}")]
    NotAnArray(&'static str),
    /// A column is not in the header.
    #[error(
        "the header has no column {missing:?}; a v0 list has username,key,value,allowed,hashedCard,lastAccessed"
    )]
    Column {
        /// The missing column.
        missing: &'static str,
    },
    /// A column stands twice in the header.
    #[error("the header has the column {0:?} twice")]
    ColumnTwice(&'static str),
    /// A line has another number of fields than the header.
    #[error("{got} fields, the header has {want}")]
    Fields {
        /// How many there are.
        got: usize,
        /// How many there should be.
        want: usize,
    },
    /// A field of a JSON record is missing or of the wrong type.
    #[error("the field {field:?} should be {want}")]
    Field {
        /// Its name.
        field: &'static str,
        /// What should be there.
        want: &'static str,
    },
    /// A badge without a member.
    #[error("the badge belongs to no member: it was left out")]
    NoMember,
    /// Not one of the three words.
    #[error("{0:?} is not allowed, denied or false")]
    Access(String),
    /// Not a level.
    #[error("{0:?} is not a level: a whole number from -2 to 100")]
    Level(String),
    /// Not a hash.
    #[error(transparent)]
    TagId(model::BadgeError),
    /// Not a card number. It is not shown: it could be somebody's with a letter too many.
    #[error("raw_tag_id is not a card number: decimal digits, or hex after 0x")]
    Number,
    /// The number is another card's than the hash.
    #[error("tagid is not the hash of raw_tag_id: one of them was changed")]
    Mismatch,
    /// Two members hold one badge.
    #[error(
        "the badge of {} is the badge of {} on line {first_line}: it was left out for both", members[1], members[0]
    )]
    Shared {
        /// Who holds it, in order of their lines.
        members: [String; 2],
        /// The line of the first.
        first_line: u64,
    },
    /// The ledger gives the badge to somebody else.
    #[error(
        "the badge of {member} is in {path}, which is somebody else's: it was left out; if they are one person, \
         set imported_as = {member:?} there"
    )]
    Held {
        /// Whose it is in the list.
        member: String,
        /// Whose it is in the ledger.
        path: model::StatePath,
    },
    /// The ledger has revoked it; the list does not know.
    #[error("{member}: the {what} is revoked in the ledger and stays so")]
    Revoked {
        /// Whose it is.
        member: String,
        /// What it is.
        what: String,
    },
    /// The document in the ledger is not a person's.
    #[error("{path} is not a person's document: {problem}")]
    Person {
        /// Where.
        path: model::StatePath,
        /// What is wrong.
        problem: &'static str,
    },
}

impl Problem {
    pub(super) fn of_list(fault: Fault) -> Self {
        Self { line: None, fault }
    }

    pub(super) fn at(line: u64, fault: Fault) -> Self {
        Self { line: Some(line), fault }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.fault),
            None => write!(f, "{}", self.fault),
        }
    }
}
