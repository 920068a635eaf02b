//! The entries of several packs as the entries of one, in a stream.
//!
//! Entries are copied as they lie, compressed, after their checksum was compared with the index; a delta goes with
//! its base. Of whole trees those become deltas that are much like a tree before them (`delta`), which a
//! window remembers. A chain of deltas grows by at most [`CHAIN_MAX`] with each merge, and a merge makes
//! packs at least [`GROWTH`](crate::consolidate) times larger, so chains stay short. Objects in more than one pack
//! are taken once. Memory: an id and two offsets an object, the window, one entry.

use crate::{
    delta::Shared,
    git::{self, GitObjects},
    pack::{GixError, HASH, PackError},
};
use gix::ObjectId;
use gix_pack::{
    data::{Entry as Found, File, entry::Header, output},
    index,
};
use std::{collections::VecDeque, io::Write, path::Path};

/// How many trees are remembered: a block writes five or six.
const WINDOW: usize = 24;
/// A longer tree is copied as it is, in bytes.
const TREE_MAX: u64 = 1 << 20;
/// The longest chain of deltas that one merge makes.
const CHAIN_MAX: u32 = 8;

/// A pack to be merged.
pub(crate) struct Source {
    data: File,
    index: index::File,
    /// Where each entry begins and its position in the index, by offset.
    entries: Vec<(u64, u32)>,
}

impl Source {
    /// Opens a pack and checks every entry against the checksum in its index.
    pub(crate) fn open(path: &Path) -> Result<Self, PackError> {
        let wrong = |source| PackError::Open { path: path.to_path_buf(), source };
        let index = index::File::at(path.with_extension("idx"), HASH).map_err(wrong)?;
        let data = File::at(path, HASH).map_err(wrong)?;
        let mut entries: Vec<_> =
            (0..index.num_objects()).map(|at| (index.pack_offset_at_index(at), at)).collect();
        entries.sort_unstable();
        let source = Self { data, index, entries };
        match (0..source.entries.len()).find(|at| !source.is_sound(*at)) {
            Some(at) => Err(PackError::Damaged { path: path.to_path_buf(), offset: source.entries[at].0 }),
            None => Ok(source),
        }
    }

    fn is_sound(&self, at: usize) -> bool {
        let (offset, position) = self.entries[at];
        let end = self.end(at);
        let size = usize::try_from(end.saturating_sub(offset)).unwrap_or(0);
        end <= self.data.pack_end() as u64
            && size > 0
            && self.index.crc32_at_index(position) == Some(self.data.entry_crc32(offset, size))
    }

    fn end(&self, at: usize) -> u64 {
        self.entries.get(at + 1).map_or(self.data.pack_end() as u64, |(offset, _)| *offset)
    }

    fn id(&self, at: usize) -> ObjectId {
        self.index.oid_at_index(self.entries[at].1).to_owned()
    }

    /// The id of the object that begins at an offset.
    fn id_of(&self, offset: u64) -> Option<ObjectId> {
        Some(self.id(self.entries.binary_search_by_key(&offset, |(offset, _)| *offset).ok()?))
    }

    fn compressed(&self, at: usize, found: &Found) -> Vec<u8> {
        self.data.entry_slice(found.data_offset..self.end(at)).unwrap_or_default().to_vec()
    }
}

/// A tree that later ones may be written against.
struct Seen {
    place: usize,
    bytes: Vec<u8>,
    chain: u32,
}

/// The stream of entries.
pub(crate) struct Merge<'a> {
    sources: Vec<Source>,
    store: &'a GitObjects,
    /// Every object once, sorted, with its place in the new pack.
    ids: Vec<ObjectId>,
    places: Vec<Option<u32>>,
    source: usize,
    entry: usize,
    written: usize,
    window: VecDeque<Seen>,
    inflate: gix::zlib::Inflate,
}

impl<'a> Merge<'a> {
    pub(crate) fn new(sources: Vec<Source>, store: &'a GitObjects) -> Self {
        let mut ids: Vec<ObjectId> =
            sources.iter().flat_map(|source| (0..source.entries.len()).map(|at| source.id(at))).collect();
        ids.sort_unstable();
        ids.dedup();
        let places = vec![None; ids.len()];
        let (window, inflate) = (VecDeque::new(), gix::zlib::Inflate::default());
        Self { sources, store, ids, places, source: 0, entry: 0, written: 0, window, inflate }
    }

    /// How many entries come.
    pub(crate) fn objects(&self) -> u32 {
        u32::try_from(self.ids.len()).expect("because an index counts objects in 32 bits")
    }

