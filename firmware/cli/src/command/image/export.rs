//! `image export`: a release onto a stick.
//!
//! Document last: a stick on which it lies has all of it.

use super::Which;
use crate::{
    context::Context,
    error::{Hint, Result},
    link::{self, Shelf},
    output,
    release::{self, Known, Stick},
    view::View,
};
use chunk::delta::Delta;
use clap::Args;
use model::ChunkId;
use serde_json::json;
use std::{collections::HashSet, path::PathBuf};

/// Write a release into a folder, such as one on an USB stick
///
/// The document, its signatures, its manifests and its chunks. Several releases may go into one folder; an export that was interrupted goes on.
#[derive(Debug, Args)]
#[command(disable_version_flag = true)]
pub struct Export {
    #[command(flatten)]
    which: Which,
    /// The folder
    folder: PathBuf,
    /// The deltas, too: for boxes behind the one that has the stick
    #[arg(long)]
    deltas: bool,
}

impl Export {
    pub(super) fn run(&self, context: &Context) -> Result {
        let view = View::open(context)?;
        let Which { image, channel, version } = &self.which;
        let known = release::find(&view, image, channel, version)?;
        let stick = Stick::at(&self.folder);
        let shelf = link::shelf(context)?;
        let chunks = self.chunks(&view, &known, &shelf)?;
        let mut progress =
            shelf.progress("exporting", chunks.iter().map(|(_, length)| u64::from(*length)).sum());
        let mut new = 0;
        for (id, length) in &chunks {
            let written = stick.put_chunk(id, || shelf.chunk(id).hint(|| no_chunk(id), WHERE))?;
            new += u64::from(written);
            progress.add(u64::from(*length));
        }
        documents(&view, &known, &stick)?;
        let bytes: u64 = chunks.iter().map(|(_, length)| u64::from(*length)).sum();
        let (folder, counted) = (self.folder.display(), output::count(chunks.len(), "chunk", "chunks"));
        let size = output::bytes(bytes);
        let said =
            format!("{image} {channel} {version} is in {folder}: {size} in {counted}, {new} written now\n");
        let value = json!({"folder": self.folder, "chunks": chunks.len(), "bytes": bytes, "written": new});
        context.out.show(&said, &value)
    }

    /// All chunks, each once, with their lengths.
    fn chunks(&self, view: &View, known: &Known, shelf: &Shelf<'_>) -> Result<Vec<(ChunkId, u32)>> {
        let mut all = Vec::new();
        for part in &known.release.parts {
            all.extend(known.manifest(view, part)?.chunks);
        }
        for offer in known.release.deltas.iter().filter(|_| self.deltas) {
            let text = shelf.chunk(&offer.list).hint(|| no_chunk(&offer.list), WHERE)?;
            all.push((offer.list, u32::try_from(text.len())?));
            all.extend(
                Delta::parse(&text)?.segments.iter().map(|segment| (segment.frame, segment.frame_bytes)),
            );
        }
        let mut seen = HashSet::new();
        all.retain(|(id, _)| seen.insert(*id));
        Ok(all)
    }
}

const WHERE: &str = "export where the release was published, or on a box that runs it; without --deltas fewer chunks are needed";

fn no_chunk(id: &ChunkId) -> String {
    format!("the chunk {id} of the release cannot be had here")
}

fn documents(view: &View, known: &Known, stick: &Stick) -> Result {
    let mut paths = view.files(known.folder.as_str())?;
    paths.sort_by_key(|path| path.as_str().ends_with("/release.toml"));
    for path in paths {
        if let Some(bytes) = view.bytes(&path)? {
            stick.put_file(&path, &bytes)?;
        }
    }
    Ok(())
}
