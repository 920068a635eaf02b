//! Any document as a machine, what is said of it, and a person: an error, or something that can be asked. A badge
//! that nobody has arms nothing, and a machine that was read steps and sleeps without falling over its numbers.
#![no_main]

use dapp::kit::time::{Now, Ticks};
use jiff::tz::TimeZone;
use libfuzzer_sys::fuzz_target;
use lockout::{
    access::{Outcome, Question},
    machine::{Input, Machine},
    machine_document::MachineDocument,
    view::View,
};
use model::{BadgeDigest, Document, Millis};

const PATHS: [&str; 6] = [
    "lockout/machines/saw.toml",
    "lockout/issues/saw/1.toml",
    "lockout/inspections/saw.toml",
    "lockout/grants/saw/alice.toml",
    "reservations/saw/1.toml",
    "people/alice.toml",
];

fuzz_target!(|input: (&[u8], u64, bool)| {
    let (bytes, at, trusted) = input;
    let Ok(document) = Document::parse(bytes) else { return };
    let json = serde_json::Value::from(document.to_json());
    let documents: Vec<_> =
        PATHS.iter().map(|path| serde_json::json!({"path": path, "document": json})).collect();
    let line = serde_json::json!({"type": "snapshot", "documents": documents}).to_string();
    let mut view = View::default();
    view.take(serde_json::from_str(&line).expect("because it is a line of the watch"));
    let saw = "saw".parse().expect("because it is a name");
    view.lock(&saw);
    view.is_inspection_due(&saw);
    let Ok(document) = MachineDocument::parse(&json.to_string()) else { return };
    let zone = TimeZone::get("America/Detroit").expect("bundled");
    let now = Now { at: Millis(at), trusted, stale_ms: at, zone };
    let question = Question { view: &view, name: &saw, machine: &document, now: &now };
    let digests = [BadgeDigest::new([7; 32])];
    let decision = question.decide(&digests);
    assert_eq!(decision.outcome, Outcome::Unknown);
    let mut machine = Machine::new(document.clone(), Ticks(at));
    let levels = document.devices.sensed().map(|device| (device.clone(), false)).collect();
    machine.step(Ticks(at), Input::Connected(&levels));
    machine.step(Ticks(at), Input::Badge { digests: &digests, decide: &|_| decision.clone() });
    machine.next_wake(Ticks(at));
    assert!(!machine.is_on());
});
