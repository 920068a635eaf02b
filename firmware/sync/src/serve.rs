//! Answers to requests, from this box's own store.
//!
//! An answer of blocks goes oldest first and ends at its budget; the next request names the block that came last, and goes on
//! after it. The order is worked out once and kept for the few peers that fetch at the same time. Each answer
//! can be checked and stored by itself, and a server that forgot everything goes on as well, only slower.

use crate::{
    chunks,
    fresh::{BlockObjects, Fresh},
    pack::{PackWriter, cost},
    request::Request,
    response::Response,
    walk,
};
use ledger::{Objects, ReadError};
use model::{BlockId, ChunkId, ObjectId};
use std::collections::{HashSet, VecDeque};

/// For so many questions the order of the answer is remembered.
const MAX_PLANS: usize = 8;
/// The most that a block's objects may cost together. A larger one is not served; none is made.
pub const MAX_BLOCK_COST: u32 = 64 << 20;

/// Where chunks are read from.
pub trait ChunkSource {
    /// The plain bytes of a chunk; `None` if it is not here or damaged.
    fn get(&self, id: &ChunkId) -> Option<Vec<u8>>;
}

/// A box without chunks.
impl ChunkSource for () {
    fn get(&self, _: &ChunkId) -> Option<Vec<u8>> {
        None
    }
}

/// Answers requests, and remembers where answers ended that go on. One serves all peers.
#[derive(Debug, Default)]
pub struct Server {
    plans: VecDeque<Plan>,
    fresh: Fresh,
}

/// The blocks that answer a question, in their order.
#[derive(Debug)]
struct Plan {
    want: Vec<BlockId>,
    have: Vec<BlockId>,
    order: Vec<BlockId>,
    /// Where the last answer ended, to find its block quickly.
    next: usize,
}

impl Plan {
    /// Where an answer begins whose asker has got everything up to `after`.
    fn start(&self, after: Option<BlockId>) -> Option<usize> {
        let Some(after) = after else { return Some(0) };
        if self.next.checked_sub(1).and_then(|last| self.order.get(last)) == Some(&after) {
            return Some(self.next);
        }
        self.order.iter().position(|id| *id == after).map(|place| place + 1)
    }
}

impl Server {
    /// A server that has answered nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers one request with content that costs at most `budget`, less if the request asks for less.
    pub fn serve(
        &mut self,
        objects: &dyn Objects,
        chunks: &dyn ChunkSource,
        request: &Request,
        budget: u32,
    ) -> Result<Response, ReadError> {
        match request {
            Request::Blocks { want, have, after, max_bytes } => {
                let plan = self.plan(objects, want, have, *after)?;
                self.blocks(objects, plan, *after, *max_bytes, budget)
            }
            Request::Chunks { ids, max_bytes } => {
                Ok(Response::Chunks { frames: chunks::write(chunks, ids, *max_bytes, budget) })
            }
        }
    }

    /// The plan for a question, taken out of the memory or made.
    fn plan(
        &mut self,
        objects: &dyn Objects,
        want: &[BlockId],
        have: &[BlockId],
        after: Option<BlockId>,
    ) -> Result<Plan, ReadError> {
        let same = |plan: &Plan| plan.want == want && plan.have == have && plan.start(after).is_some();
        if let Some(plan) = self.plans.iter().position(same).and_then(|place| self.plans.remove(place)) {
            return Ok(plan);
        }
        let known: Vec<BlockId> = have.iter().copied().chain(after).collect();
        let order = walk::missing(objects, want, &known)?;
        Ok(Plan { want: want.to_vec(), have: have.to_vec(), order, next: 0 })
    }

    fn blocks(
        &mut self,
        objects: &dyn Objects,
        mut plan: Plan,
        after: Option<BlockId>,
        max_bytes: u32,
        budget: u32,
    ) -> Result<Response, ReadError> {
        // A plan that was made anew has nothing of what came before in it.
        plan.next = plan.start(after).unwrap_or(0);
        let mut answer = Answer::new(max_bytes, budget);
        while let Some(id) = plan.order.get(plan.next) {
            let list = self.fresh.objects_of(objects, (*id).into())?;
            match list.map_or(Fits::Never, |list| answer.add(list)) {
                Fits::Yes => plan.next += 1,
                Fits::Not => break,
                Fits::Alone(bytes) => {
                    self.keep(plan);
                    return Ok(Response::Larger { bytes });
                }
                // A block that is damaged here is no answer; nor is anything above it.
                Fits::Never => plan.order.truncate(plan.next),
            }
        }
        let more = plan.next < plan.order.len();
        if more {
            self.keep(plan);
        }
        Ok(Response::Blocks { more, pack: answer.pack.finish() })
    }

    fn keep(&mut self, plan: Plan) {
        self.plans.push_front(plan);
        self.plans.truncate(MAX_PLANS);
    }
}

/// Whether a block goes into an answer.
enum Fits {
    Yes,
    /// Not into this one, which is not empty.
    Not,
    /// Into one that is as large as this.
    Alone(u32),
    /// Into none.
    Never,
}

/// A pack in the making, each object in it once.
struct Answer {
    pack: PackWriter,
    sent: HashSet<ObjectId>,
    max: u64,
    left: u64,
}

impl Answer {
    fn new(max_bytes: u32, budget: u32) -> Self {
        let left = u64::from(max_bytes.min(budget));
        Self { pack: PackWriter::new(), sent: HashSet::new(), max: max_bytes.into(), left }
    }

    /// Puts a block's objects in. The first block may go over the budget, but not over what the peer reads.
    fn add(&mut self, list: BlockObjects) -> Fits {
        let new = || list.iter().filter(|(id, _)| !self.sent.contains(id));
        let whole: u64 = new().map(|(_, object)| cost(object.bytes.len())).sum();
        let first = self.pack.count() == 0;
        match whole {
            _ if whole <= self.left => {}
            _ if !first => return Fits::Not,
            _ if whole > u64::from(MAX_BLOCK_COST) => return Fits::Never,
            _ if whole > self.max => return Fits::Alone(u32::try_from(whole).unwrap_or(MAX_BLOCK_COST)),
            _ => {}
        }
        self.left = self.left.saturating_sub(whole);
        for (id, object) in list {
            if self.sent.insert(id) {
                self.pack.add(&object);
            }
        }
        Fits::Yes
    }
}

/// Answers one request; where a long answer goes on is looked up from the start each time.
pub fn serve(
    objects: &dyn Objects,
    chunks: &dyn ChunkSource,
    request: &Request,
    budget: u32,
) -> Result<Response, ReadError> {
    Server::new().serve(objects, chunks, request, budget)
}
