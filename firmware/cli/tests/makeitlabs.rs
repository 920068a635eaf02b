//! The fixtures: two lists of real shape, and the cards that open and do not.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use cli::import::makeitlabs::{Access, List, Wish, parse, plan};
use model::{BadgeKey, CardNumber, Document, Name, StatePath, Width};

const V0: &[u8] = include_bytes!("data/acl-v0.csv");
const V1: &[u8] = include_bytes!("data/acl-v1.json");
const DEMO: &str = include_str!("data/demo-badges.json");

type People = Vec<(StatePath, Document)>;

fn key() -> BadgeKey {
    BadgeKey::new([3; 32])
}

fn import(list: &List, people: &People) -> (People, usize, usize) {
    let resource: Name = "frontdoor".parse().unwrap();
    let planned = plan(&list.records, people, &Wish { resource: &resource, key: &key(), replace: false });
    assert!(planned.problems.is_empty(), "{:?}", planned.problems);
    (planned.documents, planned.members, planned.allowed)
}

fn list(bytes: &[u8]) -> List {
    let list = parse(bytes);
    assert!(list.problems.is_empty(), "{:?}", list.problems);
    list
}

/// Who holds the card that a number of the demo is, and whether it would open the door.
fn tap(people: &People, number: &str) -> Option<(String, bool)> {
    let card: CardNumber = number.parse().unwrap();
    let digests = card.digests(&key(), &[Width::Bits32, Width::Bits24]);
    let held = |digest: &str| people.iter().find(|(_, person)| person.get(&["badges", digest]).is_some());
    let (digest, (path, person)) =
        digests.iter().find_map(|digest| Some((digest, held(&digest.to_string())?)))?;
    let active =
        person.get(&["badges", &digest.to_string(), "state"]).and_then(toml::Value::as_str) == Some("active");
    let level = person.get(&["certificates", "frontdoor", "level"]).and_then(toml::Value::as_integer);
    let opens = active && level.is_some_and(|level| level >= 0);
    Some((path.to_string(), opens))
}

fn demo() -> Vec<(String, String)> {
    let demo: serde_json::Value = serde_json::from_str(DEMO).unwrap();
    let text = |badge: &serde_json::Value, field: &str| badge[field].as_str().unwrap().to_string();
    demo["badges"]
        .as_array()
        .unwrap()
        .iter()
        .map(|badge| (text(badge, "label"), text(badge, "number")))
        .collect()
}

#[test]
fn both_lists_say_the_same_of_every_badge() {
    let (v0, v1) = (list(V0), list(V1));
    assert_eq!((v0.records.len(), v1.records.len()), (47, 47));
    for (old, new) in v0.records.iter().zip(&v1.records) {
        assert_eq!((&old.member, old.level), (&new.member, new.level));
        assert_eq!(old.access == Access::Allowed, new.access == Access::Allowed);
    }
}

#[test]
fn the_sample_cards_do_what_their_labels_say() {
    let (people, members, allowed) = import(&list(V1), &Vec::new());
    assert_eq!((people.len(), members, allowed), (38, 38, 27));
    let taps: Vec<_> = demo().into_iter().map(|(_, number)| tap(&people, &number)).collect();
    let held = |slug: &str, opens| Some((format!("people/{slug}.toml"), opens));
    let want = [
        held("ada-fairweather", true),
        held("ben-okafor", true),
        held("cleo-marsh", false),
        None,
        held("dmitri-holloway", true),
    ];
    assert_eq!(taps, want);
    let cleo = people.iter().find(|(path, _)| path.as_str() == "people/cleo-marsh.toml").unwrap();
    let reason = cleo.1.get(&["certificates", "frontdoor", "reason"]).and_then(toml::Value::as_str).unwrap();
    assert!(reason.starts_with("Your membership expired"), "{reason}");
    let ben = people.iter().find(|(path, _)| path.as_str() == "people/ben-okafor.toml").unwrap();
    let warning = ben.1.get(&["warning"]).and_then(toml::Value::as_str).unwrap();
    assert!(warning.contains("temporary grace period. Correct this as soon as possible"), "{warning}");
}

#[test]
fn the_old_list_opens_for_the_same_cards() {
    let (people, members, allowed) = import(&list(V0), &Vec::new());
    assert_eq!((members, allowed), (38, 27));
    let opens = |number: &str| tap(&people, number).is_some_and(|(_, opens)| opens);
    let opening: Vec<_> = demo().iter().map(|(_, number)| opens(number)).collect();
    assert_eq!(opening, [true, true, false, false, true]);
}

#[test]
fn importing_twice_changes_nothing_and_the_other_format_adds_no_badge() {
    for (first, second) in [(V1, V0), (V0, V1)] {
        let (people, ..) = import(&list(first), &Vec::new());
        assert!(import(&list(first), &people).0.is_empty(), "twice");
        let badges =
            |person: &Document| person.get(&["badges"]).and_then(toml::Value::as_table).map(toml::Table::len);
        for (path, person) in import(&list(second), &people).0 {
            let before = people.iter().find(|(other, _)| *other == path).map(|(_, person)| badges(person));
            assert_eq!(before, Some(badges(&person)), "{path}");
        }
    }
}

#[test]
fn every_document_is_one_that_the_ledger_takes_and_none_holds_a_number() {
    let text = std::str::from_utf8(V1).unwrap();
    let list_json: Vec<serde_json::Value> = serde_json::from_str(text).unwrap();
    let (people, ..) = import(&list(V1), &Vec::new());
    for (path, person) in &people {
        assert!(path.is_document());
        let canonical = person.to_canonical().unwrap();
        assert_eq!(&Document::parse(canonical.as_bytes()).unwrap(), person);
        for number in list_json.iter().filter_map(|entry| entry["raw_tag_id"].as_str()) {
            assert!(!canonical.contains(number), "{path}");
        }
    }
}
