//! What an installation is made from: the manifests of the release, where its chunks lie on this box, and the deltas whose
//! source does.
//!
//! A delta is looked at only if it starts from what runs, or from nothing; its list is a chunk like any other, and a list that
//! nobody has now costs bytes and no more.

use super::{
    card::CardError,
    catalogue::{Listed, manifest_texts},
    hands::{Given, Hands},
    slot_chunks::SlotChunks,
};
use crate::devices::chain;
use chunk::{Cutter, Manifest, ManifestError, delta::Delta};
use ledger::ReadError;
use model::{ChunkId, Name};
use std::collections::BTreeMap;
use update::{Near, Order, OrderError, Part, PartSource, Segment, segments};

/// What a list of a delta may have at most is fetched in one answer; its length is not known before.
const LIST_BYTES: u32 = 64 * 1024;

/// What a part is made from.
#[derive(Debug)]
pub struct PartMaterial {
    /// Its manifest.
    pub manifest: Manifest,
    /// Where each chunk begins in the part.
    pub offsets: Vec<u64>,
    /// The deltas, in the order in which the order has them.
    pub deltas: Vec<Delta>,
}

/// What a release is made from.
#[derive(Debug)]
pub struct Materials {
    parts: BTreeMap<Name, PartMaterial>,
}

/// A release cannot be begun.
#[derive(Debug, thiserror::Error)]
pub enum UnreadyError {
    /// The card.
    #[error(transparent)]
    Card(#[from] CardError),
    /// The ledger.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A manifest.
    #[error("the manifest of {part}")]
    Manifest {
        /// Of which part.
        part: Name,
        /// What is wrong.
        source: ManifestError,
    },
    /// What is there does not fit the release.
    #[error(transparent)]
    Order(#[from] OrderError),
}

impl Materials {
    /// A part.
    pub fn part(&self, name: &Name) -> Option<&PartMaterial> {
        self.parts.get(name)
    }

    /// Gathers what a release is made from.
    pub fn gather(hands: &Hands, listed: &Listed) -> Result<Option<(Order, Self)>, UnreadyError> {
        let Ok(approved) = &listed.approved else { return Ok(None) };
        let texts = manifest_texts(listed, &hands.blobs.objects())?;
        know_slot(hands, &texts)?;
        let (mut sources, mut parts) = (Vec::new(), BTreeMap::new());
        for part in &listed.release.parts {
            let name = part.name.clone();
            let Some(text) = texts.get(&name) else { return Err(OrderError::NoManifest(name).into()) };
            fits(hands, part)?;
            let (material, source) = gather_part(hands, listed, part, text)?;
            parts.insert(name, material);
            sources.push(source);
        }
        Ok(Some((Order::new(approved, sources)?, Self { parts })))
    }
}

/// A slot whose release nobody published is cut as the new one was, so that it serves as a seed all the same.
fn know_slot(hands: &Hands, texts: &BTreeMap<Name, Vec<u8>>) -> Result<(), CardError> {
    if hands.slot_chunks().is_some() {
        return Ok(());
    }
    let cutter = |(part, text): (&Name, &Vec<u8>)| Some((part.clone(), Manifest::parse(text).ok()?.cutter));
    let cutters: BTreeMap<Name, Cutter> = texts.iter().filter_map(cutter).collect();
    hands.know_slot(SlotChunks::by_cutting(hands.card.clone(), &cutters)?, None);
    Ok(())
}

/// Whether the card has room for a part.
fn fits(hands: &Hands, part: &Part) -> Result<(), CardError> {
    let room = hands.card.room(hands.card.running().other(), &part.name)?;
    if part.size <= room {
        return Ok(());
    }
    Err(CardError::TooLong { part: part.name.clone(), bytes: part.size, room })
}

fn gather_part(
    hands: &Hands,
    listed: &Listed,
    part: &Part,
    text: &[u8],
) -> Result<(PartMaterial, PartSource), UnreadyError> {
    let failed = |source| UnreadyError::Manifest { part: part.name.clone(), source };
    let manifest = Manifest::parse(text).map_err(failed)?;
    let near = near(hands, &manifest);
    let is_all_here = manifest.chunks.iter().all(|(id, _)| near.contains_key(id));
    let found = if is_all_here { Vec::new() } else { deltas(hands, listed, part, &manifest) };
    let (deltas, segments) = found.into_iter().unzip();
    let source = PartSource { name: part.name.clone(), manifest: text.to_vec(), near, deltas: segments };
    Ok((PartMaterial { offsets: offsets(&manifest), manifest, deltas }, source))
}

fn offsets(manifest: &Manifest) -> Vec<u64> {
    let mut end = 0;
    let start = |(_, length): &(ChunkId, u32)| {
        let start = end;
        end += u64::from(*length);
        start
    };
    manifest.chunks.iter().map(start).collect()
}

/// Where chunks lie on this box, but for the slot that is written.
fn near(hands: &Hands, manifest: &Manifest) -> BTreeMap<ChunkId, Near> {
    let slot = hands.slot_chunks();
    let place = |id: &ChunkId| {
        if slot.as_ref().is_some_and(|slot| slot.has(id)) {
            Some(Near::Slot)
        } else {
            hands.blobs.stores(id).then_some(Near::Store)
        }
    };
    manifest.chunks.iter().filter_map(|(id, _)| Some((*id, place(id)?))).collect()
}

/// The deltas that can be used here, with their segments.
fn deltas(hands: &Hands, listed: &Listed, part: &Part, manifest: &Manifest) -> Vec<(Delta, Vec<Segment>)> {
    let old = hands.slot_chunks().and_then(|slot| slot.hash_of(&part.name));
    let here: Vec<[u8; 32]> = old.into_iter().collect();
    let running = hands.running_version();
    let of_use = |from: Option<&update::Version>| from.is_none() || from == running.as_ref();
    let offers = listed.release.deltas.iter().filter(|offer| offer.part == part.name);
    let read = |offer: &update::DeltaOffer| {
        let Given::Here(text) = hands.chunk(&offer.list, LIST_BYTES) else { return None };
        let delta = Delta::parse(&text).inspect_err(|error| {
            tracing::warn!(list = %offer.list, error = %chain(error), "a delta cannot be read");
        });
        let delta = delta.ok()?;
        let segments = segments(&delta, manifest, &here);
        (!segments.is_empty()).then_some((delta, segments))
    };
    offers.filter(|offer| of_use(offer.from.as_ref())).filter_map(read).collect()
}
