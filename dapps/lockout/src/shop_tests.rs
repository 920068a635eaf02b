//! The shop from outside: documents and inputs in, commands out.

use super::*;
use dapp::{
    kit::LogEvent,
    wire::{Clock as WireClock, DeviceKind, Info},
};
use model::{BlockId, Millis, OrgId};
use serde_json::{Value, json};

const SAW: &str = "lockout/machines/saw.toml";
const ISSUE: &str = "lockout/issues/saw/1.toml";
const NOON: u64 = 1_795_453_200_000;

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
        dapp: name("lockout"),
        head: BlockId::new([1; 32]),
        height: 1,
        protocol: 1,
        clock: WireClock { now: Millis(NOON), trusted: true, reason: String::new() },
        stale_ms: 0,
    }))
}

/// Those of board/sim-machine.
fn devices() -> News {
    let info = |(name, kind): (&str, DeviceKind)| DeviceInfo { name: name.parse().unwrap(), kind, on: false };
    let of = |kind| move |name| (name, kind);
    let contacts = ["sense", "estop", "interlock", "power-lost"].map(of(DeviceKind::Contact));
    let lamps = ["machine-red", "machine-green"].map(of(DeviceKind::Lamp));
    let buttons = ["start", "issue"].map(of(DeviceKind::Button));
    let others = [
        ("machine", DeviceKind::Relay),
        ("machine-reader", DeviceKind::Reader),
        ("machine-buzzer", DeviceKind::Buzzer),
    ];
    News::Devices(others.into_iter().chain(contacts).chain(lamps).chain(buttons).map(info).collect())
}

fn feed(kind: &str, documents: &[(&str, Value)]) -> News {
    let documents: Vec<_> =
        documents.iter().map(|(path, document)| json!({"path": path, "document": document})).collect();
    let line = json!({"type": kind, "documents": documents, "changed": documents});
    News::Feed(serde_json::from_str(&line.to_string()).unwrap())
}

fn removed(path: &str) -> News {
    News::Feed(serde_json::from_value(json!({"type": "change", "removed": [path]})).unwrap())
}

fn person(badge: u8, certificate: Value) -> Value {
    json!({"badges": {digest(badge).to_string(): {}}, "certificates": {"bandsaw": certificate}})
}

fn saw() -> Value {
    json!({"node": "box", "resource": "bandsaw", "times": {"repeat_ms": 0, "denied_ms": 100}})
}

/// A saw, Alice who may use it, Bob whose training ran out, Carol without one.
fn shop_with(more: &[(&str, Value)]) -> (Shop, Vec<Command>) {
    let mut documents = vec![
        (SAW, saw()),
        ("people/alice.toml", person(1, json!({"level": 0, "until": NOON + 1_000_000}))),
        ("people/bob.toml", person(2, json!({"level": 0, "until": NOON - 1}))),
        ("people/carol.toml", person(3, json!({"level": -2}))),
        ("people/sue.toml", person(4, json!({"level": 2}))),
    ];
    documents.extend(more.iter().cloned());
    let mut shop = Shop::default();
    let mut out = shop.step(Ticks(0), info());
    out.extend(shop.step(Ticks(1), feed("snapshot", &documents)));
    out.extend(shop.step(Ticks(2), devices()));
    (shop, out)
}

fn tap(badge: u8) -> News {
    let device = name("machine-reader");
    News::Input(InputLine::Badge { device, at: Millis(0), digests: vec![digest(badge)] })
}

fn edge(device: &str, on: bool) -> News {
    News::Input(InputLine::Edge { device: name(device), at: Millis(0), on })
}

/// Alice arms the saw at the ticks given.
fn arm(shop: &mut Shop, at: u64) -> Vec<Command> {
    let mut out = shop.step(Ticks(at), tap(1));
    out.extend(shop.step(Ticks(at), edge("start", true)));
    out.extend(shop.step(Ticks(at), edge("start", false)));
    out
}

fn holds(out: &[Command]) -> bool {
    out.iter().any(|command| matches!(command, Command::Hold { .. }))
}

fn events(out: &[Command]) -> Vec<&LogEvent> {
    out.iter()
        .filter_map(|command| if let Command::Event(event) = command { Some(event) } else { None })
        .collect()
}

fn kinds(out: &[Command]) -> Vec<&'static str> {
    events(out).iter().map(|event| event.kind).collect()
}

