//! Any bytes as a segment of the write-ahead log: no panic, and what is found are events as they would be written.
//! A record stands behind a checksum that bytes by chance do not have, so events are also put into records:
//! those that were logged are found, and where a byte was damaged only those are.
#![no_main]

use libfuzzer_sys::{arbitrary, fuzz_target};
use model::Event;

// The log keeps its records to itself, so the file is taken as it is.
#[expect(dead_code, reason = "only the writer is used; the reader under test is the store's")]
#[path = "../../firmware/store/src/wal/record.rs"]
mod record;

#[derive(arbitrary::Arbitrary, Debug)]
struct Input<'a> {
    segment: &'a [u8],
    /// Number, events before it in the same append, and line of each record.
    records: Vec<(u64, u32, Line<'a>)>,
    damage: Option<(u16, u8)>,
}

#[derive(arbitrary::Arbitrary, Debug)]
enum Line<'a> {
    Any(&'a str),
    Event { at: u64, text: &'a str, number: f64 },
}

fuzz_target!(|input: Input| {
    found(input.segment);
    let (mut segment, mut logged) = (Vec::new(), Vec::new());
    for (seq, lead, line) in &input.records {
        let line = line.with(*seq);
        if line.contains("LWA1") {
            continue; // what looks like a record inside of one is no test of damage
        }
        record::encode(&mut segment, *seq, *lead, &line);
        let event = Event::parse(&line).ok().filter(|event| event.seq == *seq && u64::from(*lead) <= *seq);
        logged.extend(event);
    }
    match input.damage.filter(|_| !segment.is_empty()) {
        None => assert_eq!(found(&segment), logged),
        Some((at, byte)) => {
            let at = usize::from(at) % segment.len();
            segment[at] ^= byte;
            assert!(found(&segment).iter().all(|event| logged.contains(event)));
        }
    }
});

fn found(segment: &[u8]) -> Vec<Event> {
    let events: Vec<Event> = store::wal::whole_events(segment).collect();
    for event in &events {
        let line = event.to_line().expect("because what was read is an event");
        assert_eq!(&Event::parse(&line).expect("because it is canonical"), event);
    }
    events
}

impl Line<'_> {
    fn with(&self, seq: u64) -> String {
        let (at, data) = match self {
            Self::Any(line) => return line.to_string(),
            Self::Event { at, text, number } => (at, serde_json::json!({"number": number, "text": text})),
        };
        format!("{{\"at\":{at},\"dapp\":\"doorbot\",\"data\":{data},\"kind\":\"access\",\"seq\":{seq}}}\n")
    }
}
