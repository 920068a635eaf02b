//! The cheapest way for each chunk of a part that is not where it should be.
//!
//! What lies on this card already costs nothing: the running slot, the chunk store, the same chunk elsewhere in the target. The rest comes as plain chunks or as segments of deltas
//! whose source is whole here; a segment makes many chunks from one frame. To choose among segments that overlap is set cover, so this
//! is not the best there is, but it is never dearer than any one delta alone, nor than all chunks plain: a release that has a delta
//! from nothing never costs more than the part compressed.

use chunk::{Manifest, delta::Delta};
use model::ChunkId;
use std::{
    collections::{BTreeMap, BTreeSet, BinaryHeap},
    ops::Range,
};

/// One segment of a delta: a frame that makes chunks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Segment {
    /// The chunks that it makes, as ranges of their numbers in the manifest.
    pub chunks: Vec<Range<usize>>,
    /// The frame, which travels as a chunk.
    pub frame: ChunkId,
    /// Its length in bytes.
    pub bytes: u64,
}

/// What a delta offers for a part: its segments, if it makes this part and its source is whole here; none else. `here` are the hashes of
/// the whole files that are.
pub fn segments(delta: &Delta, part: &Manifest, here: &[[u8; 32]]) -> Vec<Segment> {
    let has_source = delta.old_size == 0 || here.contains(&delta.old);
    if delta.new != part.hash || !has_source {
        return Vec::new();
    }
    let segment = |segment: &chunk::delta::Segment| Segment {
        chunks: segment.chunks.clone(),
        frame: segment.frame,
        bytes: u64::from(segment.frame_bytes),
    };
    delta.segments.iter().map(segment).collect()
}

/// Where a chunk lies on this card.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Near {
    /// In the slot that runs.
    Slot,
    /// In the chunk store.
    Store,
    /// In the target, as the chunk with this number.
    Target(usize),
}

/// How to come by chunks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Way {
    /// From this card.
    Copy,
    /// As it is, from whoever has it.
    Plain,
    /// Made from a frame: which delta, and which of its segments.
    Segment(usize, usize),
}

/// A step of a plan: chunks that come by one way, and where they go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Task {
    /// How to come by them.
    pub way: Way,
    /// Where it is on this card, for a copy.
    pub near: Option<Near>,
    /// The numbers of the chunks to be written, all that are the same among them.
    pub writes: Vec<usize>,
    /// What is fetched for it, in bytes, at most.
    pub fetches: u64,
}

/// What there is to plan with.
pub struct Ground<'a> {
    /// The part.
    pub manifest: &'a Manifest,
    /// The chunks that are in their places, checked.
    pub there: &'a BTreeSet<usize>,
    /// Where a chunk lies on this card, but for the target.
    pub near: &'a dyn Fn(&ChunkId) -> Option<Near>,
    /// The deltas whose source is whole here.
    pub deltas: &'a [Vec<Segment>],
    /// Segments that were tried and are of no use, as (delta, segment).
    pub useless: &'a BTreeSet<(usize, usize)>,
}

/// The steps, those from this card first.
pub fn plan(ground: &Ground<'_>) -> Vec<Task> {
    let mut needs = Needs::of(ground);
    let mut tasks = needs.copies(ground);
    let segments = needs.segments(ground);
    let chosen = choose(&needs.lengths, &segments);
    for segment in chosen {
        tasks.push(needs.task(&segments[segment]));
    }
    let left: Vec<ChunkId> = needs.lengths.keys().copied().collect();
    for id in left {
        let fetches = needs.lengths[&id];
        let writes = needs.take(&id);
        tasks.push(Task { way: Way::Plain, near: None, writes, fetches });
    }
    tasks.sort_by_key(|task| (task.way != Way::Copy, task.writes.first().copied()));
    tasks
}

/// The chunks that are missing, each name once.
struct Needs {
    lengths: BTreeMap<ChunkId, u64>,
    places: BTreeMap<ChunkId, Vec<usize>>,
}

/// A segment by what it makes of the missing chunks.
struct Candidate {
    way: (usize, usize),
    bytes: u64,
    makes: Vec<ChunkId>,
}

impl Needs {
    fn of(ground: &Ground<'_>) -> Self {
        let mut needs = Self { lengths: BTreeMap::new(), places: BTreeMap::new() };
        for (number, (id, length)) in ground.manifest.chunks.iter().enumerate() {
            if !ground.there.contains(&number) {
                needs.lengths.insert(*id, u64::from(*length));
                needs.places.entry(*id).or_default().push(number);
            }
        }
        needs
    }

    fn take(&mut self, id: &ChunkId) -> Vec<usize> {
        self.lengths.remove(id);
        self.places.remove(id).unwrap_or_default()
    }

    fn copies(&mut self, ground: &Ground<'_>) -> Vec<Task> {
        let chunks = &ground.manifest.chunks;
        let placed = ground.there.iter().filter_map(|number| Some((chunks.get(*number)?.0, *number)));
        let placed: BTreeMap<ChunkId, usize> = placed.collect();
        let here = |id: &ChunkId| (ground.near)(id).or_else(|| placed.get(id).copied().map(Near::Target));
        let found: Vec<(ChunkId, Near)> =
            self.lengths.keys().filter_map(|id| Some((*id, here(id)?))).collect();
        let task = |(id, near): (ChunkId, Near)| Task {
            way: Way::Copy,
            near: Some(near),
            writes: self.take(&id),
            fetches: 0,
        };
        found.into_iter().map(task).collect()
    }

