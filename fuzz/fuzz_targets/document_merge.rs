//! Any three documents: both orders of merging agree, and no revocation of a side is lost.
#![no_main]

use ledger::merge_documents;
use libfuzzer_sys::fuzz_target;
use model::Document;
use toml::{Table, Value};

fuzz_target!(|texts: (&str, &str, &str)| {
    let parse = |text: &str| Document::parse(text.as_bytes());
    let (Ok(base), Ok(ours), Ok(theirs)) = (parse(texts.0), parse(texts.1), parse(texts.2)) else { return };
    let one = merge_documents(&base, &ours, &theirs);
    let other = merge_documents(&base, &theirs, &ours);
    assert_eq!(one.conflicts.len(), other.conflicts.len());
    if one.conflicts.is_empty() {
        assert_eq!(toml::to_string(&one.table).ok(), toml::to_string(&other.table).ok());
    }
    for side in [&ours, &theirs] {
        assert!(!is_revoked(side.table()) || is_revoked(&one.table));
    }
});

fn is_revoked(table: &Table) -> bool {
    table
        .iter()
        .any(|(key, value)| key == "revoked" || matches!(value, Value::Table(inner) if is_revoked(inner)))
}
