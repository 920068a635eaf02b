//! The house from outside: documents and inputs in, commands out.

use super::*;
use dapp::wire::{Clock as WireClock, DeviceKind, Info};
use model::{BlockId, Millis, OrgId};
use serde_json::{Value, json};

fn digest(n: u8) -> BadgeDigest {
    BadgeDigest::new([n; 32])
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn info() -> News {
    News::Info(Box::new(Info {
        org: OrgId::new([1; 32]),
        org_name: "Space".into(),
        timezone: "America/Detroit".into(),
        node: name("box"),
        dapp: name("doorbot"),
        head: BlockId::new([1; 32]),
        height: 1,
        protocol: 1,
        clock: WireClock { now: Millis(1_795_453_200_000), trusted: true, reason: String::new() },
        stale_ms: 0,
    }))
}

fn devices(names: &[&str]) -> News {
    let kind = |device: &str| match device.trim_end_matches("-2") {
        "strike" => DeviceKind::Relay,
        "reader" => DeviceKind::Reader,
        "door" => DeviceKind::Contact,
        "exit" => DeviceKind::Button,
        "buzzer" => DeviceKind::Buzzer,
        _ => DeviceKind::Lamp,
    };
    News::Devices(names.iter().map(|n| DeviceInfo { name: name(n), kind: kind(n), on: false }).collect())
}

fn feed(kind: &str, documents: &[(&str, Value)]) -> News {
    let documents: Vec<_> =
        documents.iter().map(|(path, document)| json!({"path": path, "document": document})).collect();
    let line = json!({"type": kind, "documents": documents, "changed": documents});
    News::Feed(serde_json::from_str(&line.to_string()).unwrap())
}

fn alice() -> Value {
    json!({"name": "Alice", "badges": {digest(1).to_string(): {}}, "certificates": {"front": {"level": 0}}})
}

const ALL: [&str; 7] = ["reader", "strike", "red", "green", "buzzer", "door", "exit"];

fn house(documents: &[(&str, Value)]) -> (House, Vec<Command>) {
    let mut house = House::default();
    let mut out = house.step(Ticks(0), info());
    out.extend(house.step(Ticks(1), feed("snapshot", documents)));
    out.extend(house.step(Ticks(2), devices(&ALL)));
    (house, out)
}

fn front() -> (House, Vec<Command>) {
    house(&[("doorbot/doors/front.toml", json!({"node": "box"})), ("people/alice.toml", alice())])
}

fn tap(reader: &str, badge: u8) -> News {
    News::Input(InputLine::Badge { device: name(reader), at: Millis(0), digests: vec![digest(badge)] })
}

fn edge(device: &str, on: bool) -> News {
    News::Input(InputLine::Edge { device: name(device), at: Millis(0), on })
}

fn kinds(commands: &[Command]) -> Vec<&'static str> {
    commands
        .iter()
        .filter_map(|c| if let Command::Event(event) = c { Some(event.kind) } else { None })
        .collect()
}

fn release(device: &str) -> Command {
    Command::Release { device: name(device) }
}

#[test]
fn at_the_start_the_door_is_made_safe_and_said_to_have_started() {
    let (_, out) = front();
    assert!(out.contains(&release("strike")));
    assert_eq!(kinds(&out), ["started"]);
}

#[test]
fn a_good_badge_sets_the_strike_first_and_its_event_waits_for_it() {
    let (mut house, _) = front();
    let out = house.step(Ticks(10), tap("reader", 1));
    match &out[0] {
        Command::Hold { device, for_ms: 4000, events } => {
            assert_eq!(*device, name("strike"));
            assert_eq!(events[0].data["person"], "alice");
            assert_eq!(events[0].data["result"], "allowed");
        }
        other => panic!("{other:?}"),
    }
    assert!(kinds(&out).is_empty(), "no event goes before the relay");
}

#[test]
fn a_badge_at_a_strange_reader_does_nothing() {
    let (mut house, _) = front();
    assert!(house.step(Ticks(10), tap("other", 1)).is_empty());
}

#[test]
fn two_doors_of_one_box_have_their_own_devices() {
    let back =
        json!({"node": "box", "resource": "front", "devices": {"strike": "strike-2", "reader": "reader-2"}});
    let documents = [
        ("doorbot/doors/front.toml", json!({"node": "box"})),
        ("doorbot/doors/back.toml", back),
        ("people/alice.toml", alice()),
    ];
    let (mut house, _) = house(&documents);
    let both: Vec<&str> = ALL.into_iter().chain(["strike-2", "reader-2"]).collect();
    house.step(Ticks(3), devices(&both));
    let out = house.step(Ticks(10), tap("reader-2", 1));
    assert!(matches!(&out[0], Command::Hold { device, .. } if *device == name("strike-2")));
    let out = house.step(Ticks(11), tap("reader", 1));
    assert!(matches!(&out[0], Command::Hold { device, .. } if *device == name("strike")));
}

