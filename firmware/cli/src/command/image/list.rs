//! `image list`: the releases of the ledger.

use crate::{
    context::Context,
    error::{Result, chain},
    output::{self, Table},
    release::{self, Known, Standing},
    view::View,
    when,
};
use clap::Args;
use serde_json::{Value, json};

/// List the releases
#[derive(Debug, Args)]
pub struct List {
    /// Only those of this image
    image: Option<model::Name>,
}

impl List {
    pub(super) fn run(&self, context: &Context) -> Result {
        let view = View::open(context)?;
        let headings = ["IMAGE", "CHANNEL", "VERSION", "KIND", "SIZE", "MADE", "SIGNED"];
        let mut table = Table::new(&headings, "no releases yet");
        let mut list = Vec::new();
        for found in release::all(&view)? {
            match found.release {
                Ok(known) if self.image.as_ref().is_some_and(|image| *image != known.release.image) => {}
                Ok(known) => {
                    table.row(row(&view, &known));
                    list.push(value(&view, &known));
                }
                Err(error) => {
                    eprintln!("note: {} does not count: {}", found.folder, chain(&error).join(": "))
                }
            }
        }
        context.out.table(&table, &json!({ "releases": list }))
    }
}

fn row(view: &View, known: &Known) -> [String; 7] {
    let it = &known.release;
    // A channel that the policy no longer names has nobody who could sign.
    let signed =
        Standing::of(view, known).map_or_else(|_| "no such channel".into(), |standing| standing.word());
    [
        it.image.to_string(),
        it.channel.to_string(),
        it.version.to_string(),
        it.kind.to_string(),
        output::bytes(it.size()),
        when::show(it.made, &view.zone()),
        signed,
    ]
}

fn value(view: &View, known: &Known) -> Value {
    let it = &known.release;
    let standing = Standing::of(view, known).ok();
    json!({
        "image": it.image, "channel": it.channel, "version": it.version, "kind": it.kind, "id": known.id(), "size": it.size(),
        "boards": it.boards, "made": it.made, "approved": standing.as_ref().is_some_and(Standing::is_approved),
        "signed": standing.as_ref().map(|standing| &standing.signed), "need": standing.as_ref().map(|standing| standing.need),
    })
}
