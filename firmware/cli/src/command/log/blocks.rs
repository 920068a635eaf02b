//! `log --blocks`: main's blocks from the newest back along the first parents, shown newest last.

use super::line::harmless;
use crate::{context::Context, error::Result, output::Table, view::View, when};
use ledger::Block;
use model::Millis;
use serde_json::{Value, json};

pub(super) fn show(context: &Context, view: &View, since: Option<Millis>, limit: usize) -> Result {
    let mut blocks = Vec::new();
    let mut next = Some(view.head());
    while let Some(id) = next.filter(|_| blocks.len() < limit) {
        let block = Block::read(view.objects(), id)?;
        if since.is_some_and(|since| block.at < since) {
            break;
        }
        next = block.parents.first().copied();
        blocks.push(block);
    }
    blocks.reverse();
    let zone = view.zone();
    let mut table = Table::new(&["HEIGHT", "BLOCK", "TIME", "KIND", "BY", "SUBJECT"], "no blocks since then");
    for block in &blocks {
        let height = block.height.map_or_else(String::new, |height| height.to_string());
        let (at, by) = (when::show(block.at, &zone), block.author_name.to_string());
        let (kind, subject) = (block.kind.as_str().to_string(), harmless(&block.subject));
        table.row([height, block.id.short(), at, kind, by, subject]);
    }
    let list: Vec<Value> = blocks.iter().map(object).collect();
    context.out.table(&table, &json!({ "blocks": list }))
}

fn object(block: &Block) -> Value {
    let left_out: Vec<Value> =
        block.left_out.iter().map(|(block, reason)| json!({"block": block, "reason": reason})).collect();
    json!({
        "block": block.id, "height": block.height, "at": block.at, "kind": block.kind.as_str(),
        "author": block.author, "by": block.author_name, "subject": block.subject, "parents": block.parents,
        "left_out": left_out,
    })
}
