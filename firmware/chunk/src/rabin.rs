//! The Rabin cutter of LBFS (Muthitacharoen et al., SOSP 2001), as the author of the idea uses it.
//!
//! The fingerprint of the last 32 bytes is their polynomial over GF(2) modulo [`POLYNOMIAL`]. A chunk ends
//! where its length is at least `min` and the low bits of the fingerprint are all ones, or at `max`. (All
//! ones, not zeros: a run of zero bytes has fingerprint 0 and would be cut into the shortest chunks.)
//!
//! The fingerprint runs on across cuts, so it is a function of the 32 bytes before a place and of nothing
//! else; before a file stand zeros. Hence the two short cuts below: the first `min` bytes of a chunk are
//! skipped, and the rest is scanned in four places at once, because one fingerprint alone spends its time
//! waiting for its own table.

use crate::sizes::{Limits, MAX_CHUNK_BYTES, Sizes, SizesError};

const LIMITS: Limits =
    Limits { min: (1, 1 << 20), avg: (64, 4 << 20), max: (64, MAX_CHUNK_BYTES), even: false };

/// Irreducible, of degree 63.
const POLYNOMIAL: u64 = 0xbfe6_b8a5_bf37_8d83;
const DEGREE: u32 = 63;

/// How many places are scanned at once, and how many bytes each of them goes.
const LANES: usize = 4;
const LANE: usize = 512;
const BLOCK: usize = LANES * LANE;

/// `TURN[top]`: what a fingerprint's top 8 bits become when it is multiplied by x^8.
static TURN: [u64; 256] = turn_table();
/// `LEAVE[byte]`: what a byte adds to the fingerprint when it has just left the window.
static LEAVE: [u64; 256] = leave_table();

/// The Rabin cutter with its sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rabin(Sizes);

impl Rabin {
    /// The bytes that a fingerprint covers.
    pub(crate) const WINDOW: usize = 32;

    /// A cutter with these sizes: `min` from 1 byte, `avg` and `max` from 64 bytes, `max` up to 8 MiB.
    pub fn new(min: u32, avg: u32, max: u32) -> Result<Self, SizesError> {
        Sizes::check(min, avg, max, &LIMITS).map(Self)
    }

    /// The sizes.
    pub fn sizes(&self) -> &Sizes {
        &self.0
    }

    /// Ones in as many low bits as `avg`, rounded down to a power of two, has below its top bit.
    fn mask(&self) -> u64 {
        (1 << self.0.avg().ilog2()) - 1
    }

    /// The end of the chunk that begins at `start`.
    pub(crate) fn end(&self, bytes: &[u8], start: usize) -> usize {
        let last = bytes.len().min(start + self.0.max() as usize);
        let first = start + self.0.min() as usize;
        if first >= last { last } else { find(bytes, first, last, self.mask()).unwrap_or(last) }
    }
}

/// The first place from `first` to `last` whose fingerprint has all bits of `mask`.
fn find(bytes: &[u8], first: usize, last: usize, mask: u64) -> Option<usize> {
    let mut place = first;
    let mut print = fingerprint(bytes, place);
    if print & mask == mask {
        return Some(place);
    }
    let head = last.min(first.max(Rabin::WINDOW));
    if let Some(found) = scan(bytes, &mut place, &mut print, head, mask) {
        return Some(found);
    }
    while last - place >= BLOCK {
        let block = Block::at(bytes, place, print);
        match block.scan(mask) {
            Ok(end) => (place, print) = (place + BLOCK, end),
            Err(found) => return Some(place + found),
        }
    }
    scan(bytes, &mut place, &mut print, last, mask)
}

/// The fingerprint of the (up to) 32 bytes before `place`.
fn fingerprint(bytes: &[u8], place: usize) -> u64 {
    bytes[place.saturating_sub(Rabin::WINDOW)..place].iter().fold(0, |print, &byte| append(print, byte))
}

/// Looks byte by byte until `last`; leaves `place` and `print` there if it finds nothing.
fn scan(bytes: &[u8], place: &mut usize, print: &mut u64, last: usize, mask: u64) -> Option<usize> {
    while *place < last {
        let leaving = place.checked_sub(Rabin::WINDOW).map_or(0, |at| bytes[at]);
        *print = roll(*print, leaving, bytes[*place]);
        *place += 1;
        if *print & mask == mask {
            return Some(*place);
        }
    }
    None
}

/// `LANES` neighbouring stretches of `LANE` bytes with the fingerprint before each.
struct Block<'a> {
    entering: [&'a [u8; LANE]; LANES],
    leaving: [&'a [u8; LANE]; LANES],
    prints: [u64; LANES],
}

impl<'a> Block<'a> {
    /// The block after `place`, which has the fingerprint `print` and at least 32 bytes before it.
    fn at(bytes: &'a [u8], place: usize, print: u64) -> Self {
        let lane = |from: usize| bytes[from..].first_chunk().expect("because a whole block is left");
        let starts: [usize; LANES] = std::array::from_fn(|i| place + i * LANE);
        let mut prints = starts.map(|start| fingerprint(bytes, start));
        prints[0] = print;
        Self { entering: starts.map(lane), leaving: starts.map(|s| lane(s - Rabin::WINDOW)), prints }
    }

    /// `Err` with the first place found, counted from the block's start, or else the fingerprint at its end.
    fn scan(mut self, mask: u64) -> Result<u64, usize> {
        let mut found = BLOCK + 1;
        for at in 0..LANE {
            let mut hit = false;
            for lane in 0..LANES {
                let print = roll(self.prints[lane], self.leaving[lane][at], self.entering[lane][at]);
                self.prints[lane] = print;
                hit |= print & mask == mask;
            }
            if hit {
                let lane = self.prints.iter().position(|print| print & mask == mask).unwrap_or(0);
                found = found.min(lane * LANE + at + 1);
                if lane == 0 {
                    break;
                }
            }
        }
        if found > BLOCK { Ok(self.prints[LANES - 1]) } else { Err(found) }
    }
}

/// Takes one byte into the window and one out of it.
#[inline(always)]
fn roll(print: u64, leaving: u8, entering: u8) -> u64 {
    append(print, entering) ^ LEAVE[usize::from(leaving)]
}

#[inline(always)]
fn append(print: u64, byte: u8) -> u64 {
    let top = (print >> (DEGREE - 8)) as u8;
    (print << 8) ^ TURN[usize::from(top)] ^ u64::from(byte)
}

const fn turn_table() -> [u64; 256] {
    let mut table = [0; 256];
    let mut top = 0;
    while top < 256 {
        // `append` shifts the lowest of the top bits into bit 63, where no remainder has a bit: undone here.
        table[top] = times_x8((top as u64) << (DEGREE - 8)) ^ (top as u64) << DEGREE;
        top += 1;
    }
    table
}

const fn leave_table() -> [u64; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut print = byte as u64;
        let mut steps = 0;
        while steps < Rabin::WINDOW {
            print = times_x8(print);
            steps += 1;
        }
        table[byte] = print;
        byte += 1;
    }
    table
}

/// Multiplies by x^8 modulo the polynomial, bit by bit.
const fn times_x8(mut print: u64) -> u64 {
    let mut bits = 0;
    while bits < 8 {
        print <<= 1;
        if print >> DEGREE == 1 {
            print ^= POLYNOMIAL;
        }
        bits += 1;
    }
    print
}
