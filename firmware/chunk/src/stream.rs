//! Cuts a file while it is read: the chunks of [`cut`](crate::cut), in bounded memory.
//!
//! The buffer holds a few times `max` bytes, whatever the file's size. An error of the reader ends the
//! stream: the cuts after it would be others than those of the whole file.

use std::io::{self, Read};

use crate::Cutter;

/// Read this much more than one chunk needs, so that the buffer is moved seldom.
const AHEAD_BYTES: usize = 1 << 20;

/// The chunks of what a reader gives.
#[derive(Debug)]
pub struct Stream<R> {
    cutter: Cutter,
    reader: R,
    /// History, then what is not cut yet; beyond `filled` space for reading.
    buffer: Vec<u8>,
    filled: usize,
    /// Where the next chunk begins.
    start: usize,
    ended: bool,
}

impl<R: Read> Stream<R> {
    /// A stream at the beginning of a file.
    pub fn new(cutter: Cutter, reader: R) -> Self {
        Self { cutter, reader, buffer: Vec::new(), filled: 0, start: 0, ended: false }
    }

    /// Reads until the next chunk's end can be told.
    fn fill(&mut self) -> io::Result<()> {
        let needed = self.cutter.sizes().max() as usize;
        if self.ended || self.filled - self.start >= needed {
            return Ok(());
        }
        self.make_room(needed + AHEAD_BYTES);
        while !self.ended && self.filled - self.start < needed {
            match self.reader.read(&mut self.buffer[self.filled..]) {
                Ok(0) => self.ended = true,
                Ok(read) => self.filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Drops what is cut, but for the history that the cutter wants.
    fn make_room(&mut self, ahead: usize) {
        let history = self.start.min(self.cutter.history());
        self.buffer.copy_within(self.start - history..self.filled, 0);
        self.filled -= self.start - history;
        self.start = history;
        self.buffer.resize(self.cutter.history() + ahead, 0);
    }

    fn take(&mut self) -> Option<Vec<u8>> {
        let bytes = &self.buffer[..self.filled];
        (self.start < bytes.len()).then(|| {
            let end = self.cutter.end(bytes, self.start);
            bytes[std::mem::replace(&mut self.start, end)..end].to_vec()
        })
    }
}

impl<R: Read> Iterator for Stream<R> {
    type Item = io::Result<Vec<u8>>;

    fn next(&mut self) -> Option<io::Result<Vec<u8>>> {
        match self.fill() {
            Ok(()) => self.take().map(Ok),
            Err(error) => {
                (self.ended, self.filled) = (true, self.start);
                Some(Err(error))
            }
        }
    }
}
