//! A request body that reads a file as it is sent, in bounded memory.

use crate::progress::Progress;
use bytes::Bytes;
use hyper::body::{Body, Frame};
use std::{
    io::{self, Read},
    pin::Pin,
    task::{Context, Poll},
};

/// How much is read at a time.
const PIECE: usize = 256 * 1024;

/// The rest of a reader.
pub struct FileBody {
    from: Box<dyn Read + Send>,
    progress: Progress,
}

impl FileBody {
    /// All that `from` still has.
    pub fn new(from: Box<dyn Read + Send>, progress: Progress) -> Self {
        Self { from, progress }
    }

    fn next(&mut self) -> io::Result<Option<Bytes>> {
        let mut piece = vec![0; PIECE];
        let length = loop {
            match self.from.read(&mut piece) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        self.progress.add(length as u64);
        piece.truncate(length);
        Ok((length > 0).then(|| piece.into()))
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Poll::Ready(self.get_mut().next().map(|piece| piece.map(Frame::data)).transpose())
    }
}
