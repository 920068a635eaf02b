//! What the machine wants done, done: on worker threads that may wait.
//!
//! A chunk comes from this box if it is here, else from whoever is connected, through [`Transit`](crate::blobs::Transit), and is written
//! straight into the slot. Only one segment of a delta is unpacked at a time, so that memory is that of one.

use super::{
    card::{Card, CardError},
    files::Files,
    limit::Limit,
    materials::{Materials, PartMaterial},
    slot_chunks::SlotChunks,
};
use crate::{
    blobs::Blobs,
    devices::chain,
    keeper::{News, Post},
};
use chunk::{chunk_id, delta::Decoder};
use model::{ChunkId, Name};
use std::{
    collections::{HashMap, HashSet},
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::RecvTimeoutError,
    },
    time::{Duration, Instant},
};
use update::{Act, Happened, Near, Place, Task, Version, Way};

/// How long a chunk is waited for that peers were asked for: twice what an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a waiting thread looks whether it is to stop.
const GLANCE: Duration = Duration::from_millis(200);

/// What became of a wish for a chunk.
pub enum Given {
    /// It came.
    Here(Vec<u8>),
    /// Nobody has it now.
    Nowhere,
    /// The agent stops.
    Stopping,
}

/// What the workers share.
pub struct Hands {
    /// The card.
    pub card: Arc<Card>,
    /// The chunk store, and what passes through it.
    pub blobs: Arc<Blobs>,
    /// What is kept beside the ledger.
    pub files: Files,
    /// How much a second may be fetched.
    pub limit: Limit,
    post: Post,
    /// Whether anybody is connected.
    anybody: Box<dyn Fn() -> bool + Send + Sync>,
    restart: Arc<dyn Fn() -> io::Result<()> + Send + Sync>,
    slot: Mutex<Option<Arc<SlotChunks>>>,
    version: Mutex<Option<Version>>,
    materials: Mutex<Option<Arc<Materials>>>,
    /// Frames that nobody had when they were wanted first.
    rare: Mutex<HashSet<ChunkId>>,
    unpacking: Mutex<()>,
    stopping: AtomicBool,
}

/// What [`Hands`] are made of.
pub struct Tools {
    /// The card.
    pub card: Arc<Card>,
    /// The chunk store.
    pub blobs: Arc<Blobs>,
    /// The folder.
    pub files: Files,
    /// Where wishes for chunks are put.
    pub post: Post,
    /// Whether anybody is connected.
    pub anybody: Box<dyn Fn() -> bool + Send + Sync>,
    /// How the box is restarted.
    pub restart: Arc<dyn Fn() -> io::Result<()> + Send + Sync>,
}

impl Hands {
    /// Nothing is known of what lies in the slots.
    pub fn new(tools: Tools) -> Self {
        let Tools { card, blobs, files, post, anybody, restart } = tools;
        Self {
            card,
            blobs,
            files,
            limit: Limit::default(),
            post,
            anybody,
            restart,
            slot: Mutex::default(),
            version: Mutex::default(),
            materials: Mutex::default(),
            rare: Mutex::default(),
            unpacking: Mutex::default(),
            stopping: AtomicBool::new(false),
        }
    }

    /// From now on nothing waits any more.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    /// Whether nothing is to be begun any more.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// What lies in the slot that runs, if it was looked at.
    pub fn slot_chunks(&self) -> Option<Arc<SlotChunks>> {
        lock(&self.slot).clone()
    }

    /// The version that runs, if it is known.
    pub fn running_version(&self) -> Option<Version> {
        lock(&self.version).clone()
    }

    /// This lies in the slot that runs; other boxes may have it from there.
    pub fn know_slot(&self, found: SlotChunks, version: Option<Version>) {
        let found = Arc::new(found);
        *lock(&self.slot) = Some(found.clone());
        *lock(&self.version) = version;
        self.blobs.lie_beside(Arc::new(move |id| found.get(id)));
    }

    /// From now on parts are made from these.
    pub fn take_up(&self, materials: Materials) {
        *lock(&self.materials) = Some(Arc::new(materials));
        lock(&self.rare).clear();
    }

    /// Does one thing.
    pub fn carry_out(&self, act: Act) -> Happened {
        let done = match act {
            Act::Save { place, bytes } => return done(self.files.save(place, &bytes)),
            Act::Boot(verb) => match self.card.boot(verb) {
                Ok((slots, result)) => return Happened::Booted(slots, result),
                Err(error) => Err(error),
            },
            Act::Look(part) => self.with_part(&part, |material| {
                Ok(Happened::Looked(self.card.look(&part, &material.manifest)?))
            }),
            Act::Fetch { part, task, places } => {
                self.with_part(&part, |material| self.fetch(&part, material, &task, &places))
            }
            Act::Sync(part) => self.card.sync(&part).map(|()| Happened::Done),
            Act::ReadBack { part, verity } => self.with_part(&part, |material| {
                let reading = self.card.read_back(&part, &material.manifest, verity.as_ref())?;
                Ok(Happened::ReadBack { bad: reading.bad, root_fits: reading.root_fits })
            }),
            Act::Restart => return done((self.restart)()),
            // The ledger is told by the thread that has the machine.
            Act::Report(_) => Ok(Happened::Done),
        };
        done.unwrap_or_else(|error| Happened::Failed(chain(&error)))
    }

    fn with_part(
        &self,
        part: &Name,
        act: impl FnOnce(&PartMaterial) -> Result<Happened, CardError>,
    ) -> Result<Happened, CardError> {
        let materials = lock(&self.materials).clone();
        match materials.as_ref().and_then(|materials| materials.part(part)) {
            Some(material) => act(material),
            None => Ok(Happened::Failed(format!("nothing is known of the part {part}"))),
        }
    }

