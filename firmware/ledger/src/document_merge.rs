//! Three-way merge of documents, key by key.
//!
//! A key that one side changed takes that side's value; tables merge inside; arrays and plain values are whole.
//! Two different values for one key are a conflict, kept as ours and reported. The key `revoked` is sticky, at any
//! depth: set on either side it is set in the result, also where the other side removed or replaced the
//! table around it, and of two different marks the one with the smaller canonical text stays, so that every
//! order of merging ends the same (docs/decisions/0004-sticky-revocation.md).

use model::Document;
use std::collections::BTreeSet;
use toml::{Table, Value};

/// The key that marks what is revoked.
pub(crate) const REVOKED: &str = "revoked";

/// A key with two values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyConflict {
    /// The keys along the way, outermost first.
    pub keys: Vec<String>,
    /// Our value as text; `None` if we removed it.
    pub ours: Option<String>,
    /// Their value as text; `None` if they removed it.
    pub theirs: Option<String>,
}

/// A merged document.
#[derive(Debug, Clone, PartialEq)]
pub struct MergedDocument {
    /// The document; where there are conflicts, with our values.
    pub table: Table,
    /// The keys that did not merge, in order.
    pub conflicts: Vec<KeyConflict>,
}

/// Merges two documents that were made from `base`; a document that both sides added has an empty base.
pub fn merge_documents(base: &Document, ours: &Document, theirs: &Document) -> MergedDocument {
    let mut merge = Merge { keys: Vec::new(), conflicts: Vec::new() };
    let table = merge.tables(base.table(), ours.table(), theirs.table());
    MergedDocument { table, conflicts: merge.conflicts }
}

struct Merge {
    keys: Vec<String>,
    conflicts: Vec<KeyConflict>,
}

impl Merge {
    fn tables(&mut self, base: &Table, ours: &Table, theirs: &Table) -> Table {
        let keys: BTreeSet<&String> = base.keys().chain(ours.keys()).chain(theirs.keys()).collect();
        let mut merged = Table::new();
        for key in keys {
            self.keys.push(key.clone());
            let value = self.value(base.get(key), ours.get(key), theirs.get(key));
            self.keys.pop();
            if let Some(value) = value {
                merged.insert(key.clone(), value);
            }
        }
        merged
    }

    fn value(&mut self, base: Option<&Value>, ours: Option<&Value>, theirs: Option<&Value>) -> Option<Value> {
        if self.keys.last().is_some_and(|key| key == REVOKED) {
            return mark(base, ours, theirs).cloned();
        }
        if let (Some(Value::Table(ours)), Some(Value::Table(theirs))) = (ours, theirs) {
            let empty = Table::new();
            let base = base.and_then(Value::as_table).unwrap_or(&empty);
            return Some(Value::Table(self.tables(base, ours, theirs)));
        }
        let (we_mark, they_mark) = (ours.is_some_and(has_mark), theirs.is_some_and(has_mark));
        if same(ours, theirs) || we_mark || same(base, theirs) && !they_mark {
            ours.cloned()
        } else if they_mark || same(base, ours) {
            theirs.cloned()
        } else {
            self.conflicts.push(KeyConflict {
                keys: self.keys.clone(),
                ours: ours.map(shown),
                theirs: theirs.map(shown),
            });
            ours.cloned()
        }
    }
}

/// The mark that stays: an old one for ever, else the smaller of what the sides set.
fn mark<'a>(
    base: Option<&'a Value>,
    ours: Option<&'a Value>,
    theirs: Option<&'a Value>,
) -> Option<&'a Value> {
    match (ours, theirs) {
        _ if base.is_some() => base,
        (Some(ours), Some(theirs)) => Some(if text(theirs) < text(ours) { theirs } else { ours }),
        (one, other) => one.or(other),
    }
}

/// Whether a table has a `revoked` at any depth. Arrays are not looked into: no document has one there.
pub(crate) fn has_mark(value: &Value) -> bool {
    value.as_table().is_some_and(table_has_mark)
}

pub(crate) fn table_has_mark(table: &Table) -> bool {
    table.iter().any(|(key, value)| key == REVOKED || has_mark(value))
}

/// Sets every mark of `of` in a table, over what stands there.
pub(crate) fn keep_marks(table: &mut Table, of: &Table) {
    for (key, value) in of {
        if key == REVOKED {
            table.insert(key.clone(), value.clone());
        } else if let Some(inner) = value.as_table().filter(|inner| table_has_mark(inner)) {
            let there = table.entry(key.clone()).or_insert_with(|| Value::Table(Table::new()));
            if !there.is_table() {
                *there = Value::Table(Table::new());
            }
            if let Some(there) = there.as_table_mut() {
                keep_marks(there, inner);
            }
        }
    }
}

/// Equality of values as they are written: `nan` is itself, `0.0` is not `-0.0`.
pub(crate) fn same(one: Option<&Value>, other: Option<&Value>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => same_value(one, other),
        (None, None) => true,
        _ => false,
    }
}

fn same_value(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Float(one), Value::Float(other)) => one.to_bits() == other.to_bits(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same_value(one, other))
        }
        (Value::Table(one), Value::Table(other)) => same_table(one, other),
        _ => one == other,
    }
}

/// Equality of tables as they are written.
pub(crate) fn same_table(one: &Table, other: &Table) -> bool {
    one.len() == other.len()
        && one.iter().all(|(key, value)| other.get(key).is_some_and(|v| same_value(value, v)))
}

/// A value as text, for comparing and for people.
pub(crate) fn text(value: &Value) -> String {
    let table: Table = [("value".to_string(), value.clone())].into_iter().collect();
    toml::to_string(&table).unwrap_or_else(|_| format!("{value:?}"))
}

