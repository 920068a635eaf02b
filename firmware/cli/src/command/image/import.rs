//! `image import`: releases from a stick.
//!
//! All of a stick is looked at before anything is kept; of a damaged one the whole chunks are kept all the same, where the ledger has the
//! release already. What the ledger lacks is proposed, with the rights of who imports; chunks alone need none.

use crate::{
    context::Context,
    edits::Edits,
    error::{Hint, Result, refused},
    link::{self, Shelf},
    output,
    release::{self, Carried, Lies, Stick},
    view::View,
};
use chunk::delta::Delta;
use clap::Args;
use model::{ChunkId, Document};
use serde_json::json;
use std::{collections::BTreeSet, path::PathBuf};
use update::{Authority, Signer};

/// So many damaged files are named.
const NAMED: usize = 10;

/// Take in the releases of a folder, such as one on an USB stick
///
/// Everything is checked by its name. Where the ledger knows the release, no rights are needed: its chunks come in. Else it is proposed. An import
/// that was interrupted goes on.
#[derive(Debug, Args)]
pub struct Import {
    /// The folder that ledgerctl image export wrote
    folder: PathBuf,
}

/// The chunks of a release on a stick.
#[derive(Default)]
struct Looked {
    /// Those that are whole, and how many bytes they have.
    whole: Vec<ChunkId>,
    bytes: u64,
    /// Files that are not what their names say; chunks that should be there.
    damaged: Vec<String>,
}

impl Import {
    pub(super) fn run(&self, context: &Context) -> Result {
        let view = View::open(context)?;
        let stick = Stick::at(&self.folder);
        let carried = stick.releases()?;
        let mut edits = Edits::new(&view);
        for release in &carried {
            propose(context, &view, release, &mut edits)?;
        }
        let mut said = Vec::new();
        for release in &carried {
            said.push(self.take(context, &view, &stick, release)?);
        }
        let said = said.join("\n");
        if edits.changes()?.is_empty() {
            let names: Vec<String> = carried.iter().map(|it| it.folder.to_string()).collect();
            return context.out.show(&format!("{said}\n"), &json!({ "imported": names, "changed": [] }));
        }
        link::send(context, &edits, "Import releases from a stick", &said)
    }

    /// Keeps the chunks of a release.
    fn take(&self, context: &Context, view: &View, stick: &Stick, carried: &Carried) -> Result<String> {
        let looked = look(stick, carried);
        let shelf = link::shelf(context)?;
        if looked.damaged.is_empty() {
            for (manifest, text) in &carried.manifests {
                let progress = shelf.progress("importing", manifest.size);
                let stored = shelf.cut(Box::new(stick.reader(manifest)), manifest.cutter, progress)?;
                anyhow::ensure!(stored.manifest.as_bytes() == text, "{} was cut otherwise", carried.folder);
            }
            deltas(stick, carried).into_iter().try_for_each(|bytes| shelf.keep(bytes).map(|_| ()))?;
            let (it, bytes) = (&carried.release, output::bytes(looked.bytes));
            let chunks = output::count(looked.whole.len(), "chunk", "chunks");
            return Ok(format!("{} {} {}: {bytes} in {chunks}", it.image, it.channel, it.version));
        }
        if view.bytes(&carried.folder.join("release.toml")?)?.is_some() {
            keep_whole(&shelf, stick, &looked)?;
        }
        Err(refused(
            format!("{}:\n  {}", count(&looked), named(&looked.damaged)),
            "write the stick anew where the release is: ledgerctl image export, which leaves whole files as they are",
        ))
    }
}

fn count(looked: &Looked) -> String {
    output::count(
        looked.damaged.len(),
        "file of the stick is damaged or missing",
        "files of the stick are damaged or missing",
    )
}

fn named(damaged: &[String]) -> String {
    let mut lines: Vec<String> = damaged.iter().take(NAMED).cloned().collect();
    if damaged.len() > NAMED {
        lines.push(format!("and {} more", damaged.len() - NAMED));
    }
    lines.join("\n  ")
}

