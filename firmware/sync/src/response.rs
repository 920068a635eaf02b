//! Answers: a git pack, frames of chunks, or a word why not now.
//!
//! The first byte says which. Format: docs/formats/sync.md.

/// An answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Response {
    /// Blocks, oldest first.
    Blocks {
        /// Whether there are more.
        more: bool,
        /// A git pack.
        pack: Vec<u8>,
    },
    /// The next block alone needs a larger answer.
    Larger {
        /// How large: the `max_bytes` to ask with.
        bytes: u32,
    },
    /// Chunks, in frames.
    Chunks {
        /// The frames.
        frames: Vec<u8>,
    },
    /// Too much was asked of this box; ask again later.
    Later {
        /// When, in milliseconds.
        ms: u32,
    },
}

/// Bytes that are no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answer is of a form that this protocol does not have")]
pub struct ResponseError;

const BLOCKS: u8 = 1;
const MORE_BLOCKS: u8 = 2;
const LARGER: u8 = 3;
const CHUNKS: u8 = 4;
const LATER: u8 = 5;

impl Response {
    /// The answer's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (kind, rest) = match self {
            Self::Blocks { more, pack } => (if *more { MORE_BLOCKS } else { BLOCKS }, pack.as_slice()),
            Self::Larger { bytes } => (LARGER, &bytes.to_le_bytes()[..]),
            Self::Chunks { frames } => (CHUNKS, frames.as_slice()),
            Self::Later { ms } => (LATER, &ms.to_le_bytes()[..]),
        };
        [&[kind], rest].concat()
    }

    /// Reads an answer; what is in the pack or in the frames is not looked at.
    pub fn parse(bytes: &[u8]) -> Result<Self, ResponseError> {
        let (kind, rest) = bytes.split_first().ok_or(ResponseError)?;
        let number = || rest.try_into().map(u32::from_le_bytes).map_err(|_| ResponseError);
        match *kind {
            BLOCKS => Ok(Self::Blocks { more: false, pack: rest.into() }),
            MORE_BLOCKS => Ok(Self::Blocks { more: true, pack: rest.into() }),
            LARGER => Ok(Self::Larger { bytes: number()? }),
            CHUNKS => Ok(Self::Chunks { frames: rest.into() }),
            LATER => Ok(Self::Later { ms: number()? }),
            _ => Err(ResponseError),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_back_and_nothing_else_is_taken() {
        for answer in [
            Response::Blocks { more: false, pack: b"PACK".to_vec() },
            Response::Blocks { more: true, pack: Vec::new() },
            Response::Larger { bytes: 70_000 },
            Response::Chunks { frames: vec![1, 2] },
            Response::Later { ms: 250 },
        ] {
            assert_eq!(Response::parse(&answer.to_bytes()).unwrap(), answer);
        }
        for bad in [&[][..], &[0], &[6, 1], &[LATER, 1, 2, 3], &[LARGER, 1, 2, 3, 4, 5]] {
            assert_eq!(Response::parse(bad), Err(ResponseError), "{bad:?} was taken");
        }
    }
}