#[test]
fn a_trained_member_arms_the_machine_and_the_end_is_in_the_log() {
    let (mut shop, out) = shop_with(&[]);
    assert_eq!(kinds(&out), ["started"]);
    assert!(out.contains(&Command::Release { device: name("machine") }));
    let out = arm(&mut shop, 10);
    let relay = Command::Hold { device: name("machine"), for_ms: crate::machine::LEASE_MS, events: vec![] };
    assert!(out.contains(&relay));
    assert_eq!(kinds(&out), ["access", "session-began"]);
    let out = shop.step(Ticks(5_010), tap(1));
    let ended = events(&out).into_iter().find(|event| event.kind == "session-ended").unwrap();
    assert_eq!((&ended.data["person"], &ended.data["enabled_s"]), (&json!("alice"), &json!(5)));
    assert_eq!(ended.data["resource"], "bandsaw");
}

#[test]
fn without_the_training_the_reason_is_told() {
    for (badge, reason) in [(2, "ended on"), (3, "not confirmed"), (9, "not known")] {
        let (mut shop, _) = shop_with(&[]);
        let mut out = shop.step(Ticks(10), tap(badge));
        out.extend(shop.step(Ticks(10), edge("start", true)));
        let told = events(&out)[0].data["reason"].as_str().unwrap().to_string();
        assert!(told.contains(reason) && !holds(&out), "{told}");
    }
}

#[test]
fn a_lock_of_the_ledger_waits_for_the_session() {
    let (mut shop, _) = shop_with(&[]);
    arm(&mut shop, 10);
    let out = shop.step(Ticks(20), feed("change", &[(ISSUE, json!({"text": "smells", "locks": true}))]));
    assert_eq!(events(&out)[0].data["state"], "pending");
    let out = shop.step(Ticks(3_000), tap(1));
    assert_eq!(kinds(&out), ["access", "session-ended", "lockout"]);
    let out = shop.step(Ticks(4_000), tap(1));
    assert!(events(&out)[0].data["reason"].as_str().unwrap().contains("smells"));
    assert_eq!(kinds(&shop.step(Ticks(9_000), tap(4))), ["access", "session-began"], "a supervisor may");
}

#[test]
fn a_machine_in_use_keeps_its_document_until_the_session_ends() {
    let (mut shop, _) = shop_with(&[]);
    arm(&mut shop, 10);
    let strict = json!({"node": "box", "resource": "bandsaw", "level_min": 1, "times": {"repeat_ms": 0}});
    for news in [feed("change", &[(SAW, strict)]), info(), devices(), removed(SAW)] {
        let out = shop.step(Ticks(20), news);
        assert!(!out.contains(&Command::Release { device: name("machine") }), "cut by a document");
    }
    let out = shop.step(Ticks(3_000), tap(1));
    assert_eq!(kinds(&out), ["access", "session-ended"]);
    assert!(shop.step(Ticks(4_000), tap(1)).is_empty(), "it is gone");
}

#[test]
fn a_missing_contact_is_a_fault_and_the_machine_is_not_driven() {
    let drill = json!({"node": "box", "devices": {"machine": "m-2", "reader": "r-2"}});
    let shared = json!({"node": "box", "devices": {"machine": "machine", "reader": "machine-reader"}});
    let (mut shop, out) =
        shop_with(&[("lockout/machines/drill.toml", drill), ("lockout/machines/saw-2.toml", shared)]);
    let told: Vec<_> =
        events(&out).iter().filter(|event| event.kind == "fault").map(|event| &event.data["why"]).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.iter().any(|why| why.as_str().unwrap().contains("no relay m-2")), "{told:?}");
    assert!(told.iter().any(|why| why.as_str().unwrap().contains("belongs to the machine saw")), "{told:?}");
    assert!(holds(&arm(&mut shop, 10)), "the other one works");
    assert!(!kinds(&shop.step(Ticks(20), info())).contains(&"fault"), "said twice");
}

#[test]
fn the_button_writes_an_issue_that_locks_where_the_document_says_so() {
    let mut document = saw();
    document["issue_locks"] = json!(true);
    let (mut shop, _) = shop_with(&[(SAW, document)]);
    shop.step(Ticks(10), tap(1));
    let out = shop.step(Ticks(20), edge("issue", true));
    let written = out.iter().find_map(|command| match command {
        Command::Write { path, document, .. } => Some((path.to_string(), json!(document))),
        _ => None,
    });
    let (path, written) = written.unwrap();
    assert!(path.starts_with("lockout/issues/saw/at-17954532000"), "{path}");
    assert_eq!((&written["locks"], &written["by"]), (&json!(true), &json!("alice")));
    let issue = Issue::parse(&written.to_string()).unwrap();
    assert_eq!(issue.lock(), Some(BUTTON_TEXT));
}

