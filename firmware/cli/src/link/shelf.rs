//! The chunks of this box, for a command that keeps and reads many of them: the way in is found once.
//!
//! Nothing that is put here is in the ledger yet. It is kept from the collection for an hour, which is the time to propose what names it.
//! While no ledgerd runs the home is locked until the shelf is dropped, so it is dropped before anything is proposed.

use super::{Checked, Way, still, way};
use crate::{
    agent_client::{AgentClient, with_query},
    context::Context,
    error::Result,
    progress::Progress,
};
use agent::{
    blobs::Blobs,
    core::Core,
    wire::{Done, Stored},
};
use anyhow::Context as _;
use chunk::{Cutter, FileHasher, Manifest, chunk_id};
use model::{ChunkId, StatePath};
use std::{
    io::{Cursor, Read},
    sync::Arc,
};

/// The chunks of this box.
pub struct Shelf<'c> {
    context: &'c Context,
    place: Place,
}

enum Place {
    Agent(AgentClient),
    /// The home is this process's as long as it holds the core.
    Still {
        _core: Box<Core>,
        blobs: Arc<Blobs>,
    },
}

/// Finds the chunks: those of the ledgerd that runs, or of the home.
pub fn shelf(context: &Context) -> Result<Shelf<'_>> {
    let place = match way(context)? {
        Way::Agent(agent) => Place::Agent(agent),
        Way::Still(core) => Place::Still { blobs: still::blobs(context, &core)?, _core: core },
    };
    Ok(Shelf { context, place })
}

impl Shelf<'_> {
    /// Cuts and keeps a file of so many bytes.
    pub fn cut(&self, from: Box<dyn Read + Send>, cutter: Cutter, progress: Progress) -> Result<Stored> {
        match &self.place {
            Place::Agent(agent) => {
                let path = with_query("/v1/chunks", &[("cutter", Some(cutter.to_string()))]);
                agent.upload(&path, from, progress)
            }
            Place::Still { blobs, .. } => still::cut(blobs, from, cutter, progress),
        }
    }

    /// Keeps one chunk.
    pub fn keep(&self, bytes: Vec<u8>) -> Result<ChunkId> {
        let id = chunk_id(&bytes);
        match &self.place {
            Place::Agent(agent) => {
                let path = format!("/v1/chunks/{id}");
                let Done {} = agent.upload(&path, Cursor::new(bytes), self.silent())?;
            }
            Place::Still { blobs, .. } => drop(blobs.put_chunk(&bytes)?),
        }
        Ok(id)
    }

    /// A chunk; an error if it is not here.
    pub fn chunk(&self, id: &ChunkId) -> Result<Vec<u8>> {
        let bytes = match &self.place {
            Place::Agent(agent) => {
                let mut bytes = Vec::new();
                agent.download(&format!("/v1/chunks/{id}"), &mut bytes, &mut self.silent())?;
                bytes
            }
            Place::Still { blobs, .. } => {
                blobs.chunk(id).with_context(|| format!("the chunk {id} is not on this box, or damaged"))?
            }
        };
        anyhow::ensure!(chunk_id(&bytes) == *id, "what came is not the chunk {id}");
        Ok(bytes)
    }

    /// A file of the ledger, whole and in memory.
    pub fn file(&self, path: &StatePath, manifest: &Manifest) -> Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(usize::try_from(manifest.size)?);
        match &self.place {
            Place::Agent(agent) => {
                let path = with_query("/v1/chunks", &[("path", Some(path.to_string()))]);
                let mut check = Checked { into: &mut bytes, hasher: FileHasher::new(), size: 0 };
                agent.download(&path, &mut check, &mut self.silent())?;
                check.finish(manifest)?;
            }
            Place::Still { blobs, .. } => blobs.write(manifest, &mut bytes)?,
        }
        Ok(bytes)
    }

    fn silent(&self) -> Progress {
        Progress::of_bytes("", 0, true)
    }

    /// Progress in bytes, shown as this command shows it.
    pub fn progress(&self, what: &'static str, bytes: u64) -> Progress {
        Progress::of_bytes(what, bytes, self.context.out.json)
    }
}