#[test]
fn doors_of_other_nodes_are_left_alone() {
    let (mut house, out) = house(&[("doorbot/doors/front.toml", json!({"node": "other"}))]);
    assert_eq!(out.len(), 1, "nothing but the start: {out:?}");
    assert!(house.step(Ticks(10), tap("reader", 1)).is_empty());
}

#[test]
fn a_door_whose_document_goes_is_made_safe() {
    let (mut house, _) = front();
    house.step(Ticks(10), tap("reader", 1));
    let out = house.step(Ticks(20), feed("snapshot", &[]));
    assert!(out.contains(&release("strike")));
    assert!(out.contains(&Command::Set { device: name("green"), on: false }));
    assert_eq!(house.next_wake(Ticks(20)), None);
}

#[test]
fn a_door_that_moves_to_another_strike_lets_go_of_the_old_one() {
    let (mut house, _) = front();
    house.step(Ticks(3), devices(&["strike", "strike-2", "reader"]));
    house.step(Ticks(10), tap("reader", 1));
    let moved = json!({"node": "box", "devices": {"strike": "strike-2", "reader": "reader"}});
    let out = house.step(Ticks(20), feed("change", &[("doorbot/doors/front.toml", moved)]));
    assert_eq!(out[0], release("strike"));
    assert!(out.contains(&release("strike-2")));
}

#[test]
fn new_times_leave_an_open_strike_as_it_is() {
    let (mut house, _) = front();
    house.step(Ticks(10), tap("reader", 1));
    let slower = json!({"node": "box", "times": {"latch_ms": 9000}});
    let out = house.step(Ticks(20), feed("change", &[("doorbot/doors/front.toml", slower)]));
    assert!(!out.contains(&release("strike")), "{out:?}");
    assert!(house.step(Ticks(4010), News::Tick).contains(&release("strike")));
}

#[test]
fn a_door_without_its_strike_is_a_fault_told_once() {
    let broken = json!({"node": "box", "devices": {"strike": "lock"}});
    let (mut house, out) = house(&[("doorbot/doors/front.toml", broken)]);
    assert_eq!(kinds(&out), ["fault", "started"]);
    assert!(kinds(&house.step(Ticks(20), News::Tick)).is_empty());
}

#[test]
fn two_doors_that_name_one_device_are_a_fault_and_the_first_is_driven() {
    let door = || json!({"node": "box"});
    let documents =
        [("doorbot/doors/a.toml", door()), ("doorbot/doors/b.toml", door()), ("people/alice.toml", alice())];
    let (house, out) = house(&documents);
    assert_eq!(kinds(&out), ["fault", "started"]);
    assert!(house.doors.contains_key("a") && !house.doors.contains_key("b"));
}

#[test]
fn an_unreadable_document_is_told_and_its_door_goes_on_by_the_last_readable_one() {
    // A typo shut the door until somebody put it right.
    let (mut house, _) = front();
    let out = house.step(Ticks(20), feed("change", &[("doorbot/doors/front.toml", json!({"nod": "box"}))]));
    let [Command::Event(fault)] = &out[..] else { panic!("{out:?}") };
    assert_eq!((fault.kind, &fault.data["path"]), ("fault", &json!("doorbot/doors/front.toml")));
    assert!(fault.data["why"].as_str().unwrap().starts_with("the last readable one stays in force"));
    let out = house.step(Ticks(30), tap("reader", 1));
    assert!(matches!(&out[0], Command::Hold { .. }), "{out:?}");
}

#[test]
fn a_door_that_is_kept_but_has_lost_its_strike_is_told_with_both_faults() {
    let (mut house, _) = front();
    house.step(Ticks(20), feed("change", &[("doorbot/doors/front.toml", json!({"nod": "box"}))]));
    let out = house.step(Ticks(30), devices(&["reader"]));
    let why = out.iter().find_map(|c| if let Command::Event(e) = c { e.data["why"].as_str() } else { None });
    assert!(why.is_some_and(|why| why.contains("no strike") && why.contains("nod")), "{out:?}");
}