    fn fetch(
        &self,
        part: &Name,
        material: &PartMaterial,
        task: &Task,
        places: &[Place],
    ) -> Result<Happened, CardError> {
        match task.way {
            Way::Copy => self.copy(part, material, task, places),
            Way::Plain => self.plain(part, places),
            Way::Segment(delta, segment) => self.segment(part, material, (delta, segment), places),
        }
    }

    /// From this card.
    fn copy(
        &self,
        part: &Name,
        material: &PartMaterial,
        task: &Task,
        places: &[Place],
    ) -> Result<Happened, CardError> {
        let Some(first) = places.first() else { return Ok(Happened::Done) };
        let bytes = match task.near {
            Some(Near::Slot) => self.slot_chunks().and_then(|slot| slot.get(&first.id)),
            Some(Near::Target(number)) => self.in_target(part, material, number)?,
            _ => self.blobs.chunk(&first.id),
        };
        match bytes.filter(|bytes| chunk_id(bytes) == first.id) {
            Some(bytes) => self.write(part, places, |_| Some(&bytes)),
            None => Ok(Happened::Useless),
        }
    }

    fn in_target(
        &self,
        part: &Name,
        material: &PartMaterial,
        number: usize,
    ) -> Result<Option<Vec<u8>>, CardError> {
        let place = material.offsets.get(number).zip(material.manifest.chunks.get(number));
        let Some((offset, (_, length))) = place else { return Ok(None) };
        let mut bytes = vec![0; *length as usize];
        self.card.read(self.card.running().other(), part, *offset, &mut bytes)?;
        Ok(Some(bytes))
    }

    /// As it is, from whoever has it.
    fn plain(&self, part: &Name, places: &[Place]) -> Result<Happened, CardError> {
        let Some(first) = places.first() else { return Ok(Happened::Done) };
        match self.chunk(&first.id, first.length) {
            Given::Here(bytes) => self.write(part, places, |_| Some(&bytes)),
            Given::Nowhere | Given::Stopping => Ok(Happened::Missing),
        }
    }

    /// Made from a frame, and from what the running slot has.
    fn segment(
        &self,
        part: &Name,
        material: &PartMaterial,
        (delta, segment): (usize, usize),
        places: &[Place],
    ) -> Result<Happened, CardError> {
        let Some(delta) = material.deltas.get(delta) else { return Ok(Happened::Useless) };
        let Some(wanted) = delta.segments.get(segment) else { return Ok(Happened::Useless) };
        let frame = match self.chunk(&wanted.frame, wanted.frame_bytes) {
            Given::Here(frame) => frame,
            Given::Stopping => return Ok(Happened::Missing),
            Given::Nowhere => return Ok(self.without_frame(wanted.frame)),
        };
        let _one_at_a_time = lock(&self.unpacking);
        let running = self.card.running();
        let old = |offset: u64, into: &mut [u8]| {
            self.card.read(running, part, offset, into).map_err(io::Error::other)
        };
        let made = Decoder::new(delta, &material.manifest)
            .map_err(|error| chain(&error))
            .and_then(|decoder| decoder.make(segment, &frame, old).map_err(|error| chain(&error)));
        match made {
            Ok(made) => {
                let chunks: HashMap<ChunkId, &[u8]> =
                    made.chunks().map(|(_, id, bytes)| (id, bytes)).collect();
                self.write(part, places, |place| chunks.get(&place.id).copied())
            }
            Err(error) => {
                tracing::warn!(%part, segment, error, "a segment of a delta is of no use");
                Ok(Happened::Useless)
            }
        }
    }

    /// Whoever made the delta may be away for a moment. After the second time the chunks are taken plain.
    fn without_frame(&self, frame: ChunkId) -> Happened {
        if (self.anybody)() && !lock(&self.rare).insert(frame) {
            Happened::Useless
        } else {
            Happened::Missing
        }
    }

    fn write<'b>(
        &self,
        part: &Name,
        places: &[Place],
        bytes: impl Fn(&Place) -> Option<&'b [u8]>,
    ) -> Result<Happened, CardError> {
        for place in places {
            let Some(bytes) = bytes(place) else { return Ok(Happened::Useless) };
            self.card.write(part, place, bytes)?;
        }
        Ok(Happened::Done)
    }

    /// A chunk, from this box or from another one.
    pub fn chunk(&self, id: &ChunkId, length: u32) -> Given {
        if let Some(bytes) = self.blobs.chunk(id) {
            return Given::Here(bytes);
        }
        if !(self.anybody)() {
            return Given::Nowhere;
        }
        if !self.limit.wait(u64::from(length), || self.is_stopping()) {
            return Given::Stopping;
        }
        let given = self.ask_others(*id, length);
        if !matches!(given, Given::Here(_)) {
            self.blobs.transit().forget(id);
            self.post.tell_blocking(News::Unwanted(vec![*id]));
        }
        given
    }

    fn ask_others(&self, id: ChunkId, length: u32) -> Given {
        let coming = self.blobs.transit().wait_for(id, length);
        self.post.tell_blocking(News::Wanted(vec![(id, length)]));
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if self.is_stopping() {
                return Given::Stopping;
            }
            match coming.recv_timeout(GLANCE) {
                Ok(Some(bytes)) => return Given::Here(bytes),
                Ok(None) | Err(RecvTimeoutError::Disconnected) => return Given::Nowhere,
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
        Given::Nowhere
    }
}

fn done<E: std::error::Error>(result: Result<(), E>) -> Happened {
    match result {
        Ok(()) => Happened::Done,
        Err(error) => Happened::Failed(chain(&error)),
    }
}

fn lock<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}
