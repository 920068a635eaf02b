//! Changes of the ledger's documents, collected before they are signed: shown as a diff, then sent as one block.
//!
//! Documents are edited as TOML tables, so keys that nobody here knows are kept. A change that changes nothing
//! is dropped: no empty blocks.

use crate::{
    error::{Result, refused},
    output::Style,
    people,
    view::View,
};
use anyhow::Context;
use ledger::Change;
use model::{Document, StatePath};
use std::collections::{BTreeMap, BTreeSet};
use toml::{Table, Value};

/// What will be different.
pub struct Edits<'v> {
    view: &'v View,
    files: BTreeMap<StatePath, Edit>,
    /// Documents that were given whole, not edited.
    whole: BTreeSet<StatePath>,
}

enum Edit {
    Document(Document),
    Bytes(Vec<u8>),
    Delete,
}

impl<'v> Edits<'v> {
    /// Nothing yet.
    pub fn new(view: &'v View) -> Self {
        Self { view, files: BTreeMap::new(), whole: BTreeSet::new() }
    }

    /// The state that is edited.
    pub fn view(&self) -> &'v View {
        self.view
    }

    /// A document to edit: as it is in the ledger, or empty.
    pub fn document(&mut self, path: &StatePath) -> Result<&mut Document> {
        if !matches!(self.files.get(path), Some(Edit::Document(_))) {
            let document = self.view.document(path)?.unwrap_or_default();
            self.files.insert(path.clone(), Edit::Document(document));
        }
        match self.files.get_mut(path) {
            Some(Edit::Document(document)) => Ok(document),
            _ => Err(anyhow::anyhow!("{path} is edited as two things at once")),
        }
    }

    /// The table at `keys` in a document, made if it is not there.
    pub fn table(&mut self, path: &StatePath, keys: &[&str]) -> Result<&mut Table> {
        let mut table = self.document(path)?.table_mut();
        for key in keys {
            let below = table.entry(*key).or_insert_with(|| Value::Table(Table::new()));
            table = below.as_table_mut().ok_or_else(|| not_a_table(path, key))?;
        }
        Ok(table)
    }

    /// Puts a whole document in place.
    pub fn put_document(&mut self, path: StatePath, document: Document) {
        self.whole.insert(path.clone());
        self.files.insert(path, Edit::Document(document));
    }

    /// The documents that are to be as they were given, whatever else waits for main.
    pub fn whole(&self) -> &BTreeSet<StatePath> {
        &self.whole
    }

    /// Puts a file that is not a document in place.
    pub fn put_bytes(&mut self, path: StatePath, bytes: Vec<u8>) {
        self.files.insert(path, Edit::Bytes(bytes));
    }

    /// Puts a file in place, as a document if its name says so.
    pub fn put_file(&mut self, path: StatePath, bytes: Vec<u8>) -> Result {
        if path.is_document() {
            let document = Document::parse(&bytes).with_context(|| format!("{path} cannot be taken"))?;
            self.put_document(path, document);
        } else {
            self.put_bytes(path, bytes);
        }
        Ok(())
    }

    /// Takes a file away; refused if there is none.
    pub fn delete(&mut self, path: StatePath) -> Result {
        if self.view.bytes(&path)?.is_none() {
            return Err(refused(
                format!("{path} is not in the ledger"),
                "ledgerctl keeps no such file; check its path",
            ));
        }
        self.files.insert(path, Edit::Delete);
        Ok(())
    }

    /// The changes that change something. Refused if one would make a person whose name none can have.
    pub fn changes(&self) -> Result<Vec<Change>> {
        let mut changes = Vec::new();
        for (path, edit) in &self.files {
            let content = edit.content().with_context(|| format!("{path} cannot be written"))?;
            let before = self.view.bytes(path)?;
            if before.is_none() && content.is_some() {
                people::check_path(path)?;
            }
            if before != content {
                changes.push(Change { path: path.clone(), content });
            }
        }
        Ok(changes)
    }

    /// The changes for people: a line a key, `-` before and `+` after.
    pub fn diff(&self, style: Style) -> Result<String> {
        let mut text = String::new();
        for change in self.changes()? {
            let before = self.view.bytes(&change.path)?;
            text += &format!("{}\n", change.path);
            for line in diff_lines(before.as_deref(), change.content.as_deref(), change.path.is_document()) {
                let painted = if line.starts_with('-') { style.red(&line) } else { style.green(&line) };
                text += &format!("  {painted}\n");
            }
        }
        Ok(text)
    }
}

impl Edit {
    fn content(&self) -> Result<Option<Vec<u8>>> {
        match self {
            Self::Document(document) => Ok(Some(document.to_canonical()?.into_bytes())),
            Self::Bytes(bytes) => Ok(Some(bytes.clone())),
            Self::Delete => Ok(None),
        }
    }
}

fn not_a_table(path: &StatePath, key: &str) -> anyhow::Error {
    refused(format!("{path}: {key} is a value, not a table"), "set the key itself, or unset it first")
}

fn diff_lines(before: Option<&[u8]>, after: Option<&[u8]>, document: bool) -> Vec<String> {
    if !document {
        let size = |bytes: Option<&[u8]>| bytes.map(|bytes| format!("{} bytes", bytes.len()));
        return [("-", size(before)), ("+", size(after))]
            .into_iter()
            .filter_map(|(sign, size)| Some(format!("{sign} {}", size?)))
            .collect();
    }
    let (before, after) = (flat(before), flat(after));
    let mut keys: Vec<&String> = before.keys().chain(after.keys()).collect();
    keys.sort();
    keys.dedup();
    let mut lines = Vec::new();
    for key in keys.into_iter().filter(|key| before.get(*key) != after.get(*key)) {
        lines.extend(before.get(key).map(|value| format!("- {key} = {value}")));
        lines.extend(after.get(key).map(|value| format!("+ {key} = {value}")));
    }
    lines
}

/// A document as dotted keys and values.
fn flat(bytes: Option<&[u8]>) -> BTreeMap<String, String> {
    let mut keys = BTreeMap::new();
    if let Some(document) = bytes.and_then(|bytes| Document::parse(bytes).ok()) {
        flatten("", document.table(), &mut keys);
    }
    keys
}

fn flatten(above: &str, table: &Table, keys: &mut BTreeMap<String, String>) {
    for (key, value) in table {
        let path = if above.is_empty() { key.clone() } else { format!("{above}.{key}") };
        match value {
            Value::Table(below) if !below.is_empty() => flatten(&path, below, keys),
            other => drop(keys.insert(path, other.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_names_the_keys_that_differ_and_no_others() {
        let before = b"plan = 'x'\nname = 'A'\n[badges.ab]\nstate = 'active'\n";
        let after = b"plan = 'y'\nname = 'A'\n[badges.ab]\nstate = 'active'\nlabel = 'blue'\n";
        assert_eq!(
            diff_lines(Some(before), Some(after), true),
            ["+ badges.ab.label = \"blue\"", "- plan = \"x\"", "+ plan = \"y\""]
        );
        assert_eq!(diff_lines(Some(before), None, true).len(), 3);
        assert_eq!(diff_lines(None, Some(b"12345"), false), ["+ 5 bytes"]);
    }
}
