//! v0: `username,key,value,allowed,hashedCard,lastAccessed`, a line a badge.
//!
//! Columns may stand in any order, fields may be quoted. `key` is always 0 and `lastAccessed` a constant there;
//! both must be present and are not used.

use super::{Access, Badge, Fault, List, Problem, Record, member, shown};
use csv::{ReaderBuilder, StringRecord};
use std::collections::BTreeSet;

const COLUMNS: [&str; 6] = ["username", "key", "value", "allowed", "hashedCard", "lastAccessed"];
const USERNAME: usize = 0;
const VALUE: usize = 2;
const ALLOWED: usize = 3;
const HASHED_CARD: usize = 4;

pub(super) fn read(bytes: &[u8], list: &mut List) {
    let mut reader = ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(bytes);
    let header = match reader.headers() {
        Ok(header) => header.clone(),
        Err(error) => return list.problems.push(Problem::at(1, Fault::Csv(error))),
    };
    let places = match places(&header) {
        Ok(places) => places,
        Err(fault) => return list.problems.push(Problem::at(1, fault)),
    };
    for row in reader.records() {
        match row {
            Ok(row) => {
                let line = row.position().map_or(0, csv::Position::line);
                match record(line, &row, &places, header.len()) {
                    Ok(record) => list.records.push(record),
                    Err(fault) => list.problems.push(Problem::at(line, fault)),
                }
            }
            Err(error) => {
                let line = error.position().map(csv::Position::line);
                list.problems.push(Problem { line, fault: Fault::Csv(error) });
            }
        }
    }
}

/// Where each of [`COLUMNS`] stands.
fn places(header: &StringRecord) -> Result<[usize; 6], Fault> {
    let mut places = [0; 6];
    for (place, column) in places.iter_mut().zip(COLUMNS) {
        let mut found = header.iter().enumerate().filter(|(_, name)| *name == column);
        *place = found.next().ok_or(Fault::Column { missing: column })?.0;
        if found.next().is_some() {
            return Err(Fault::ColumnTwice(column));
        }
    }
    Ok(places)
}

fn record(line: u64, row: &StringRecord, places: &[usize; 6], want: usize) -> Result<Record, Fault> {
    if row.len() != want {
        return Err(Fault::Fields { got: row.len(), want });
    }
    let field = |column: usize| row.get(places[column]).unwrap_or_default();
    Ok(Record {
        line,
        member: member(field(USERNAME))?,
        badge: Badge::TagId(field(HASHED_CARD).parse().map_err(Fault::TagId)?),
        access: Access::of(field(ALLOWED))?,
        level: level(field(VALUE))?,
        plan: String::new(),
        warning: String::new(),
        endorsements: BTreeSet::new(),
    })
}

pub(super) fn level(text: &str) -> Result<i64, Fault> {
    text.parse().ok().filter(|level| (-2..=100).contains(level)).ok_or_else(|| Fault::Level(shown(text)))
}
