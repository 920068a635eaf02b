//! Frames on a stream: four bytes of length, big-endian, then that many bytes.
//!
//! The length is checked before anything is allocated. Format: `docs/formats/transport.md`.

use bytes::Bytes;
use iroh::endpoint::{ReadError, ReadExactError, RecvStream, SendStream, WriteError};

const HEADER: usize = 4;

/// Why there is no further frame.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The connection or the stream ended.
    #[error("the stream of frames ended")]
    Read(#[source] ReadError),
    /// In the midst of a frame.
    #[error("the stream of frames ended within a frame")]
    Torn,
    /// More than the limit.
    #[error("a frame of {bytes} bytes; {max} is the most")]
    TooLong {
        /// What its header says.
        bytes: usize,
        /// What is allowed.
        max: usize,
    },
}

/// Writes one frame.
pub async fn write(stream: &mut SendStream, frame: Bytes) -> Result<(), WriteError> {
    let length = u32::try_from(frame.len()).expect("because frames are held to a limit far below");
    let header = Bytes::copy_from_slice(&length.to_be_bytes());
    stream.write_all_chunks(&mut [header, frame]).await
}

/// Reads one frame of at most `max` bytes.
pub async fn read(stream: &mut RecvStream, max: usize) -> Result<Bytes, FrameError> {
    let mut header = [0; HEADER];
    read_exact(stream, &mut header).await?;
    let bytes = u32::from_be_bytes(header) as usize;
    if bytes > max {
        return Err(FrameError::TooLong { bytes, max });
    }
    let mut frame = vec![0; bytes];
    read_exact(stream, &mut frame).await?;
    Ok(frame.into())
}

async fn read_exact(stream: &mut RecvStream, into: &mut [u8]) -> Result<(), FrameError> {
    stream.read_exact(into).await.map_err(|error| match error {
        ReadExactError::FinishedEarly(_) => FrameError::Torn,
        ReadExactError::ReadError(error) => FrameError::Read(error),
    })
}