    fn place(&self, id: &ObjectId) -> Option<usize> {
        self.places[self.ids.binary_search(id).ok()?].map(|place| place as usize)
    }

    fn take(&mut self, source: usize, at: usize, id: ObjectId) -> Result<output::Entry, GixError> {
        let from = &self.sources[source];
        let found = from.data.entry(from.entries[at].0)?;
        let copied = |kind| output::Entry {
            id,
            kind,
            decompressed_size: found.decompressed_size as usize,
            compressed_data: from.compressed(at, &found),
        };
        match found.header {
            Header::OfsDelta { .. } | Header::RefDelta { .. } => match self.base_of(source, &found) {
                Some(object_index) => Ok(copied(output::entry::Kind::DeltaRef { object_index })),
                None => self.whole(id),
            },
            Header::Tree if found.decompressed_size <= TREE_MAX => {
                let whole = copied(output::entry::Kind::Base(gix::objs::Kind::Tree));
                self.tree(source, &found, whole)
            }
            header => Ok(copied(output::entry::Kind::Base(
                header.as_kind().expect("because an entry that is no delta has a kind"),
            ))),
        }
    }

    /// The place of a delta's base in the new pack, if it was written before.
    fn base_of(&self, source: usize, found: &Found) -> Option<usize> {
        let id = match found.header {
            Header::OfsDelta { base_distance } => {
                let offset = Header::verified_base_pack_offset(found.pack_offset(), base_distance)?;
                self.sources[source].id_of(offset)?
            }
            Header::RefDelta { base_id } => base_id,
            _ => return None,
        };
        self.place(&id)
    }

    /// An object whose base is elsewhere, as other tools' packs may have it.
    fn whole(&self, id: ObjectId) -> Result<output::Entry, GixError> {
        use gix::objs::FindExt;
        let mut bytes = Vec::new();
        let object = self.store.fresh().find(&id, &mut bytes)?;
        git::entry(id, object.kind, object.data)
    }

    /// A tree: as a delta if one before it is much alike, else whole.
    fn tree(
        &mut self,
        source: usize,
        found: &Found,
        whole: output::Entry,
    ) -> Result<output::Entry, GixError> {
        let mut bytes = vec![0; found.decompressed_size as usize];
        self.sources[source].data.decompress_entry(found, &mut self.inflate, &mut bytes)?;
        let candidates = self.window.iter().filter(|seen| seen.chain < CHAIN_MAX);
        let best = candidates
            .map(|seen| (Shared::of(&seen.bytes, &bytes), seen))
            .max_by_key(|(shared, seen)| (shared.bytes(), seen.place));
        let (entry, chain) = match best.filter(|(shared, _)| shared.bytes() * 2 > bytes.len()) {
            Some((shared, seen)) => {
                let delta = compressed(whole.id, seen.place, &shared.delta(&seen.bytes, &bytes))?;
                (
                    Some(delta).filter(|delta| delta.compressed_data.len() < whole.compressed_data.len()),
                    seen.chain + 1,
                )
            }
            None => (None, 0),
        };
        let chain = if entry.is_some() { chain } else { 0 };
        if self.window.len() == WINDOW {
            self.window.pop_front();
        }
        self.window.push_back(Seen { place: self.written, bytes, chain });
        Ok(entry.unwrap_or(whole))
    }
}

impl Iterator for Merge<'_> {
    type Item = gix::error::Result<Vec<output::Entry>>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (source, at) = (self.source, self.entry);
            if at == self.sources.get(source)?.entries.len() {
                (self.source, self.entry) = (source + 1, 0);
                continue;
            }
            self.entry += 1;
            let id = self.sources[source].id(at);
            let known = self.ids.binary_search(&id).expect("because all ids of all sources are in the list");
            if self.places[known].is_none() {
                let entry = self.take(source, at, id);
                self.places[known] = Some(self.written as u32);
                self.written += 1;
                return Some(entry.map(|entry| vec![entry]));
            }
        }
    }
}

fn compressed(id: ObjectId, base: usize, delta: &[u8]) -> Result<output::Entry, GixError> {
    let level = gix::zlib::Compression::DEFAULT;
    let mut out = gix::zlib::stream::deflate::Write::new(Vec::new(), level);
    out.write_all(delta).and_then(|()| out.flush()).map_err(gix::hash::io::from_std_io)?;
    Ok(output::Entry {
        id,
        kind: output::entry::Kind::DeltaRef { object_index: base },
        decompressed_size: delta.len(),
        compressed_data: out.into_inner(),
    })
}
