//! MakeIt Labs access lists: v0 (CSV) and v1 (JSON), as authbackend hands them out for one resource.
//!
//! [`parse`] takes either and returns records and [`Problem`]s, each with its line; a record with a problem is
//! left out. [`plan`] turns records into people's documents. A list names members by a login name, has a line a
//! badge, and says for each whether it opens the resource: `allowed`, `denied` (never granted) or `false`
//! (granted, but something stands against it). Card numbers of a v1 list stay in memory: [`Record`] does not
//! show them, and the ledger gets digests.

mod csv_list;
mod json_list;
mod plan;
mod problem;
mod slug;

pub use plan::{Plan, Wish, plan};
pub use problem::{Fault, Problem};

use model::{CardNumber, TagId, Width};
use std::collections::{BTreeMap, BTreeSet};

/// The longest list, in bytes: a hundred times the largest known.
pub const MAX_LIST_BYTES: usize = 32 * 1024 * 1024;
/// The longest name, plan or warning, in bytes.
const MAX_TEXT_BYTES: usize = 2_000;

/// One line of a list: a badge, its member and what it may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The line on which it begins, from 1.
    pub line: u64,
    /// The member's login name there, such as `Alice.Example`.
    pub member: String,
    /// The badge.
    pub badge: Badge,
    /// Whether it opens the resource.
    pub access: Access,
    /// The member's level for the resource: -2 pending, -1 none, 0 user, 1 trainer, up to 4.
    pub level: i64,
    /// The member's plan; empty if the list has none.
    pub plan: String,
    /// What the door should tell the member; empty if nothing. One line.
    pub warning: String,
    /// What the member is endorsed for within the resource.
    pub endorsements: BTreeSet<String>,
}

/// A badge as a list knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Badge {
    /// By its number (v1). Numbers over 32 bits are cut to 32: no reader's width reports more.
    Number(CardNumber),
    /// By its legacy tag id alone (v0).
    TagId(TagId),
}

/// The three words of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// `allowed`: it opens.
    Allowed,
    /// `denied`: nobody granted it.
    Denied,
    /// `false`: granted, but the account or the badge is held up; the warning says why.
    Withheld,
}

/// What is in a list.
#[derive(Debug, Default)]
pub struct List {
    /// Its good lines.
    pub records: Vec<Record>,
    /// What is wrong with the others.
    pub problems: Vec<Problem>,
}

/// Reads a list of either version: JSON begins with `[`.
pub fn parse(bytes: &[u8]) -> List {
    let mut list = List::default();
    if bytes.len() > MAX_LIST_BYTES {
        list.problems.push(Problem::of_list(Fault::TooLong { what: "the list", bytes_max: MAX_LIST_BYTES }));
        return list;
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match bytes.trim_ascii_start().first() {
        None => list.problems.push(Problem::of_list(Fault::Empty)),
        Some(b'[' | b'{') => json_list::read(bytes, &mut list),
        Some(_) => csv_list::read(bytes, &mut list),
    }
    refuse_shared_badges(&mut list);
    list
}

impl Badge {
    fn of_number(number: CardNumber) -> Self {
        Self::Number(number.at(Width::Bits32))
    }

    /// The tag ids under which the badge may stand in a list: of all bits, and of the low 24 that some readers
    /// report.
    fn tag_ids(&self) -> Vec<TagId> {
        match self {
            Self::Number(number) => vec![number.tag_id(), number.at(Width::Bits24).tag_id()],
            Self::TagId(tag) => vec![*tag],
        }
    }
}

impl Access {
    fn of(word: &str) -> Result<Self, Fault> {
        match word {
            "allowed" => Ok(Self::Allowed),
            "denied" => Ok(Self::Denied),
            "false" => Ok(Self::Withheld),
            other => Err(Fault::Access(shown(other))),
        }
    }
}

/// A badge that two members hold opens for nobody: who holds it now is for people to say. Two numbers that agree
/// in their low 24 bits are one badge where one of them has no more bits.
fn refuse_shared_badges(list: &mut List) {
    let mut holders = BTreeMap::<TagId, Vec<usize>>::new();
    for (index, record) in list.records.iter().enumerate() {
        holders.entry(record.badge.tag_ids()[0]).or_default().push(index);
    }
    let (mut shared, mut problems) = (BTreeSet::new(), BTreeSet::new());
    for (index, record) in list.records.iter().enumerate() {
        let same = record.badge.tag_ids().into_iter().filter_map(|tag| holders.get(&tag)).flatten();
        for other in same.filter(|other| list.records[**other].member != record.member) {
            shared.extend([index, *other]);
            problems.insert((index.min(*other), index.max(*other)));
        }
    }
    for (first, second) in problems {
        let (first, second) = (&list.records[first], &list.records[second]);
        let members = [first.member.clone(), second.member.clone()];
        list.problems.push(Problem::at(second.line, Fault::Shared { members, first_line: first.line }));
    }
    let mut index = 0..;
    list.records.retain(|_| index.next().is_some_and(|index| !shared.contains(&index)));
    list.problems.sort_by_key(|problem| problem.line);
}

/// A text field: bounded, and without the line breaks that lists carry.
fn text(what: &'static str, value: &str) -> Result<String, Fault> {
    if value.len() > MAX_TEXT_BYTES {
        return Err(Fault::TooLong { what, bytes_max: MAX_TEXT_BYTES });
    }
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let value: String = value.chars().map(plain).collect();
    Ok(value.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn member(value: &str) -> Result<String, Fault> {
    match text("member", value)? {
        name if name.is_empty() => Err(Fault::NoMember),
        name => Ok(name),
    }
}

/// The beginning of a wrong value, for an error.
fn shown(value: &str) -> String {
    value.chars().take(40).collect()
}

#[cfg(test)]
mod tests;
