//! Any text as a board's file: an error or a board whose devices have unique names and lines.
#![no_main]

use board::BoardSpec;
use libfuzzer_sys::fuzz_target;
use std::collections::BTreeSet;

fuzz_target!(|text: &str| {
    let parent = |_: &str| Ok(include_str!("../../board/sim/board.toml").to_string());
    if let Ok(spec) = BoardSpec::parse("fuzz", text, &parent) {
        let names: BTreeSet<_> = spec.devices.iter().map(|device| &device.name).collect();
        assert_eq!(names.len(), spec.devices.len());
        let lines: Vec<_> = spec.devices.iter().flat_map(|device| device.lines()).collect();
        assert_eq!(lines.iter().collect::<BTreeSet<_>>().len(), lines.len());
    }
});
