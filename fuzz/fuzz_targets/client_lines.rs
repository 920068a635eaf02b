//! Any bytes in any pieces: the lines that come out are those of the whole, and none is over the limit.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lines::Lines;

// The client keeps its lines to itself, so the file is taken as it is.
#[path = "../../firmware/dapp/src/client/lines.rs"]
mod lines;

fuzz_target!(|input: (u8, Vec<Vec<u8>>)| {
    let (limit, pieces) = (usize::from(input.0), input.1);
    let mut lines = Lines::new(limit);
    let got: Result<Vec<_>, _> = pieces.iter().map(|piece| lines.push(piece)).collect();
    let whole = pieces.concat();
    let mut wanted: Vec<&[u8]> = whole.split(|byte| *byte == b'\n').collect();
    assert_eq!(got.is_err(), wanted.iter().any(|line| line.len() > limit));
    wanted.pop(); // what follows the last newline is no line yet
    wanted.retain(|line| !line.iter().all(u8::is_ascii_whitespace));
    if let Ok(got) = got {
        assert_eq!(got.concat(), wanted);
    }
});
