//! Answers to peers, read from the store and the chunks beside the keeper.

use crate::{blobs::Blobs, devices::chain};
use model::ChunkId;
use std::sync::{Arc, Mutex, PoisonError};
use store::GitObjects;
use sync::{ChunkSource, Request, Server};

/// What is read for peers.
pub struct Answers {
    inner: Mutex<(Server, GitObjects)>,
    blobs: Arc<Blobs>,
}

/// The chunks of this box, to give to others.
struct Given<'a>(&'a Blobs);

impl ChunkSource for Given<'_> {
    fn get(&self, id: &ChunkId) -> Option<Vec<u8>> {
        self.0.chunk(id)
    }
}

impl Answers {
    /// Reads from these.
    pub fn new(objects: GitObjects, blobs: Arc<Blobs>) -> Self {
        Self { inner: Mutex::new((Server::new(), objects)), blobs }
    }

    /// The answer to a request, with about so many bytes; none if the store cannot be read.
    pub fn answer(&self, request: &Request, budget: u32) -> Option<Vec<u8>> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let (server, objects) = &mut *inner;
        match server.serve(objects, &Given(&self.blobs), request, budget) {
            Ok(response) => Some(response.to_bytes()),
            Err(error) => {
                tracing::error!(error = %chain(&error), "a peer's request cannot be answered");
                None
            }
        }
    }
}
