//! Requests: what a box asks another one for.
//!
//! One request is one stream with one answer. A request for blocks says what is wanted and what is there already,
//! so that the same question goes on where an answer ended; one for chunks names them. Format: docs/formats/sync.md.

use crate::message::{FrameError, within};
use model::{BlockId, ChunkId};
use serde::{Deserialize, Serialize};

/// The largest request: [`MAX_WANT`] and [`MAX_HAVE`] ids and little else.
pub const MAX_REQUEST_BYTES: usize = 32 * 1024;
/// The most blocks that one request wants.
pub const MAX_WANT: usize = 256;
/// The most blocks of which a request says that they are here, with all that is below them.
pub const MAX_HAVE: usize = 512;
/// The most chunks that one request names.
pub const MAX_CHUNKS_ASKED: usize = 256;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Request {
    /// Blocks, with their files, folders and all blocks before them.
    Blocks {
        /// The newest blocks that are wanted.
        want: Vec<BlockId>,
        /// Blocks that are here, with everything below them.
        have: Vec<BlockId>,
        /// The block that came last when the same was asked before, of the same peer; what came before it is here.
        after: Option<BlockId>,
        /// Where the answer is to end, in bytes of objects; at least one block comes.
        max_bytes: u32,
    },
    /// Chunks by name.
    Chunks {
        /// The names, those that matter most first.
        ids: Vec<ChunkId>,
        /// Where the answer is to end, in bytes of chunks; at least one chunk comes.
        max_bytes: u32,
    },
}

#[derive(Serialize, Deserialize)]
enum Wire {
    Blocks { want: Vec<[u8; 32]>, have: Vec<[u8; 32]>, after: Option<[u8; 32]>, max_bytes: u32 },
    Chunks { ids: Vec<[u8; 32]>, max_bytes: u32 },
}

impl Request {
    /// The request's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let blocks = |ids: &[BlockId]| ids.iter().map(|id| *id.as_bytes()).collect();
        let wire = match self {
            Self::Blocks { want, have, after, max_bytes } => Wire::Blocks {
                want: blocks(want),
                have: blocks(have),
                after: after.map(|id| *id.as_bytes()),
                max_bytes: *max_bytes,
            },
            Self::Chunks { ids, max_bytes } => {
                Wire::Chunks { ids: ids.iter().map(|id| *id.as_bytes()).collect(), max_bytes: *max_bytes }
            }
        };
        postcard::to_stdvec(&wire).expect("because a vector takes any bytes and lists know their length")
    }

    /// Reads a request strictly.
    pub fn parse(bytes: &[u8]) -> Result<Self, FrameError> {
        within("a request", bytes.len(), MAX_REQUEST_BYTES)?;
        let (wire, rest) = postcard::take_from_bytes::<Wire>(bytes).map_err(FrameError::Decode)?;
        if !rest.is_empty() {
            return Err(FrameError::Trailing(rest.len()));
        }
        let blocks = |ids: Vec<[u8; 32]>| ids.into_iter().map(BlockId::new).collect();
        match wire {
            Wire::Blocks { want, have, after, max_bytes } => {
                within("a list of wanted blocks", want.len(), MAX_WANT)?;
                within("a list of known blocks", have.len(), MAX_HAVE)?;
                let after = after.map(BlockId::new);
                Ok(Self::Blocks { want: blocks(want), have: blocks(have), after, max_bytes })
            }
            Wire::Chunks { ids, max_bytes } => {
                within("a list of chunks", ids.len(), MAX_CHUNKS_ASKED)?;
                Ok(Self::Chunks { ids: ids.into_iter().map(ChunkId::new).collect(), max_bytes })
            }
        }
    }

    /// Where the answer is to end, in bytes.
    pub fn max_bytes(&self) -> u32 {
        match self {
            Self::Blocks { max_bytes, .. } | Self::Chunks { max_bytes, .. } => *max_bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_largest_requests_come_back_and_larger_ones_are_refused() {
        let ids = |n: usize| vec![BlockId::new([0xff; 32]); n];
        let blocks = |want, have| {
            let after = Some(BlockId::new([2; 32]));
            Request::Blocks { want: ids(want), have: ids(have), after, max_bytes: u32::MAX }
        };
        let chunks = |n| Request::Chunks { ids: vec![ChunkId::new([1; 32]); n], max_bytes: 0 };
        for good in [blocks(MAX_WANT, MAX_HAVE), blocks(0, 0), chunks(MAX_CHUNKS_ASKED)] {
            assert_eq!(Request::parse(&good.to_bytes()).unwrap(), good);
        }
        for bad in [blocks(MAX_WANT + 1, 0), blocks(0, MAX_HAVE + 1), chunks(MAX_CHUNKS_ASKED + 1)] {
            assert!(Request::parse(&bad.to_bytes()).unwrap_err().is_oversized());
        }
        assert!(Request::parse(&vec![0; MAX_REQUEST_BYTES + 1]).unwrap_err().is_oversized());
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_request_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(request) = Request::parse(&bytes) {
                prop_assert_eq!(Request::parse(&request.to_bytes()).unwrap(), request);
            }
        }
    }
}
