//! Any document as a door, a schedule and a person: an error, or something that can be asked. A badge that
//! nobody has opens nothing.
#![no_main]

use dapp::kit::time::Now;
use doorbot::{
    access::{Outcome, Question},
    door_document::DoorDocument,
    schedule::Schedule,
    view::View,
};
use jiff::tz::TimeZone;
use libfuzzer_sys::fuzz_target;
use model::{BadgeDigest, Document, Millis};

const PATHS: [&str; 3] = ["doorbot/doors/front.toml", "doorbot/schedules/nights.toml", "people/alice.toml"];

fuzz_target!(|input: (&[u8], u64, bool)| {
    let (bytes, at, trusted) = input;
    let Ok(document) = Document::parse(bytes) else { return };
    let json = serde_json::Value::from(document.to_json());
    let documents: Vec<_> =
        PATHS.iter().map(|path| serde_json::json!({"path": path, "document": json})).collect();
    let line = serde_json::json!({"type": "snapshot", "documents": documents}).to_string();
    let mut view = View::default();
    view.take(serde_json::from_str(&line).expect("because it is a line of the watch"));
    let now = Now {
        at: Millis(at),
        trusted,
        stale_ms: at,
        zone: TimeZone::get("America/Detroit").expect("bundled"),
    };
    if let Ok(schedule) = Schedule::parse(&json.to_string()) {
        schedule.is_open(now.at, &now.zone);
        schedule.next_opening(now.at, &now.zone);
    }
    if let Ok(door) = DoorDocument::parse(&json.to_string()) {
        let name = "front".parse().expect("because it is a name");
        let question = Question { view: &view, name: &name, door: &door, now: &now };
        assert_eq!(question.decide(&[BadgeDigest::new([7; 32])]).outcome, Outcome::Unknown);
        let alice = view.people().get(&"alice".parse().expect("because it is a name"));
        for badge in alice.iter().flat_map(|person| person.badges.iter()) {
            question.decide(&[badge.digest]);
        }
    }
});
