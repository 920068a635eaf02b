//! The chunks that lie in the slot that runs, by their names: a second place besides the chunk store, for this box and for others.
//!
//! Where they lie says the manifest of the release that runs, or, if nobody published it, the cutter. The slot is read-only
//! while it runs, and each chunk is compared with its name when it is read.

use super::card::{Card, CardError};
use chunk::{Cutter, Manifest, Stream, chunk_id};
use model::{ChunkId, Name};
use std::{
    collections::{BTreeMap, HashMap},
    io::{self, Read},
    sync::Arc,
};

/// What lies in the slot that runs.
#[derive(Debug)]
pub struct SlotChunks {
    card: Arc<Card>,
    parts: Vec<Name>,
    places: HashMap<ChunkId, (usize, u64, u32)>,
    hashes: BTreeMap<Name, [u8; 32]>,
}

impl SlotChunks {
    /// Of a slot that holds these parts.
    pub fn of_release(card: Arc<Card>, manifests: &BTreeMap<Name, Manifest>) -> Self {
        let mut found = Self::empty(card);
        for (part, manifest) in manifests {
            found.add(part, manifest.chunks.iter().copied());
            found.hashes.insert(part.clone(), manifest.hash);
        }
        found
    }

    /// Of a slot whose release is not known: its parts are cut as those are with which they will be compared.
    pub fn by_cutting(card: Arc<Card>, parts: &BTreeMap<Name, Cutter>) -> Result<Self, CardError> {
        let mut found = Self::empty(card);
        for (part, cutter) in parts {
            let room = found.card.room(found.card.running(), part)?;
            let reader = PartReader { card: found.card.clone(), part: part.clone(), at: 0, room };
            // A part that cannot be read to its end gives what lies before.
            let pieces = Stream::new(*cutter, reader).map_while(Result::ok);
            let chunks: Vec<(ChunkId, u32)> =
                pieces.map(|piece| (chunk_id(&piece), piece.len() as u32)).collect();
            found.add(part, chunks);
        }
        Ok(found)
    }

    fn empty(card: Arc<Card>) -> Self {
        Self { card, parts: Vec::new(), places: HashMap::new(), hashes: BTreeMap::new() }
    }

    fn add(&mut self, part: &Name, chunks: impl IntoIterator<Item = (ChunkId, u32)>) {
        let (at, mut offset) = (self.parts.len(), 0);
        self.parts.push(part.clone());
        for (id, length) in chunks {
            self.places.entry(id).or_insert((at, offset, length));
            offset += u64::from(length);
        }
    }

    /// Whether a chunk should lie here.
    pub fn has(&self, id: &ChunkId) -> bool {
        self.places.contains_key(id)
    }

    /// The chunk, if it lies here and is whole.
    pub fn get(&self, id: &ChunkId) -> Option<Vec<u8>> {
        let (part, offset, length) = self.places.get(id)?;
        let mut bytes = vec![0; *length as usize];
        self.card.read(self.card.running(), &self.parts[*part], *offset, &mut bytes).ok()?;
        (chunk_id(&bytes) == *id).then_some(bytes)
    }

    /// The hash of the whole part that lies here, if the release is known.
    pub fn hash_of(&self, part: &Name) -> Option<[u8; 32]> {
        self.hashes.get(part).copied()
    }
}

/// A part as a stream.
struct PartReader {
    card: Arc<Card>,
    part: Name,
    at: u64,
    room: u64,
}

impl Read for PartReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.room - self.at).unwrap_or(usize::MAX);
        let length = into.len().min(left);
        let read = self.card.read(self.card.running(), &self.part, self.at, &mut into[..length]);
        read.map_err(io::Error::other)?;
        self.at += length as u64;
        Ok(length)
    }
}
