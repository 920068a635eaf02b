//! Any text as a line of the log: an error, or an event that is written as it was read. Any event that a dapp
//! can ask for and that can be written can be read: else it would be acknowledged, and lost at the next start.
#![no_main]

use dapp::wire::EventRequest;
use libfuzzer_sys::fuzz_target;
use model::{Event, Millis};

fuzz_target!(|text: &str| {
    if let Ok(event) = Event::parse(text) {
        assert_eq!(event.to_line().expect("because what was read is an event"), text);
    }
    let Ok(EventRequest { kind, data }) = serde_json::from_str(text) else { return };
    let dapp = "doorbot".parse().expect("because it is a name");
    let event = Event { at: Millis(5), dapp, data, kind, seq: 1 };
    if let Ok(line) = event.to_line() {
        assert_eq!(Event::parse(&line).expect("because it was written"), event);
    }
});
