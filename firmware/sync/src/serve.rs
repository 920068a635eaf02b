//! Answers to requests, from this box's own store.

use crate::{request::Request, response::Response};
use ledger::{Objects, ReadError};
use model::ChunkId;

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
pub struct Server {}

impl Server {
    /// A server that has answered nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers one request with at most `budget` bytes of content, less if the request asks for less.
    pub fn serve(
        &mut self,
        objects: &dyn Objects,
        chunks: &dyn ChunkSource,
        request: &Request,
        budget: u32,
    ) -> Result<Response, ReadError> {
        let _ = (objects, chunks, request, budget);
        Ok(Response::Later { ms: 1000 })
    }
}

/// Answers one request; a long answer that goes on is looked up from the start each time.
pub fn serve(
    objects: &dyn Objects,
    chunks: &dyn ChunkSource,
    request: &Request,
    budget: u32,
) -> Result<Response, ReadError> {
    Server::new().serve(objects, chunks, request, budget)
}
