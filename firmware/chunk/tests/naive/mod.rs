//! Cutters written from their rules alone.

/// The lengths of the chunks by the rule alone: the fingerprint is worked out anew at each byte, bit by bit.
pub fn naive_rabin(bytes: &[u8], min: usize, avg: usize, max: usize) -> Vec<usize> {
    let mask = (1u64 << avg.ilog2()) - 1;
    let (mut sizes, mut size) = (Vec::new(), 0);
    for place in 1..=bytes.len() {
        size += 1;
        let window = &bytes[place.saturating_sub(32)..place];
        if (size >= min && remainder(window) & mask == mask) || size == max {
            sizes.push(std::mem::take(&mut size));
        }
    }
    sizes.extend((size > 0).then_some(size));
    sizes
}

/// The bytes as a polynomial over GF(2), modulo the polynomial of LBFS.
fn remainder(bytes: &[u8]) -> u64 {
    let bits = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| u64::from(byte >> bit & 1)));
    bits.fold(0, |rest, bit| {
        let longer = rest << 1 | bit;
        if longer >> 63 == 1 { longer ^ 0xbfe6_b8a5_bf37_8d83 } else { longer }
    })
}
