//! `<key> <signature>` line by line, sorted by key: who signed one and the same text.

use super::text::{Lines, TextError, parse_signature, signature_text};
use model::{KeyId, RawSignature};
use std::collections::BTreeMap;

pub(super) fn write(signatures: &BTreeMap<KeyId, RawSignature>) -> String {
    signatures.iter().map(|(key, signature)| signature_text(key, signature) + "\n").collect()
}

/// Reads to the end of the text. Order and doubles show when the text is written again.
pub(super) fn read(lines: &mut Lines<'_>) -> Result<BTreeMap<KeyId, RawSignature>, TextError> {
    const WANTED: &str = "<key> <signature>";
    let mut signatures = BTreeMap::new();
    while !lines.is_done() {
        let (key, signature) = parse_signature(lines.next(WANTED)?).ok_or(lines.wrong(WANTED))?;
        signatures.insert(key, signature);
    }
    Ok(signatures)
}
