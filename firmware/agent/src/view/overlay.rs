//! Revocations count as soon as they are known: the final state with the tentative state's `revoked` marks.
//!
//! A mark is taken where the final document has the table that it stands in; what only the tentative state has
//! gives no power that would need taking away. Nothing else of the tentative state shows.

use super::{Documents, Entry};
use dapp::wire::JsonDocument;
use ledger::{Kind, NewObjects};
use serde_json::Value;
use std::sync::Arc;

/// The key of a mark, at any depth of a document.
const REVOKED: &str = "revoked";

/// The final documents with the marks of the tentative ones; the same value if there is none to add.
pub fn revoked(last: &Arc<Documents>, tentative: &Documents) -> Arc<Documents> {
    let mut marked = Vec::new();
    for (path, newer) in tentative {
        let Some(entry) = last.get(path).filter(|entry| entry.id != newer.id) else { continue };
        let mut document = entry.document.clone();
        if mark(&mut document, &newer.document) {
            marked.push((path.clone(), Arc::new(Entry { id: id_of(&document), document })));
        }
    }
    if marked.is_empty() {
        return last.clone();
    }
    let mut documents = Documents::clone(last);
    documents.extend(marked);
    Arc::new(documents)
}

/// Copies marks into a table and the tables in it; whether there was one to copy.
fn mark(table: &mut JsonDocument, newer: &JsonDocument) -> bool {
    let mut changed = false;
    for (key, value) in newer {
        if key == REVOKED {
            if !table.contains_key(REVOKED) {
                table.insert(key.clone(), value.clone());
                changed = true;
            }
        } else if let (Some(Value::Object(inner)), Value::Object(newer)) = (table.get_mut(key), value) {
            changed |= mark(inner, newer);
        }
    }
    changed
}

/// A name for a document that is stored nowhere: equal documents have equal ones.
fn id_of(document: &JsonDocument) -> model::ObjectId {
    let bytes = Value::Object(document.clone()).to_string().into_bytes();
    NewObjects::default().insert(Kind::Blob, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::ObjectId;
    use serde_json::json;

    fn documents(list: &[(&str, u8, Value)]) -> Arc<Documents> {
        let entry = |(path, id, document): &(&str, u8, Value)| {
            let document = document.as_object().unwrap().clone();
            (path.parse().unwrap(), Arc::new(Entry { id: ObjectId::new([*id; 32]), document }))
        };
        Arc::new(list.iter().map(entry).collect())
    }

    #[test]
    fn marks_are_taken_at_any_depth_and_nothing_else() {
        let last =
            documents(&[("people/bob.toml", 1, json!({"plan": "pro", "badges": {"a": {"label": "x"}}}))]);
        let newer = json!({
            "plan": "hobbyist", "revoked": {"by": "alice"},
            "badges": {"a": {"label": "y", "revoked": {"reason": "lost"}}, "b": {"revoked": {}}},
        });
        let seen = revoked(&last, &documents(&[("people/bob.toml", 2, newer)]));
        let bob = &seen.values().next().unwrap().document;
        let wanted = json!({
            "plan": "pro", "revoked": {"by": "alice"},
            "badges": {"a": {"label": "x", "revoked": {"reason": "lost"}}},
        });
        assert_eq!(Value::Object(bob.clone()), wanted);
    }

    #[test]
    fn without_a_new_mark_it_is_the_final_state_itself() {
        let last = documents(&[("people/bob.toml", 1, json!({"plan": "pro", "revoked": {"by": "alice"}}))]);
        let newer = documents(&[
            ("people/bob.toml", 2, json!({"plan": "x", "revoked": {"by": "carol"}})),
            ("people/eve.toml", 3, json!({"revoked": {}})),
        ]);
        assert!(Arc::ptr_eq(&last, &revoked(&last, &newer)));
    }
}