#[test]
fn an_unreadable_person_may_not_enter_although_the_last_readable_document_said_so() {
    let (mut house, _) = front();
    house.step(Ticks(20), feed("change", &[("people/alice.toml", json!({"expires": "soon"}))]));
    let out = house.step(Ticks(30), tap("reader", 1));
    assert!(!out.iter().any(|command| matches!(command, Command::Hold { .. })), "{out:?}");
}

#[test]
fn a_revoked_badge_stops_opening_as_soon_as_the_ledger_says_so() {
    // MakeIt's doorbot let a revoked member in until its next successful download.
    let (mut house, _) = front();
    let mut revoked = alice();
    revoked["badges"][digest(1).to_string()] = json!({"revoked": {"reason": "lost"}});
    house.step(Ticks(20), feed("change", &[("people/alice.toml", revoked)]));
    let out = house.step(Ticks(30), tap("reader", 1));
    assert!(!out.iter().any(|command| matches!(command, Command::Hold { .. })));
    assert_eq!(kinds(&out), ["access"]);
}

#[test]
fn the_view_in_memory_decides_when_everything_else_was_gone() {
    let (mut house, _) = front();
    house.step(Ticks(10), News::Lost);
    house.step(Ticks(20), devices(&ALL));
    let out = house.step(Ticks(30), tap("reader", 1));
    assert!(matches!(&out[0], Command::Hold { .. }));
}

#[test]
fn contact_and_button_reach_their_door() {
    let (mut house, _) = front();
    assert_eq!(kinds(&house.step(Ticks(10), edge("door", true))), ["door-open", "alarm"]);
    assert_eq!(kinds(&house.step(Ticks(20), edge("door", false))), ["door-closed", "alarm"]);
    assert!(matches!(&house.step(Ticks(30), edge("exit", true))[0], Command::Hold { events, .. }
        if events[0].kind == "exit"));
}

#[test]
fn lamps_that_the_board_does_not_have_are_not_set() {
    let mut house = House::default();
    house.step(Ticks(0), info());
    house.step(Ticks(1), feed("snapshot", &[("doorbot/doors/front.toml", json!({"node": "box"}))]));
    let out = house.step(Ticks(2), devices(&["strike", "reader", "red"]));
    let set: Vec<_> = out.iter().filter(|command| matches!(command, Command::Set { .. })).collect();
    assert_eq!(set, [&Command::Set { device: name("red"), on: true }]);
}

#[test]
fn at_the_stop_all_doors_are_safe() {
    let (mut house, _) = front();
    house.step(Ticks(10), tap("reader", 1));
    let out = house.step(Ticks(20), News::Stop);
    assert_eq!(out[0], release("strike"));
    assert_eq!(out.len(), 4, "the strike, two lamps and the buzzer");
}

#[test]
fn a_strike_that_failed_shows_an_error() {
    let (mut house, _) = front();
    house.step(Ticks(10), tap("reader", 1));
    let out = house.step(Ticks(20), News::RelayFailed { device: name("strike") });
    assert!(out.contains(&Command::Set { device: name("red"), on: true }));
}

fn tentative(kind: &str, documents: &[(&str, Value)]) -> News {
    let News::Feed(line) = feed(kind, documents) else { unreachable!() };
    News::Tentative(Some(line))
}

fn opens(house: &mut House, at: u64, badge: u8) -> bool {
    let opened = house.step(Ticks(at), tap("reader", badge));
    house.step(Ticks(at + 10_000), News::Tick);
    opened.iter().any(|command| matches!(command, Command::Hold { .. }))
}

#[test]
fn a_door_lets_in_by_the_tentative_state_only_if_its_document_says_so() {
    for (grants, let_in) in [("final", false), ("tentative", true)] {
        let door = ("doorbot/doors/front.toml", json!({"node": "box", "grants": grants}));
        let (mut house, _) = house(std::slice::from_ref(&door));
        assert_eq!(house.wants_tentative(), let_in);
        house.step(Ticks(3), tentative("snapshot", &[door, ("people/alice.toml", alice())]));
        assert_eq!(opens(&mut house, 100, 1), let_in, "{grants}");
    }
}

#[test]
fn a_tentative_state_that_is_not_heard_any_more_lets_nobody_in() {
    let door = ("doorbot/doors/front.toml", json!({"node": "box", "grants": "tentative"}));
    let (mut house, _) = house(std::slice::from_ref(&door));
    house.step(Ticks(3), tentative("snapshot", &[door, ("people/alice.toml", alice())]));
    house.step(Ticks(4), News::Tentative(None));
    assert!(!opens(&mut house, 100, 1));
}
