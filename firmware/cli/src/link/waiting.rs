//! A change of a document of which an earlier change by the same key waits for main.
//!
//! Documents are edited as main has them, and a block has whole documents. So what the earlier change says is
//! brought into the later one, key by key; or the later would quietly take it back.

use crate::{
    error::{Result, refused},
    view::View,
};
use ledger::{Change, Layered, State, ground_tree, merge_documents};
use model::{BlockId, Document, KeyId, StatePath};

/// The changes as they are to be made beside what waits.
pub(super) fn beside(
    view: &View,
    own: Option<BlockId>,
    author: KeyId,
    changes: &[Change],
) -> Result<Vec<Change>> {
    let Ok((tree, new)) = ground_tree(view.objects(), view.head(), own, author) else {
        // Whatever is wrong, drafting the block says it.
        return Ok(changes.to_vec());
    };
    let objects = Layered { new: &new, base: view.objects() };
    let waiting = State::at_tree(&objects, tree);
    changes.iter().map(|change| one(view, &waiting, change)).collect()
}

fn one(view: &View, waiting: &State<'_>, change: &Change) -> Result<Change> {
    let (path, same) = (&change.path, change.clone());
    let (Some(content), true) = (&change.content, change.path.is_document()) else { return Ok(same) };
    if waiting.id_of(path)? == view.state().id_of(path)? {
        return Ok(same);
    }
    let (main, mine) =
        (view.document(path)?.unwrap_or_default(), waiting.document(path)?.unwrap_or_default());
    let merged = merge_documents(&main, &mine, &Document::parse(content)?);
    match merged.conflicts.first() {
        None => {
            let text = Document::from_table(merged.table)?.to_canonical()?;
            Ok(Change { content: Some(text.into_bytes()), ..same })
        }
        Some(conflict) => Err(contradiction(path, &conflict.keys.join("."))),
    }
}

fn contradiction(path: &StatePath, key: &str) -> anyhow::Error {
    refused(
        format!(
            "{path}: an earlier change of yours says otherwise about {key}, and waits for the other boxes"
        ),
        "wait until it is final: ledgerctl proposals shows how it stands",
    )
}
