//! A change of a document of which an earlier change by the same key waits for main, or was left out of it.
//!
//! Documents are edited as main has them, and a block has whole documents. So what the earlier change says is
//! brought into the later one, key by key; or the later would quietly take it back. Where both say something
//! of one key the later stands, and a document that is given whole is what was given: so a change that a judge did
//! not let pass is mended.

use crate::{error::Result, view::View};
use ledger::{Change, Layered, State, ground_tree, merge_documents};
use model::{BlockId, Document, KeyId, StatePath};
use std::collections::BTreeSet;

/// The changes as they are to be made beside what waits.
pub(super) fn beside(
    view: &View,
    own: Option<BlockId>,
    author: KeyId,
    changes: &[Change],
    whole: &BTreeSet<StatePath>,
) -> Result<Vec<Change>> {
    let Ok((tree, new)) = ground_tree(view.objects(), view.head(), own, author) else {
        // Whatever is wrong, drafting the block says it.
        return Ok(changes.to_vec());
    };
    let objects = Layered { new: &new, base: view.objects() };
    let waiting = State::at_tree(&objects, tree);
    let one = |change: &Change| match whole.contains(&change.path) {
        true => Ok(change.clone()),
        false => one(view, &waiting, change),
    };
    changes.iter().map(one).collect()
}

fn one(view: &View, waiting: &State<'_>, change: &Change) -> Result<Change> {
    let (path, same) = (&change.path, change.clone());
    let (Some(content), true) = (&change.content, change.path.is_document()) else { return Ok(same) };
    if waiting.id_of(path)? == view.state().id_of(path)? {
        return Ok(same);
    }
    let (main, mine) =
        (view.document(path)?.unwrap_or_default(), waiting.document(path)?.unwrap_or_default());
    // Of two values for a key the merge keeps those of its first side.
    let merged = merge_documents(&main, &Document::parse(content)?, &mine);
    let text = Document::from_table(merged.table)?.to_canonical()?;
    Ok(Change { content: Some(text.into_bytes()), ..same })
}
