//! Text that names a cutter is written back as it was, and the cutter cuts everything into chunks of its sizes.
//!
//! The first line is the text, the rest is cut: as a slice and as a stream, at the same places.
#![no_main]

use chunk::{Cutter, Stream, cut};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let end = data.iter().position(|&byte| byte == b'\n').unwrap_or(data.len());
    let (line, bytes) = data.split_at(end);
    let Ok(text) = std::str::from_utf8(line) else { return };
    let Ok(cutter) = text.parse::<Cutter>() else { return };
    assert_eq!(cutter.to_string(), text);
    let (min, max) = (cutter.sizes().min() as usize, cutter.sizes().max() as usize);
    let chunks: Vec<&[u8]> = cut(cutter, bytes).map(|range| &bytes[range]).collect();
    assert_eq!(chunks.concat(), bytes);
    assert!(chunks.iter().all(|chunk| chunk.len() <= max));
    assert!(chunks.iter().rev().skip(1).all(|chunk| chunk.len() >= min));
    let streamed = Stream::new(cutter, bytes).map(|chunk| chunk.expect("because a slice can be read"));
    assert!(streamed.eq(chunks));
});
