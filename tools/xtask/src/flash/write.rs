//! Writing a card, and reading all of it back.
//!
//! The beginning, where the partition table is, is made zeros first and written last: a card that was interrupted starts
//! nothing. Pieces that are zeros are made zeros on the card, not left out. The card's end is wiped as well, where a former
//! partition table or volume would have its copy. Then every byte is read from the card and compared.

use super::source::{ALIGN, PIECE, Source};
use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
};

/// How much of the card's end is wiped: the second copy of a GPT takes 17 KiB, a volume's or RAID's label some more.
const END: u64 = 1 << 20;

/// Where it is written to.
pub trait Card {
    /// Writes.
    fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()>;
    /// Makes zeros of it, in whatever way is quickest, so that zeros are read.
    fn zero(&mut self, at: u64, bytes: u64) -> io::Result<()>;
    /// Reads, from the card itself.
    fn read(&mut self, at: u64, into: &mut [u8]) -> io::Result<()>;
    /// Returns when everything is on the card.
    fn sync(&mut self) -> io::Result<()>;
}

/// Why a card was not written, or not well.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The image.
    #[error("the image cannot be read")]
    Image(#[source] io::Error),
    /// The card, or its reader.
    #[error(
        "the card cannot be {doing} at {} MB: was it taken out, or is it worn out? It is not usable now",
        at / 1_000_000
    )]
    Card {
        /// What we were doing.
        doing: &'static str,
        /// Where.
        at: u64,
        /// What the kernel says.
        #[source]
        source: io::Error,
    },
    /// The card does not keep what it is given.
    #[error(
        "the card does not hold what was written to it, at {} MB: it is worn out, or smaller than it says. Take another one",
        at / 1_000_000
    )]
    Differs {
        /// Where.
        at: u64,
    },
    /// A person.
    #[error("interrupted: the card is not usable now. Begin again whenever you like")]
    Interrupted,
}

/// What is being done, for a person who waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Writing.
    Write,
    /// Reading back.
    Compare,
}

/// Writing and comparing one card.
pub struct Job<'a> {
    /// What is written.
    pub source: &'a Source,
    /// How large the card is.
    pub card_bytes: u64,
    /// Set when a person wants it to end.
    pub stop: &'a AtomicBool,
    /// Told how many bytes are done of a step.
    pub told: &'a mut dyn FnMut(Step, u64),
}

impl Job<'_> {
    /// Writes the image.
    pub fn write(&mut self, card: &mut dyn Card) -> Result<(), WriteError> {
        let mut piece = Aligned::new(PIECE);
        let failed = |at| move |source| WriteError::Card { doing: "written", at, source };
        card.zero(0, self.length(0) as u64).map_err(failed(0))?;
        if let Some((at, bytes)) = self.end() {
            card.zero(at, bytes).map_err(failed(at))?;
        }
        card.sync().map_err(failed(0))?;
        let mut done = 0;
        for at in self.pieces().skip(1).chain([0]) {
            let bytes = self.expected(at, &mut piece)?;
            match is_zero(bytes) {
                true => card.zero(at, bytes.len() as u64).map_err(failed(at))?,
                false => card.write(at, bytes).map_err(failed(at))?,
            }
            if at == 0 {
                card.sync().map_err(failed(at))?;
            }
            done += self.length(at) as u64;
            (self.told)(Step::Write, done);
        }
        Ok(())
    }

    /// Reads the card and compares every byte, the wiped end as well.
    pub fn compare(&mut self, card: &mut dyn Card) -> Result<(), WriteError> {
        let (mut wanted, mut got) = (Aligned::new(PIECE), Aligned::new(PIECE));
        let failed = |at| move |source| WriteError::Card { doing: "read", at, source };
        let mut done = 0;
        for at in self.pieces() {
            let wanted = self.expected(at, &mut wanted)?;
            let got = got.part(wanted.len());
            card.read(at, got).map_err(failed(at))?;
            if let Some(byte) = differs(wanted, got) {
                return Err(WriteError::Differs { at: at + byte });
            }
            done += wanted.len() as u64;
            (self.told)(Step::Compare, done);
        }
        let Some((at, bytes)) = self.end() else { return Ok(()) };
        let got = got.part(bytes as usize);
        card.read(at, got).map_err(failed(at))?;
        if is_zero(got) { Ok(()) } else { Err(WriteError::Differs { at }) }
    }

    fn pieces(&self) -> impl Iterator<Item = u64> + use<> {
        (0..self.source.total()).step_by(PIECE)
    }

    fn length(&self, at: u64) -> usize {
        // At most a piece.
        (self.source.total() - at).min(PIECE as u64) as usize
    }

    /// What belongs there; zeros behind the image's end.
    fn expected<'p>(&self, at: u64, piece: &'p mut Aligned) -> Result<&'p [u8], WriteError> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(WriteError::Interrupted);
        }
        let bytes = piece.part(self.length(at));
        bytes.fill(0);
        let within = (self.source.bytes() - at).min(bytes.len() as u64) as usize;
        self.source.read(at, &mut bytes[..within]).map_err(WriteError::Image)?;
        Ok(bytes)
    }

    /// The card's end that is wiped, where the image does not reach it.
    fn end(&self) -> Option<(u64, u64)> {
        let card = self.card_bytes / ALIGN * ALIGN;
        let begin = card.saturating_sub(END).max(self.source.total());
        (begin < card).then(|| (begin, card - begin))
    }
}

/// The first byte that differs, by blocks, which is quicker than by bytes.
fn differs(wanted: &[u8], got: &[u8]) -> Option<u64> {
    let blocks = wanted.chunks(ALIGN as usize).zip(got.chunks(ALIGN as usize));
    let at = blocks.into_iter().position(|(wanted, got)| wanted != got)?;
    Some(at as u64 * ALIGN)
}

fn is_zero(bytes: &[u8]) -> bool {
    const ZEROS: [u8; ALIGN as usize] = [0; ALIGN as usize];
    bytes.chunks(ZEROS.len()).all(|block| block == &ZEROS[..block.len()])
}

/// Memory that begins where a device likes it to begin.
pub struct Aligned {
    bytes: Vec<u8>,
    begin: usize,
}

impl Aligned {
    /// So many zeros.
    pub fn new(length: usize) -> Self {
        let bytes = vec![0; length + ALIGN as usize];
        let begin = bytes.as_ptr().align_offset(ALIGN as usize).min(ALIGN as usize);
        Self { bytes, begin }
    }

    /// The first bytes of it.
    pub fn part(&mut self, length: usize) -> &mut [u8] {
        &mut self.bytes[self.begin..self.begin + length]
    }
}

#[cfg(test)]
#[path = "write_tests.rs"]
mod tests;
