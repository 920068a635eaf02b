//! Documents: TOML files that people and dapps change, merged key by key.
//!
//! A document has one canonical spelling (sorted keys, as the `toml` crate writes them). People may write any
//! TOML; comments and order are theirs and go when the document enters the ledger.

use serde_json::Value;
use std::{collections::BTreeMap, fmt};

/// The largest document, in bytes of its canonical form.
pub const MAX_DOCUMENT_BYTES: usize = 256 * 1024;

/// How deep tables and arrays may nest.
const MAX_DEPTH: usize = 16;

/// A TOML table at the root of a file.
#[derive(Clone, PartialEq, Default)]
pub struct Document(toml::Table);

/// Bytes that are not a document.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// Not UTF-8.
    #[error("the document is not UTF-8 text")]
    Utf8(#[source] std::str::Utf8Error),
    /// Not TOML.
    #[error("the document is not TOML: {0}")]
    Toml(#[source] toml::de::Error),
    /// Cannot be written as TOML.
    #[error("the document cannot be written as TOML: {0}")]
    Write(#[source] toml::ser::Error),
    /// Over the limit.
    #[error("the document has {bytes} bytes, at most {MAX_DOCUMENT_BYTES} are taken")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Nested too deep.
    #[error("the document nests deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// Does not have the fields that its place asks for.
    #[error("{0}")]
    Shape(#[source] toml::de::Error),
}

impl Document {
    /// Reads any TOML text.
    pub fn parse(bytes: &[u8]) -> Result<Self, DocumentError> {
        if bytes.len() > MAX_DOCUMENT_BYTES {
            return Err(DocumentError::TooLong { bytes: bytes.len() });
        }
        let text = std::str::from_utf8(bytes).map_err(DocumentError::Utf8)?;
        let table: toml::Table = text.parse().map_err(DocumentError::Toml)?;
        Self::from_table(table)
    }

    /// Takes a table after checking its depth.
    pub fn from_table(table: toml::Table) -> Result<Self, DocumentError> {
        let document = Self(table);
        if document.0.values().any(|value| depth(value) >= MAX_DEPTH) {
            return Err(DocumentError::TooDeep);
        }
        Ok(document)
    }

    /// Writes a Rust value as a document.
    pub fn from_value<T: serde::Serialize>(value: &T) -> Result<Self, DocumentError> {
        Self::from_table(toml::Table::try_from(value).map_err(DocumentError::Write)?)
    }

    /// Reads the document as a Rust value.
    pub fn to_value<T: serde::de::DeserializeOwned>(&self) -> Result<T, DocumentError> {
        self.0.clone().try_into().map_err(DocumentError::Shape)
    }

    /// The canonical text.
    pub fn to_canonical(&self) -> Result<String, DocumentError> {
        let text = toml::to_string(&self.0).map_err(DocumentError::Write)?;
        if text.len() > MAX_DOCUMENT_BYTES {
            Err(DocumentError::TooLong { bytes: text.len() })
        } else {
            Ok(text)
        }
    }

    /// The document as JSON, keys sorted; moments and numbers that JSON has not are their text.
    pub fn to_json(&self) -> serde_json::Map<String, Value> {
        table_to_json(&self.0)
    }

    /// The table.
    pub fn table(&self) -> &toml::Table {
        &self.0
    }

    /// The table, to change it.
    pub fn table_mut(&mut self) -> &mut toml::Table {
        &mut self.0
    }

    /// The value at a dotted path of keys, such as `["badges", "ab12"]`.
    pub fn get(&self, keys: &[&str]) -> Option<&toml::Value> {
        let (last, tables) = keys.split_last()?;
        let mut table = &self.0;
        for key in tables {
            table = table.get(*key)?.as_table()?;
        }
        table.get(*last)
    }
}

fn table_to_json(table: &toml::Table) -> serde_json::Map<String, Value> {
    // Sorted here: whether a map keeps its order or sorts is decided by whoever builds the libraries.
    let sorted: BTreeMap<&String, &toml::Value> = table.iter().collect();
    sorted.into_iter().map(|(key, value)| (key.clone(), value_to_json(value))).collect()
}

fn value_to_json(value: &toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.clone().into(),
        toml::Value::Integer(number) => (*number).into(),
        toml::Value::Float(number) => {
            serde_json::Number::from_f64(*number).map_or_else(|| number.to_string().into(), Into::into)
        }
        toml::Value::Boolean(truth) => (*truth).into(),
        toml::Value::Datetime(moment) => moment.to_string().into(),
        toml::Value::Array(values) => values.iter().map(value_to_json).collect(),
        toml::Value::Table(inner) => table_to_json(inner).into(),
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

fn depth(value: &toml::Value) -> usize {
    match value {
        toml::Value::Table(table) => 1 + table.values().map(depth).max().unwrap_or(0),
        toml::Value::Array(array) => 1 + array.iter().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_comments_do_not_matter() {
        let one = Document::parse(b"b = 1\na = 2 # two\n[t]\nx = 1\n").unwrap();
        let two = Document::parse(b"a = 2\nb = 1\nt = { x = 1 }\n").unwrap();
        assert_eq!(one.to_canonical().unwrap(), two.to_canonical().unwrap());
        assert_eq!(one.to_canonical().unwrap(), "a = 2\nb = 1\n\n[t]\nx = 1\n");
    }

    #[test]
    fn canonical_text_reads_back_as_itself() {
        let document =
            Document::parse(b"name = \"\\u00e9 \\\"q\\\"\"\nlist = [1, 2]\n[a.b.c]\nd = 1979-05-27\n")
                .unwrap();
        let text = document.to_canonical().unwrap();
        assert_eq!(Document::parse(text.as_bytes()).unwrap(), document);
    }

    #[test]
    fn deep_nesting_is_refused_not_followed() {
        let deep = format!("a = {}1{}", "[".repeat(40), "]".repeat(40));
        assert!(matches!(Document::parse(deep.as_bytes()), Err(DocumentError::TooDeep)));
        assert!(Document::parse(format!("a = {}", "[".repeat(100_000)).as_bytes()).is_err());
    }
}
