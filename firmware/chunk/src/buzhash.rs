//! The cutter of casync and desync: a rolling hash by cyclic polynomial ("buzhash") over 48 bytes.
//!
//! The rule is theirs (`docs/formats/cutters.md`), the code shares no line with either program. The fingerprint begins anew in each chunk and depends on nothing but the 48 bytes before a place, so the first
//! `min` bytes of a chunk are skipped. A chunk ends where its length is at least `min` and the fingerprint leaves the
//! rest `d - 1` when it is divided by `d`, which `avg` sets; or at `max`.

mod table;

use crate::sizes::{Limits, MAX_CHUNK_BYTES, Sizes, SizesError};
use table::TABLE;

const LIMITS: Limits = Limits {
    min: (WINDOW as u32, 1 << 20),
    avg: (WINDOW as u32, 4 << 20),
    max: (WINDOW as u32, MAX_CHUNK_BYTES),
    even: false,
};

/// The bytes that a fingerprint covers.
const WINDOW: usize = 48;

/// casync's cutter with its sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Buzhash(Sizes);

impl Buzhash {
    /// A cutter with these sizes: `min` from 48 bytes, `max` up to 8 MiB.
    pub fn new(min: u32, avg: u32, max: u32) -> Result<Self, SizesError> {
        Sizes::check(min, avg, max, &LIMITS).map(Self)
    }

    /// The rule of casync's `--chunk-size=AVG`: a quarter of it at least, four times it at most.
    pub fn of_average(avg: u32) -> Result<Self, SizesError> {
        Self::new(avg / 4, avg, avg.saturating_mul(4))
    }

    /// casync's own choice: 16, 64 and 256 KiB.
    pub fn usual() -> Self {
        Self::of_average(64 << 10).expect("because these lie within the limits")
    }

    /// The sizes.
    pub fn sizes(&self) -> &Sizes {
        &self.0
    }

    /// What fingerprints are divided by. casync measured how much longer than this its chunks come out, and takes that off;
    /// 65,536 gives 49,535.
    fn divisor(&self) -> u32 {
        let avg = f64::from(self.0.avg());
        let divisor = avg / (-1.428_888_52e-7 * avg + 1.332_375_15);
        (divisor as u32).clamp(self.0.min(), self.0.max())
    }

    /// The end of the chunk that begins at `start`.
    pub(crate) fn end(&self, bytes: &[u8], start: usize) -> usize {
        let last = bytes.len().min(start + self.0.max() as usize);
        let first = start + self.0.min() as usize;
        if first >= last { last } else { find(bytes, first, last, &Rest::of(self.divisor())).unwrap_or(last) }
    }
}

/// Whether a number leaves the largest rest when it is divided, by one multiplication (Lemire, Kaser and Kurz, "Faster remainder by
/// direct computation", 2019): in 64 bits, `number * up(2^64 / divisor)` is the fraction that the division leaves.
struct Rest {
    factor: u64,
    least: u64,
}

impl Rest {
    /// For a divisor above 1 and far below 2^32.
    fn of(divisor: u32) -> Self {
        let factor = u64::MAX / u64::from(divisor) + 1;
        Self { factor, least: factor.wrapping_mul(u64::from(divisor - 1)) }
    }

    #[inline(always)]
    fn is_largest(&self, number: u32) -> bool {
        self.factor.wrapping_mul(u64::from(number)) >= self.least
    }
}

/// The first place from `first` to `last` where a chunk may end. At least a window stands before `first`.
fn find(bytes: &[u8], first: usize, last: usize, rest: &Rest) -> Option<usize> {
    let mut print = bytes[first - WINDOW..first].iter().fold(0, |print, byte| append(print, *byte));
    if rest.is_largest(print) {
        return Some(first);
    }
    let (leaving, entering) = (&bytes[first - WINDOW..last - WINDOW], &bytes[first..last]);
    for (at, (leaving, entering)) in leaving.iter().zip(entering).enumerate() {
        print = append(print, *entering) ^ TABLE[usize::from(*leaving)].rotate_left(WINDOW as u32);
        if rest.is_largest(print) {
            return Some(first + at + 1);
        }
    }
    None
}

#[inline(always)]
fn append(print: u32, byte: u8) -> u32 {
    print.rotate_left(1) ^ TABLE[usize::from(byte)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_divisor_is_the_average_less_what_chunks_come_out_longer() {
        assert_eq!(Buzhash::usual().divisor(), 49_535);
        assert_eq!(Buzhash::of_average(16 << 10).unwrap().divisor(), 12_318);
        assert_eq!(Buzhash::new(60_000, 65_536, 65_536).unwrap().divisor(), 60_000);
    }

    proptest! {
        #[test]
        fn the_rest_is_that_of_a_division(divisor in WINDOW as u32..MAX_CHUNK_BYTES, number: u32, turn: u32) {
            let rest = Rest::of(divisor);
            let largest = |number: u32| number % divisor == divisor - 1;
            prop_assert_eq!(rest.is_largest(number), largest(number));
            let near = (turn / divisor).wrapping_mul(divisor).wrapping_sub(1);
            for number in [near.wrapping_sub(1), near, near.wrapping_add(1)] {
                prop_assert_eq!(rest.is_largest(number), largest(number));
            }
        }
    }
}
