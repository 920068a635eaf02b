//! The chunks of releases' deltas: each delta's own text, and the frames that it names.
//!
//! No manifest names them. A document that is no release, and a delta whose text is not here or cannot be read, name nothing: nobody can
//! do anything with the rest of such a delta. Format: docs/formats/release.md, docs/formats/delta.md.

use chunk::delta::Delta;
use ledger::{State, StateError};
use model::ChunkId;
use std::collections::HashSet;
use update::Release;

/// Where releases lie, and what each one's document is called.
const FOLDER: &str = "images";
const DOCUMENT: &str = "/release.toml";

/// The chunks of all deltas that releases in this state offer.
pub(super) fn chunks_of_deltas(
    state: &State<'_>,
    chunk: &dyn Fn(&ChunkId) -> Option<Vec<u8>>,
) -> Result<HashSet<ChunkId>, StateError> {
    let mut found = HashSet::new();
    for path in state.list(FOLDER)?.into_iter().filter(|path| path.as_str().ends_with(DOCUMENT)) {
        let Some(Ok(release)) = state.read(&path)?.map(|text| Release::parse(&text)) else { continue };
        for offer in release.deltas {
            found.insert(offer.list);
            let delta = chunk(&offer.list).and_then(|text| Delta::parse(&text).ok());
            found.extend(delta.into_iter().flat_map(|delta| delta.segments).map(|segment| segment.frame));
        }
    }
    Ok(found)
}