#[test]
fn an_inspection_is_written_and_old_news_of_it_does_not_undo_it() {
    let mut document = saw();
    document["inspection"] = json!({"level_min": 2});
    let (mut shop, _) = shop_with(&[(SAW, document)]);
    arm(&mut shop, 10);
    let out = shop.step(Ticks(3_000), tap(1));
    let path = "lockout/inspections/saw.toml";
    assert!(
        out.iter().any(|command| matches!(command, Command::Write { path: p, .. } if p.as_str() == path))
    );
    shop.step(Ticks(3_100), feed("change", &[(ISSUE, json!({"text": "smells"}))]));
    let out = shop.step(Ticks(4_000), tap(1));
    assert_eq!(events(&out)[0].data["result"], "denied");
    let out = shop.step(Ticks(9_000), tap(4));
    assert_eq!(kinds(&out), ["access", "inspection"]);
    let failed = News::Written { path: path.parse().unwrap(), failed: Some("no".into()) };
    assert_eq!(kinds(&shop.step(Ticks(9_100), failed)), ["fault"]);
    assert_eq!(kinds(&shop.step(Ticks(10_000), tap(1))), ["access", "session-began"]);
}

#[test]
fn the_ledger_says_from_the_start_that_an_inspection_is_due() {
    let due = json!({"state": "due", "by": "bob", "at": 5});
    let mut document = saw();
    document["inspection"] = json!({"level_min": 2});
    let (mut shop, _) = shop_with(&[(SAW, document), ("lockout/inspections/saw.toml", due)]);
    assert_eq!(events(&shop.step(Ticks(10), tap(1)))[0].data["result"], "denied");
}

#[test]
fn a_grant_lets_somebody_without_a_certificate_in_until_it_ends_if_the_giver_may() {
    let until = NOON + 3_600_000;
    let grant = |by: &str, level: i64| json!({"by": by, "at": NOON - 5, "until": until, "level": level});
    let dan = json!({"badges": {digest(5).to_string(): {}}});
    let revoked =
        json!({"badges": {digest(5).to_string(): {}}, "certificates": {"bandsaw": {"revoked": {}}}});
    let over = json!({"by": "sue", "at": NOON - 5, "until": NOON});
    for (about, person, grant, allowed, told) in [
        ("sue may", &dan, grant("sue", 0), true, "by leave of sue until"),
        ("alice is no supervisor", &dan, grant("alice", 0), false, "alice may not give"),
        ("sue has no level 3", &dan, grant("sue", 3), false, "sue may not give"),
        ("nobody gives themself leave", &dan, grant("dan", 0), false, "dan may not give"),
        ("it is over", &dan, over, false, "no certificate"),
        ("dan was shut out", &revoked, grant("sue", 0), false, "revoked"),
    ] {
        let (mut shop, _) =
            shop_with(&[("people/dan.toml", person.clone()), ("lockout/grants/saw/dan.toml", grant)]);
        let out = shop.step(Ticks(10), tap(5));
        let event = &events(&out)[0].data;
        let said = format!("{} {}", event["reason"], event.get("warning").unwrap_or(&Value::Null));
        assert!(said.contains(told), "{about}: {said}");
        assert_eq!(event["result"] == "allowed", allowed, "{about}");
        assert_eq!(event.contains_key("granted_by"), allowed, "{about}");
    }
}

#[test]
fn a_machine_that_is_reserved_says_for_whom() {
    let of = |from: u64, until: u64| json!({"person": "sue", "from": from, "until": until, "colour": "red"});
    for (reservation, result, told) in [
        (of(NOON - 5, NOON + 60_000), "denied", "reserved for sue until"),
        (of(NOON + 60_000, NOON + 90_000), "allowed", "reserved for sue from"),
        (of(NOON - 5, NOON), "allowed", "Welcome"),
    ] {
        let (mut shop, _) = shop_with(&[("reservations/saw/1.toml", reservation)]);
        let out = shop.step(Ticks(10), tap(1));
        let event = &events(&out)[0].data;
        let said = format!("{} {}", event["reason"], event.get("warning").unwrap_or(&Value::Null));
        assert!(event["result"] == result && said.contains(told), "{result}: {said}");
    }
}

/// A saw to be maintained after an hour, which has run for all but ten seconds of it.
fn worn(more: &[(&str, Value)]) -> Shop {
    let mut document = saw();
    document["maintenance"] = json!({"hours": 1});
    let mut documents = vec![(SAW, document)];
    documents.extend(more.iter().cloned());
    shop_with(&documents).0
}

