//! Any bytes as a segment of the write-ahead log: no panic, and what is found are events as they would be written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use model::Event;

fuzz_target!(|segment: &[u8]| {
    for event in store::wal::whole_events(segment) {
        let line = event.to_line().expect("because what was read is an event");
        assert_eq!(Event::parse(&line).expect("because it is canonical"), event);
    }
});
