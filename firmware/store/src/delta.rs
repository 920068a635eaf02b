//! A tree written as its difference from another tree, in git's delta format (gitformat-pack, "Deltified
//! representation").
//!
//! Not a general delta: it keeps the common begin and the common end and writes out what lies between. Trees of
//! a ledger change so: one entry gets another id, or one is added. A month of a busy door's log would otherwise
//! cost the whole day's tree again for each block.

const COPY: u8 = 0x80;
/// The most bytes of one copy; larger ones exist, but old readers of packs do not take them.
const COPY_MAX: usize = 0xffff;
/// The most bytes of one insertion.
const INSERT_MAX: usize = 0x7f;

/// How many bytes two trees share at their begin and at their end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shared {
    begin: usize,
    end: usize,
}

impl Shared {
    /// Compares two trees.
    pub(crate) fn of(base: &[u8], target: &[u8]) -> Self {
        let begin = base.iter().zip(target).take_while(|(a, b)| a == b).count();
        let (base, target) = (&base[begin..], &target[begin..]);
        let end = base.iter().rev().zip(target.iter().rev()).take_while(|(a, b)| a == b).count();
        Self { begin, end }
    }

    /// The bytes that need not be written again.
    pub(crate) fn bytes(self) -> usize {
        self.begin + self.end
    }

    /// The delta that makes `target` of `base`.
    pub(crate) fn delta(self, base: &[u8], target: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        size(&mut out, base.len());
        size(&mut out, target.len());
        copy(&mut out, 0, self.begin);
        for piece in target[self.begin..target.len() - self.end].chunks(INSERT_MAX) {
            out.push(piece.len() as u8);
            out.extend_from_slice(piece);
        }
        copy(&mut out, base.len() - self.end, self.end);
        out
    }
}

/// Seven bits a byte, the lowest first.
fn size(out: &mut Vec<u8>, mut size: usize) {
    while size > 0x7f {
        out.push(size as u8 | 0x80);
        size >>= 7;
    }
    out.push(size as u8);
}

/// Four bytes of offset and two of length, each left out when it is zero.
fn copy(out: &mut Vec<u8>, mut from: usize, mut count: usize) {
    while count > 0 {
        let length = count.min(COPY_MAX);
        let at = out.len();
        out.push(COPY);
        let bytes = (from as u32).to_le_bytes().into_iter().chain((length as u16).to_le_bytes());
        for (bit, byte) in bytes.enumerate().filter(|(_, byte)| *byte != 0) {
            out[at] |= 1 << bit;
            out.push(byte);
        }
        (from, count) = (from + length, count - length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_size(bytes: &mut impl Iterator<Item = u8>) -> usize {
        let mut size = 0;
        for shift in (0..).step_by(7) {
            let byte = bytes.next().unwrap();
            size |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        size
    }

    /// Reads a delta as gitformat-pack tells; git and gix read ours in the tests of the store.
    fn apply(base: &[u8], delta: &[u8]) -> Vec<u8> {
        let (mut out, mut delta) = (Vec::new(), delta.iter().copied());
        assert_eq!(read_size(&mut delta), base.len());
        let size = read_size(&mut delta);
        while let Some(command) = delta.next() {
            if command & COPY == 0 {
                out.extend(delta.by_ref().take(command.into()));
                continue;
            }
            let mut number = |bits: std::ops::Range<u8>| {
                bits.clone()
                    .filter(|bit| command & (1 << bit) != 0)
                    .fold(0, |sum, bit| sum | usize::from(delta.next().unwrap()) << (8 * (bit - bits.start)))
            };
            let (offset, count) = (number(0..4), number(4..7));
            out.extend_from_slice(&base[offset..offset + count]);
        }
        assert_eq!(out.len(), size);
        out
    }

    fn assert_comes_back(base: &[u8], target: &[u8]) -> usize {
        let delta = Shared::of(base, target).delta(base, target);
        assert_eq!(apply(base, &delta), target);
        delta.len()
    }

    #[test]
    fn whatever_the_two_are_the_target_comes_back() {
        let long: Vec<u8> = (0..200_000_u32).map(|i| (i.wrapping_mul(i) >> 7) as u8).collect();
        let changed = [&long[..70_000], b"changed", &long[70_100..]].concat();
        let texts: [&[u8]; 6] = [b"", b"a", b"aaaa", b"abcabc", &long, &changed];
        for base in texts {
            for target in texts {
                assert_comes_back(base, target);
            }
        }
    }

    #[test]
    fn one_changed_id_costs_little_more_than_the_id() {
        let base: Vec<u8> = (0..4000_u32).map(|i| (i % 251) as u8).collect();
        let mut target = base.clone();
        target[2000..2032].fill(255);
        assert!(assert_comes_back(&base, &target) < 32 + 16);
    }
}
