//! v1: an array of records, each a badge.
//!
//! The records are read one by one, so that each problem has its line and a wrong record spoils no other. Fields
//! that are not used (`tag_ident`, `nickname`, `last_accessed`) may be anything; unknown ones are ignored.

use super::{Access, Badge, Fault, List, Problem, Record, csv_list, member, text};
use model::{CardNumber, TagId};
use serde_json::{Deserializer, Map, Value};
use std::collections::BTreeSet;

pub(super) fn read(bytes: &[u8], list: &mut List) {
    let mut place = Place { bytes, offset: 0, line: 1 };
    if !place.take(b'[') {
        return list.problems.push(Problem::at(1, Fault::NotAnArray("it should begin with [")));
    }
    if place.take(b']') {
        return end(place, list);
    }
    loop {
        place.skip_space();
        let line = place.line;
        match place.value() {
            Ok(value) => match record(line, &value) {
                Ok(record) => list.records.push(record),
                Err(fault) => list.problems.push(Problem::at(line, fault)),
            },
            Err(error) => return list.problems.push(unreadable(line, &error)),
        }
        if place.take(b']') {
            return end(place, list);
        }
        if !place.take(b',') {
            if place.offset == bytes.len() {
                return list.problems.push(Problem::at(place.line, Fault::Cut));
            }
            let fault = Fault::NotAnArray("after a record comes , or ]");
            return list.problems.push(Problem::at(place.line, fault));
        }
    }
}

fn end(mut place: Place<'_>, list: &mut List) {
    place.skip_space();
    if place.offset < place.bytes.len() {
        list.problems.push(Problem::at(place.line, Fault::NotAnArray("something stands behind its ]")));
    }
}

/// serde_json counts lines from where the record begins.
fn unreadable(line: u64, error: &serde_json::Error) -> Problem {
    let line = line + (error.line() as u64).saturating_sub(1);
    Problem::at(line, if error.is_eof() { Fault::Cut } else { Fault::Json })
}

/// How far the list is read.
struct Place<'b> {
    bytes: &'b [u8],
    offset: usize,
    line: u64,
}

impl Place<'_> {
    fn skip_space(&mut self) {
        let rest = &self.bytes[self.offset..];
        self.advance(rest.len() - rest.trim_ascii_start().len());
    }

    /// Takes a sign if it comes next.
    fn take(&mut self, sign: u8) -> bool {
        self.skip_space();
        let there = self.bytes.get(self.offset) == Some(&sign);
        self.advance(usize::from(there));
        there
    }

    fn value(&mut self) -> Result<Value, serde_json::Error> {
        let mut stream = Deserializer::from_slice(&self.bytes[self.offset..]).into_iter::<Value>();
        let value = stream.next().unwrap_or_else(|| serde_json::from_slice(b""))?;
        let len = stream.byte_offset();
        self.advance(len);
        Ok(value)
    }

    fn advance(&mut self, len: usize) {
        let passed = &self.bytes[self.offset..self.offset + len];
        self.line += passed.iter().map(|byte| u64::from(*byte == b'\n')).sum::<u64>();
        self.offset += len;
    }
}

fn record(line: u64, value: &Value) -> Result<Record, Fault> {
    let fields = value.as_object().ok_or(Fault::NotAnArray("each entry is an object {..}"))?;
    Ok(Record {
        line,
        member: member(optional(fields, "member")?.unwrap_or_default())?,
        badge: badge(fields)?,
        access: Access::of(&word(fields, "allowed")?)?,
        level: csv_list::level(&word(fields, "level")?)?,
        plan: text("plan", optional(fields, "plan")?.unwrap_or_default())?,
        warning: text("warning", optional(fields, "warning")?.unwrap_or_default())?,
        endorsements: endorsements(fields)?,
    })
}

/// The badge: by its number if the record has it, and then the hash must be the number's.
fn badge(fields: &Map<String, Value>) -> Result<Badge, Fault> {
    let tag: TagId = word(fields, "tagid")?.parse().map_err(Fault::TagId)?;
    let raw = match fields.get("raw_tag_id") {
        None | Some(Value::Null) => return Ok(Badge::TagId(tag)),
        Some(Value::String(raw)) if raw.trim().is_empty() => return Ok(Badge::TagId(tag)),
        Some(_) => word(fields, "raw_tag_id")?,
    };
    let number: CardNumber = raw.trim().parse().map_err(|_| Fault::Number)?;
    if number.tag_id() != tag {
        return Err(Fault::Mismatch);
    }
    Ok(Badge::of_number(number))
}

/// A field that must be there, as text: authbackend writes numbers both ways.
fn word(fields: &Map<String, Value>, field: &'static str) -> Result<String, Fault> {
    match fields.get(field) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Number(number)) => Ok(number.to_string()),
        _ => Err(Fault::Field { field, want: "there, as text or a number" }),
    }
}

/// A text that may be null or absent.
fn optional<'f>(fields: &'f Map<String, Value>, field: &'static str) -> Result<Option<&'f str>, Fault> {
    match fields.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Fault::Field { field, want: "text" }),
    }
}

/// Words in one text, as authbackend writes them, or a list of texts.
fn endorsements(fields: &Map<String, Value>) -> Result<BTreeSet<String>, Fault> {
    let wrong = || Fault::Field { field: "endorsements", want: "text, or a list of texts" };
    let words = match fields.get("endorsements") {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(words)) => words.clone(),
        Some(Value::Array(list)) => {
            let words: Option<Vec<_>> = list.iter().map(Value::as_str).collect();
            words.ok_or_else(wrong)?.join(" ")
        }
        Some(_) => return Err(wrong()),
    };
    let words = text("endorsements", &words)?;
    Ok(words.split([' ', ',']).filter(|word| !word.is_empty()).map(str::to_string).collect())
}
