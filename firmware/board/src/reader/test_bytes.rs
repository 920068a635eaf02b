//! What the decoders' tests share.

use super::{Decoder, Reading};
use model::{CardNumber, Millis};

/// What a decoder makes of bytes that come without a silence.
pub(super) fn at_once(mut decoder: impl Decoder, bytes: &[u8]) -> Vec<Reading> {
    bytes.iter().filter_map(|byte| decoder.push(*byte, Millis(0))).collect()
}

/// The cards among readings.
pub(super) fn cards(readings: &[Reading]) -> Vec<CardNumber> {
    let card = |reading: &Reading| match reading {
        Reading::Card(card) => Some(*card),
        Reading::Bad(_) => None,
    };
    readings.iter().filter_map(card).collect()
}

/// Cards of these numbers, to compare with: a card does not show its own.
pub(super) fn these(numbers: &[u64]) -> Vec<CardNumber> {
    numbers.iter().copied().map(CardNumber::new).collect()
}