    fn segments(&self, ground: &Ground<'_>) -> Vec<Candidate> {
        let mut all = Vec::new();
        for (delta, segments) in ground.deltas.iter().enumerate() {
            for (number, segment) in segments.iter().enumerate() {
                let numbers = segment.chunks.iter().cloned().flatten();
                let ids = numbers.filter_map(|number| Some(ground.manifest.chunks.get(number)?.0));
                let makes: BTreeSet<ChunkId> = ids.filter(|id| self.lengths.contains_key(id)).collect();
                let way = (delta, number);
                if !makes.is_empty() && !ground.useless.contains(&way) {
                    all.push(Candidate { way, bytes: segment.bytes, makes: makes.into_iter().collect() });
                }
            }
        }
        all
    }

    fn task(&mut self, segment: &Candidate) -> Task {
        let mut writes: Vec<usize> = segment.makes.iter().flat_map(|id| self.take(id)).collect();
        writes.sort_unstable();
        let way = Way::Segment(segment.way.0, segment.way.1);
        Task { way, near: None, writes, fetches: segment.bytes }
    }
}

/// The cheapest of: greedily from all deltas; each delta alone; none. The segments' places in the list.
fn choose(lengths: &BTreeMap<ChunkId, u64>, segments: &[Candidate]) -> Vec<usize> {
    let deltas: BTreeSet<usize> = segments.iter().map(|segment| segment.way.0).collect();
    let alone = |delta: usize| (0..segments.len()).filter(|at| segments[*at].way.0 == delta).collect();
    let mut ways: Vec<Vec<usize>> = deltas.into_iter().map(alone).collect();
    ways.push(greedy(lengths, segments));
    ways.push(Vec::new());
    let ways = ways.into_iter().map(|way| Cover::new(lengths, segments, way).pruned());
    ways.min_by_key(|(cost, _)| *cost).map(|(_, way)| way).unwrap_or_default()
}

/// Takes the segment that saves most, until none saves anything. What one saves only shrinks, so it is reckoned again just when it
/// comes to the top (Minoux's lazy greedy).
fn greedy(lengths: &BTreeMap<ChunkId, u64>, segments: &[Candidate]) -> Vec<usize> {
    let mut open = lengths.clone();
    let saves = |open: &BTreeMap<ChunkId, u64>, at: usize| {
        let plain: u64 = segments[at].makes.iter().filter_map(|id| open.get(id)).sum();
        plain.saturating_sub(segments[at].bytes)
    };
    let mut heap: BinaryHeap<(u64, usize)> = (0..segments.len()).map(|at| (saves(&open, at), at)).collect();
    let mut chosen = Vec::new();
    while let Some((said, at)) = heap.pop() {
        let saved = saves(&open, at);
        if saved == 0 {
            continue;
        }
        if saved < said {
            heap.push((saved, at));
            continue;
        }
        for id in &segments[at].makes {
            open.remove(id);
        }
        chosen.push(at);
    }
    chosen
}

/// A choice of segments, and how often each chunk is made by them.
struct Cover<'a> {
    lengths: &'a BTreeMap<ChunkId, u64>,
    segments: &'a [Candidate],
    chosen: Vec<usize>,
    made: BTreeMap<ChunkId, usize>,
}

impl<'a> Cover<'a> {
    fn new(lengths: &'a BTreeMap<ChunkId, u64>, segments: &'a [Candidate], chosen: Vec<usize>) -> Self {
        let mut made = BTreeMap::new();
        for id in chosen.iter().flat_map(|at| &segments[*at].makes) {
            *made.entry(*id).or_insert(0) += 1;
        }
        Self { lengths, segments, chosen, made }
    }

    /// Leaves out, the dearest first, what costs no less than the chunks that it alone makes; gives what is fetched in all, too.
    fn pruned(mut self) -> (u64, Vec<usize>) {
        self.chosen.sort_by_key(|at| std::cmp::Reverse(self.segments[*at].bytes));
        let mut kept = Vec::new();
        for at in std::mem::take(&mut self.chosen) {
            let segment = &self.segments[at];
            let alone = segment.makes.iter().filter(|id| self.made[id] == 1);
            let plain: u64 = alone.map(|id| self.lengths[id]).sum();
            if plain > segment.bytes {
                kept.push(at);
                continue;
            }
            for id in &segment.makes {
                self.made.entry(*id).and_modify(|times| *times -= 1);
            }
        }
        let plain = self.lengths.iter().filter(|(id, _)| self.made.get(id).copied().unwrap_or(0) == 0);
        let plain: u64 = plain.map(|(_, length)| length).sum();
        let frames: u64 = kept.iter().map(|at| self.segments[*at].bytes).sum();
        (plain + frames, kept)
    }
}

/// What a plan fetches, in bytes, at most.
pub fn fetched(tasks: &[Task]) -> u64 {
    tasks.iter().map(|task| task.fetches).sum()
}