/// Looks at every chunk of the parts; and at those of deltas, of which a stick may have none.
fn look(stick: &Stick, carried: &Carried) -> Looked {
    let mut looked = Looked::default();
    let all: BTreeSet<&ChunkId> =
        carried.manifests.iter().flat_map(|(manifest, _)| &manifest.chunks).map(|(id, _)| id).collect();
    for id in all {
        match stick.chunk(id) {
            Lies::Whole(bytes) => looked.add(*id, bytes.len()),
            Lies::Missing => looked.damaged.push(format!("the chunk {id} is missing")),
            Lies::Damaged(path) => looked.damaged.push(path.display().to_string()),
        }
    }
    for offer in &carried.release.deltas {
        match stick.chunk(&offer.list) {
            Lies::Damaged(path) => looked.damaged.push(path.display().to_string()),
            Lies::Missing => {}
            Lies::Whole(text) => {
                looked.add(offer.list, text.len());
                looked.frames(stick, &text);
            }
        }
    }
    looked.damaged.sort();
    looked.damaged.dedup();
    looked
}

impl Looked {
    fn add(&mut self, id: ChunkId, bytes: usize) {
        self.whole.push(id);
        self.bytes += bytes as u64;
    }

    fn frames(&mut self, stick: &Stick, text: &[u8]) {
        let segments = Delta::parse(text).map(|delta| delta.segments).unwrap_or_default();
        for segment in segments {
            match stick.chunk(&segment.frame) {
                Lies::Whole(bytes) => self.add(segment.frame, bytes.len()),
                Lies::Missing => {}
                Lies::Damaged(path) => self.damaged.push(path.display().to_string()),
            }
        }
    }
}

/// The chunks of the deltas that the stick has.
fn deltas(stick: &Stick, carried: &Carried) -> Vec<Vec<u8>> {
    let whole = |id: &ChunkId| match stick.chunk(id) {
        Lies::Whole(bytes) => Some(bytes),
        _ => None,
    };
    let mut found = Vec::new();
    for text in carried.release.deltas.iter().filter_map(|offer| whole(&offer.list)) {
        let segments = Delta::parse(&text).map(|delta| delta.segments).unwrap_or_default();
        found.extend(segments.iter().filter_map(|segment| whole(&segment.frame)));
        found.push(text);
    }
    found
}

/// Of a damaged stick, where the ledger waits for the release: others may have the rest.
fn keep_whole(shelf: &Shelf<'_>, stick: &Stick, looked: &Looked) -> Result {
    for id in &looked.whole {
        if let Lies::Whole(bytes) = stick.chunk(id) {
            shelf.keep(bytes)?;
        }
    }
    Ok(())
}

/// What the ledger lacks of a release. Refused if it has another one in its place, or who imports may not propose it.
fn propose(context: &Context, view: &View, carried: &Carried, edits: &mut Edits<'_>) -> Result {
    let (it, folder) = (&carried.release, &carried.folder);
    let path = folder.join("release.toml")?;
    let there = view.bytes(&path)?;
    if there.as_ref().is_some_and(|there| *there != carried.text) {
        return Err(refused(
            format!(
                "the ledger has another release {} of {} in the channel {}",
                it.version, it.image, it.channel
            ),
            "a version is used once, and the ledger's counts; nothing was imported",
        ));
    }
    let signers = signers(view, carried, there.is_none())?;
    if there.is_none() {
        view.must_be_allowed(context, &path).hint(
            || format!("the ledger does not know {} {} {} yet", it.image, it.channel, it.version),
            "import it as somebody who may publish (--as PERSON); after that its chunks need no rights",
        )?;
        edits.put_document(path, Document::parse(&carried.text)?);
        for (part, (_, text)) in it.parts.iter().zip(&carried.manifests) {
            edits.put_bytes(release::manifest_path(folder, &part.name)?, text.clone());
        }
    }
    let alone = Authority::new(1, signers);
    for (key, approval) in &carried.approvals {
        let path = folder.join("signed")?.join(&format!("{key}.toml"))?;
        let counts = alone.approve(&carried.text, std::slice::from_ref(approval)).is_ok();
        let lacks = view.bytes(&path)?.is_none();
        let may = there.is_none() || view.must_be_allowed(context, &path).is_ok();
        if counts && lacks && may {
            edits.table(&path, &[])?.insert("signature".into(), approval.signature.clone().into());
        }
    }
    Ok(())
}

/// Who may sign; where nobody may, that stands in the way of what is new only.
fn signers(view: &View, carried: &Carried, is_new: bool) -> Result<Vec<Signer>> {
    match release::authority(view, &carried.release.channel) {
        Ok((_, signers)) => Ok(signers),
        Err(error) if is_new => Err(error),
        Err(_) => Ok(Vec::new()),
    }
}