/// A value in a few words.
fn shown(value: &Value) -> String {
    let text = match value {
        Value::Table(_) | Value::Array(_) => value.to_string(),
        _ => text(value).trim().trim_start_matches("value = ").to_string(),
    };
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match line.char_indices().nth(60) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn document(text: &str) -> Document {
        Document::parse(text.as_bytes()).unwrap()
    }

    fn merged(base: &str, ours: &str, theirs: &str) -> (String, Vec<KeyConflict>) {
        let merged = merge_documents(&document(base), &document(ours), &document(theirs));
        (toml::to_string(&merged.table).unwrap(), merged.conflicts)
    }

    #[test]
    fn changes_of_different_keys_both_go_in() {
        let (text, conflicts) = merged("a = 1\nb = 1\n", "a = 2\nb = 1\n", "a = 1\nb = 2\nc = 3\n");
        assert_eq!((text.as_str(), conflicts.len()), ("a = 2\nb = 2\nc = 3\n", 0));
    }

    #[test]
    fn two_values_for_one_key_are_a_conflict_that_names_the_key_and_both() {
        let (text, conflicts) = merged("[t]\nx = 1\n", "[t]\nx = 2\n", "[t]\nx = 3\n");
        assert_eq!(text, "[t]\nx = 2\n");
        let keys = vec!["t".to_string(), "x".to_string()];
        let wanted = KeyConflict { keys, ours: Some("2".into()), theirs: Some("3".into()) };
        assert_eq!(conflicts, [wanted]);
    }

    #[test]
    fn a_revocation_wins_over_removal_replacement_and_another_revocation() {
        let base = "[badges.x]\nlabel = \"l\"\n";
        let revoked = "[badges.x]\nlabel = \"l\"\n\n[badges.x.revoked]\nat = 5\n";
        for other in ["", "badges = 1\n", "[badges]\nx = 2\n", "[badges]\n"] {
            for (ours, theirs) in [(revoked, other), (other, revoked)] {
                let (text, conflicts) = merged(base, ours, theirs);
                assert!(text.contains("revoked"), "{other:?} undid a revocation");
                assert!(conflicts.is_empty(), "{other:?} made a conflict of a revocation");
            }
        }
        let later = revoked.replace("at = 5", "at = 6");
        assert_eq!(merged(base, revoked, &later).0, revoked);
        assert_eq!(merged(base, &later, revoked).0, revoked);
        assert_eq!(merged(&later, revoked, &later).0, later, "an old mark is not changed");
    }

    #[test]
    fn nan_is_no_change_and_arrays_are_whole() {
        assert!(merged("a = nan\n", "a = nan\n", "a = nan\nb = 1\n").1.is_empty());
        assert_eq!(merged("a = [1]\n", "a = [1, 2]\n", "a = [1, 3]\n").1.len(), 1);
        assert_eq!(merged("a = [1]\n", "a = [1, 2]\n", "a = [1]\n").0, "a = [1, 2]\n");
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            (0..4i64).prop_map(Value::Integer),
            prop_oneof![Just(f64::NAN), Just(0.0), Just(-0.0)].prop_map(Value::Float),
        ];
        leaf.prop_recursive(3, 12, 3, |inner| {
            prop::collection::btree_map("a|b|c|revoked", inner, 0..4)
                .prop_map(|map| Value::Table(map.into_iter().collect()))
        })
    }

    fn any_document() -> impl Strategy<Value = Document> {
        prop::collection::btree_map("a|b|c|revoked", value(), 0..4)
            .prop_map(|map| Document::from_table(map.into_iter().collect()).unwrap())
    }

    fn same_tables(one: &Table, other: &Table) -> bool {
        same_value(&Value::Table(one.clone()), &Value::Table(other.clone()))
    }

    proptest! {
        #[test]
        fn both_orders_merge_the_same_and_conflict_at_the_same_keys(
            base in any_document(), ours in any_document(), theirs in any_document()
        ) {
            let one = merge_documents(&base, &ours, &theirs);
            let other = merge_documents(&base, &theirs, &ours);
            let keys = |merged: &MergedDocument| -> Vec<Vec<String>> {
                merged.conflicts.iter().map(|conflict| conflict.keys.clone()).collect()
            };
            prop_assert_eq!(keys(&one), keys(&other));
            if one.conflicts.is_empty() {
                prop_assert!(same_tables(&one.table, &other.table));
            }
        }

        #[test]
        fn merging_with_oneself_or_with_the_base_changes_nothing(
            base in any_document(), ours in any_document()
        ) {
            prop_assume!(keeps_marks(base.table(), ours.table()));
            let itself = merge_documents(&base, &ours, &ours);
            prop_assert!(itself.conflicts.is_empty() && same_tables(&itself.table, ours.table()));
            let unchanged = merge_documents(&base, &ours, &base);
            prop_assert!(unchanged.conflicts.is_empty() && same_tables(&unchanged.table, ours.table()));
        }

        #[test]
        fn every_mark_of_a_side_is_in_the_result(
            base in any_document(), ours in any_document(), theirs in any_document()
        ) {
            let merged = merge_documents(&base, &ours, &theirs);
            if table_has_mark(ours.table()) || table_has_mark(theirs.table()) {
                prop_assert!(table_has_mark(&merged.table));
            }
        }
    }

    /// Whether `new` still has every mark of `old`, as every block that is let in does.
    fn keeps_marks(old: &Table, new: &Table) -> bool {
        old.iter().all(|(key, value)| match (value, new.get(key)) {
            (value, other) if key == REVOKED => same(Some(value), other),
            (Value::Table(old), Some(Value::Table(new))) => keeps_marks(old, new),
            (value, _) => !has_mark(value),
        })
    }
}
