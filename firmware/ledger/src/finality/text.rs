//! The lines of which ballots, certificates and evidence are made.
//!
//! Each text begins with a line that names its format and has one `name value` a line, in a fixed order, each ended by a
//! newline. A text is read, written again and compared, so there is one spelling of everything and what is signed is
//! what was received.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use model::{KeyId, RawSignature};
use std::{fmt::Display, str::FromStr};

/// Bytes that are not the text they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// More than anybody needs.
    #[error("{len} bytes are more than the {limit} of a {what}")]
    TooLong {
        /// What it should be.
        what: &'static str,
        /// Its length.
        len: usize,
        /// The most.
        limit: usize,
    },
    /// Not text.
    #[error("a {what} is UTF-8 text")]
    NotText {
        /// What it should be.
        what: &'static str,
    },
    /// A line is missing or is another.
    #[error("line {line} should be `{wanted}`")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What belongs there.
        wanted: &'static str,
    },
    /// Another spelling of the same.
    #[error("the {what} is not written in the one way that counts")]
    NotCanonical {
        /// What it should be.
        what: &'static str,
    },
}

/// Reads a text line by line.
pub(super) struct Lines<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Lines<'a> {
    pub(super) fn new(bytes: &'a [u8], what: &'static str, limit: usize) -> Result<Self, TextError> {
        if bytes.len() > limit {
            return Err(TextError::TooLong { what, len: bytes.len(), limit });
        }
        let rest = std::str::from_utf8(bytes).map_err(|_| TextError::NotText { what })?;
        Ok(Self { rest, line: 0 })
    }

    /// The next line without its newline.
    pub(super) fn next(&mut self, wanted: &'static str) -> Result<&'a str, TextError> {
        self.line += 1;
        let (line, rest) = self.rest.split_once('\n').ok_or(self.wrong(wanted))?;
        self.rest = rest;
        Ok(line)
    }

    /// The line that names the format.
    pub(super) fn heading(&mut self, format: &'static str) -> Result<(), TextError> {
        if self.next(format)? == format { Ok(()) } else { Err(self.wrong(format)) }
    }

    /// The next so many bytes, whatever lines are in them.
    pub(super) fn take(&mut self, len: usize, wanted: &'static str) -> Result<&'a str, TextError> {
        let (text, rest) = self.rest.split_at_checked(len).ok_or(self.wrong(wanted))?;
        self.line += text.matches('\n').count();
        self.rest = rest;
        Ok(text)
    }

    /// The value of the next line, which must be called `name`.
    pub(super) fn field<T: FromStr>(&mut self, name: &'static str) -> Result<T, TextError> {
        let line = self.next(name)?;
        let value = line.strip_prefix(name).and_then(|rest| rest.strip_prefix(' '));
        value.and_then(|text| text.parse().ok()).ok_or(self.wrong(name))
    }

    /// As [`Lines::field`] where `nil` may stand for nothing.
    pub(super) fn optional<T: FromStr>(&mut self, name: &'static str) -> Result<Option<T>, TextError> {
        let text: String = self.field(name)?;
        optional(&text).ok_or(self.wrong(name))
    }

    /// Whether everything was read.
    pub(super) fn is_done(&self) -> bool {
        self.rest.is_empty()
    }

    /// What is wrong with the line read last.
    pub(super) const fn wrong(&self, wanted: &'static str) -> TextError {
        TextError::Line { line: self.line, wanted }
    }
}

/// A value, or `nil` for nothing.
pub(super) fn optional<T: FromStr>(text: &str) -> Option<Option<T>> {
    if text == "nil" { Some(None) } else { text.parse().ok().map(Some) }
}

/// `nil` for nothing.
pub(super) fn or_nil<T: Display>(value: Option<&T>) -> String {
    value.map_or_else(|| "nil".into(), ToString::to_string)
}

/// `<key> <signature>`
pub(super) fn signature_text(key: &KeyId, signature: &RawSignature) -> String {
    format!("{key} {}", encode(signature))
}

/// What [`signature_text`] wrote.
pub(super) fn parse_signature(text: &str) -> Option<(KeyId, RawSignature)> {
    let (key, signature) = text.split_once(' ')?;
    Some((key.parse().ok()?, decode(signature)?))
}

pub(super) fn encode(signature: &RawSignature) -> String {
    STANDARD.encode(signature)
}

pub(super) fn decode(text: &str) -> Option<RawSignature> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

/// Nothing unless what was read is what would be written.
pub(super) fn same(what: &'static str, read: &[u8], written: &[u8]) -> Result<(), TextError> {
    if read == written { Ok(()) } else { Err(TextError::NotCanonical { what }) }
}