#[test]
fn the_hours_are_written_after_each_use_and_go_on_from_what_the_ledger_says() {
    let path = "lockout/inspections/saw.toml";
    let kept = json!({"state": "passed", "by": "bob", "at": 5, "ran_s": 3_590});
    let mut shop = worn(&[(path, kept)]);
    arm(&mut shop, 10);
    shop.step(Ticks(2_000), News::Tick);
    shop.step(Ticks(2_000), edge("sense", true));
    shop.step(Ticks(14_000), edge("sense", false));
    shop.step(Ticks(16_000), News::Tick);
    let out = shop.step(Ticks(16_000), tap(1));
    assert_eq!(kinds(&out), ["access", "session-ended", "maintenance"]);
    assert_eq!(events(&out)[1].data["ran_s"], 3_602);
    let written = out.iter().find_map(|command| match command {
        Command::Write { document, .. } => Some((&document["ran_s"], &document["state"])),
        _ => None,
    });
    assert_eq!(written, Some((&json!(3_602), &json!("passed"))));
    assert_eq!(events(&shop.step(Ticks(20_000), tap(1)))[0].data["result"], "denied");
    let out = shop.step(Ticks(25_000), tap(4));
    assert_eq!(kinds(&out), ["access", "maintenance"]);
    let done = out.iter().find_map(|command| match command {
        Command::Write { document, .. } => Some(&document["maintained_s"]),
        _ => None,
    });
    assert_eq!(done, Some(&json!(3_602)));
    let mut renamed = saw();
    renamed["title"] = json!("Saw");
    renamed["maintenance"] = json!({"hours": 1});
    let out = shop.step(Ticks(29_000), feed("change", &[(SAW, renamed)]));
    assert!(!kinds(&out).contains(&"maintenance"), "a new document forgets what is not in the ledger yet");
    assert_eq!(kinds(&shop.step(Ticks(30_000), tap(1))), ["access", "session-began"]);
}

#[test]
fn hours_that_never_got_into_the_ledger_are_found_in_the_log() {
    let mut shop = worn(&[]);
    let said = json!({"machine": "saw", "person": "bob", "ran_s": 3_600});
    let event = json!({"seq": 1, "at": 1, "kind": "session-running", "data": said});
    let past = News::Past(vec![serde_json::from_value(event).unwrap()]);
    assert_eq!(kinds(&shop.step(Ticks(10), past)), ["session-ended", "maintenance"]);
    assert_eq!(events(&shop.step(Ticks(20), tap(1)))[0].data["result"], "denied");
}

#[test]
fn when_the_agent_is_gone_the_session_ends_and_when_it_is_back_nothing_is_on() {
    let (mut shop, _) = shop_with(&[]);
    arm(&mut shop, 10);
    assert_eq!(kinds(&shop.step(Ticks(2_000), News::Lost)), ["session-ended"]);
    shop.step(Ticks(3_000), edge("estop", true));
    let out = shop.step(Ticks(3_100), devices());
    assert!(out.contains(&Command::Release { device: name("machine") }));
    assert!(!holds(&arm(&mut shop, 4_000)), "the edge that came before the list of devices counts");
}

#[test]
fn machines_of_a_box_share_the_contact_of_the_mains() {
    let of = |machine: &str, reader: &str| json!({"node": "box", "devices": {"machine": machine, "reader": reader, "mains_lost": "interlock"}});
    let (mut shop, out) = shop_with(&[
        (SAW, of("machine", "machine-reader")),
        ("lockout/machines/drill.toml", of("machine-2", "machine-reader-2")),
    ]);
    assert_eq!(kinds(&out), ["fault", "started"], "but for the relay that the board does not have");
    let more = [("machine-2", DeviceKind::Relay), ("machine-reader-2", DeviceKind::Reader)];
    let mut all = match devices() {
        News::Devices(devices) => devices,
        _ => Vec::new(),
    };
    all.extend(more.map(|(device, kind)| DeviceInfo { name: name(device), kind, on: false }));
    shop.step(Ticks(10), News::Lost);
    shop.step(Ticks(20), News::Devices(all));
    let out = shop.step(Ticks(30), edge("interlock", true));
    let told: Vec<_> = events(&out).iter().map(|event| &event.data["machine"]).collect();
    assert_eq!(told, ["drill", "saw"]);
}

#[test]
fn at_the_end_everything_is_off_and_the_session_has_its_event() {
    let (mut shop, _) = shop_with(&[]);
    arm(&mut shop, 10);
    let out = shop.step(Ticks(2_000), News::Stop);
    assert_eq!(kinds(&out), ["session-ended"]);
    for device in ["machine-red", "machine-green", "machine-buzzer"] {
        assert!(out.contains(&Command::Set { device: name(device), on: false }), "{device}");
    }
    assert!(out.contains(&Command::Release { device: name("machine") }));
}
