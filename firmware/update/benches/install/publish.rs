//! The publisher's side: manifests, the chunks that the old image lacks, the delta. In a folder, as files by their names.

use super::{
    Done,
    make::{delta, manifest},
};
use chunk::{chunk_id, cut, delta::Source};
use model::ChunkId;
use std::{collections::HashSet, fs, path::Path};

/// That of the chunk packs.
const LEVEL: i32 = 3;

/// Fills a folder with all that a box may want.
pub fn publish(old: &Path, new: &Path, folder: &Path) -> Done {
    let (old, new) = (fs::read(old)?, fs::read(new)?);
    let (old_manifest, new_manifest) = (manifest(&old)?, manifest(&new)?);
    fs::write(folder.join("old.manifest"), old_manifest.to_text())?;
    fs::write(folder.join("new.manifest"), new_manifest.to_text())?;
    let mut known: HashSet<ChunkId> = old_manifest.chunks.iter().map(|(id, _)| *id).collect();
    for range in cut(new_manifest.cutter, &new) {
        let id = chunk_id(&new[range.clone()]);
        if known.insert(id) {
            fs::write(folder.join(id.to_string()), zstd::bulk::compress(&new[range], LEVEL)?)?;
        }
    }
    let old = Source { bytes: &old, manifest: &old_manifest };
    delta(old, Source { bytes: &new, manifest: &new_manifest }, Some(folder))?;
    Ok(())
}
