//! Lists as they come, and as they should not.

use super::*;
use model::{BadgeKey, Document, Name, StatePath};
use proptest::prelude::*;

const HEADER: &str = "username,key,value,allowed,hashedCard,lastAccessed\n";
const TAG: &str = "a941044f6af52e22e6a73d60dbf2e20bc549ef13348e822c3f9cec30";

fn tag_of(number: u64) -> TagId {
    CardNumber::new(number).tag_id()
}

fn key() -> BadgeKey {
    BadgeKey::new([9; 32])
}

/// A JSON record that is right.
fn entry(member: &str, number: u64) -> serde_json::Value {
    serde_json::json!({
        "tagid": tag_of(number).to_string(), "tag_ident": format!("{number:010}"), "raw_tag_id": format!("{number:010}"),
        "allowed": "allowed", "warning": "", "member": member, "nickname": null, "plan": "pro",
        "last_accessed": "", "level": 0,
    })
}

/// The record with some fields changed; null takes one out.
fn entry_with(member: &str, number: u64, changes: &[(&str, serde_json::Value)]) -> serde_json::Value {
    let mut entry = entry(member, number);
    for (field, value) in changes {
        entry[*field] = value.clone();
    }
    entry
}

fn json(entries: &[serde_json::Value]) -> List {
    parse(serde_json::to_string_pretty(entries).unwrap().as_bytes())
}

fn problems(list: &List) -> Vec<String> {
    list.problems.iter().map(ToString::to_string).collect()
}

fn planned(list: &List, people: &[(StatePath, Document)], replace: bool) -> Plan {
    let resource: Name = "frontdoor".parse().unwrap();
    plan(&list.records, people, &Wish { resource: &resource, key: &key(), replace })
}

/// The people after a list.
fn after(list: &List, people: &[(StatePath, Document)], replace: bool) -> Vec<(StatePath, Document)> {
    let mut all: BTreeMap<_, _> = people.iter().cloned().collect();
    all.extend(planned(list, people, replace).documents);
    all.into_iter().collect()
}

fn person<'p>(people: &'p [(StatePath, Document)], slug: &str) -> &'p Document {
    let path = format!("people/{slug}.toml");
    &people.iter().find(|(other, _)| other.as_str() == path).unwrap_or_else(|| panic!("no {path}")).1
}

fn states(person: &Document) -> Vec<&str> {
    let badges = person.table().get("badges").and_then(toml::Value::as_table);
    badges.into_iter().flatten().filter_map(|(_, badge)| badge.get("state")?.as_str()).collect()
}

fn may_enter(person: &Document) -> bool {
    let level = person.get(&["certificates", "frontdoor", "level"]).and_then(toml::Value::as_integer);
    level.is_some_and(|level| level >= 0)
}

fn text<'d>(person: &'d Document, key: &str) -> Option<&'d str> {
    person.get(&[key]).and_then(toml::Value::as_str)
}

#[test]
fn a_csv_line_is_a_record() {
    let list =
        parse(format!("{HEADER}\"Alice.Example\",0,2,\"allowed\",{TAG},2011-06-21T05:12:25\r\n").as_bytes());
    assert!(list.problems.is_empty(), "{:?}", problems(&list));
    let record = &list.records[0];
    assert_eq!((record.line, record.member.as_str(), record.level), (2, "Alice.Example", 2));
    assert_eq!(record.badge, Badge::TagId(tag_of(4_134_419)));
    assert_eq!(record.access, Access::Allowed);
}

#[test]
fn a_missing_column_is_named() {
    for missing in ["username", "key", "value", "allowed", "hashedCard", "lastAccessed"] {
        let header = HEADER.replace(missing, "other");
        let list = parse(format!("{header}a,0,0,allowed,{TAG},x\n").as_bytes());
        assert!(list.records.is_empty());
        let want = format!("line 1: the header has no column {missing:?}");
        assert!(problems(&list)[0].starts_with(&want), "{:?}", problems(&list));
    }
    assert!(problems(&parse(format!("username,{HEADER}").as_bytes()))[0].contains("twice"));
}

#[test]
fn each_wrong_csv_line_is_told_by_its_number_and_spoils_no_other() {
    let good = format!("Bob,0,0,denied,{},x", tag_of(2));
    let rows = [
        (format!("Eve,0,0,Allowed,{TAG},x"), "\"Allowed\" is not allowed, denied or false"),
        (format!("Eve,0,0,not allowed,{TAG},x"), "is not allowed, denied or false"),
        (format!("Eve,0,high,allowed,{TAG},x"), "\"high\" is not a level"),
        (format!("Eve,0,-9,allowed,{TAG},x"), "is not a level"),
        ("Eve,0,0,allowed,a941,x".to_string(), "is not a legacy tag id"),
        (format!("Eve,0,0,allowed,{TAG}"), "5 fields, the header has 6"),
        (format!("\"Eve, Mallory\",0,0,allowed,{TAG},x,y"), "7 fields, the header has 6"),
        (format!(",0,0,allowed,{TAG},x"), "belongs to no member"),
        (format!("{},0,0,allowed,{TAG},x", "x".repeat(3_000)), "member is longer than"),
    ];
    for (row, want) in rows {
        let list = parse(format!("{HEADER}{good}\n{row}\n").as_bytes());
        assert_eq!(list.records.len(), 1, "{row}");
        let told = problems(&list);
        assert!(told.len() == 1 && told[0].starts_with("line 3: ") && told[0].contains(want), "{told:?}");
    }
}

#[test]
fn each_wrong_json_record_is_told_by_its_line_and_spoils_no_other() {
    use serde_json::json as j;
    let rows = [
        (entry_with("Eve", 1, &[("allowed", j!("ALLOWED"))]), "is not allowed, denied or false"),
        (entry_with("Eve", 1, &[("allowed", j!(true))]), "field \"allowed\" should be"),
        (entry_with("Eve", 1, &[("level", j!("trainer"))]), "is not a level"),
        (entry_with("Eve", 1, &[("tagid", j!(null))]), "field \"tagid\" should be"),
        (entry_with("Eve", 1, &[("raw_tag_id", j!("0000000003"))]), "tagid is not the hash of raw_tag_id"),
        (entry_with("Eve", 1, &[("raw_tag_id", j!("12 34"))]), "raw_tag_id is not a card number"),
        (entry_with("Eve", 1, &[("member", j!(null))]), "belongs to no member"),
        (entry_with("Eve", 1, &[("endorsements", j!([1]))]), "field \"endorsements\" should be"),
        (j!("Eve"), "each entry is an object"),
    ];
    for (row, want) in rows {
        let list = json(&[entry("Bob", 2), row.clone()]);
        assert_eq!(list.records.len(), 1, "{row}");
        let told = problems(&list);
        assert!(told.len() == 1 && told[0].starts_with("line 14: ") && told[0].contains(want), "{told:?}");
    }
}

#[test]
fn a_list_that_is_cut_off_or_no_list_says_so() {
    let whole = serde_json::to_string_pretty(&[entry("Bob", 1), entry("Eve", 2)]).unwrap();
    for (list, want) in [
        (whole[..whole.len() - 40].to_string(), "ends in the middle"),
        (whole[..whole.len() - 2].to_string(), "ends in the middle"),
        (whole.clone() + "]", "something stands behind"),
        (whole.replacen("},", "}", 1), "after a record comes"),
        ("{}".to_string(), "should begin with ["),
        ("[nul]".to_string(), "not JSON"),
        ("[".to_string(), "ends in the middle"),
        (String::new(), "the list is empty"),
        ("<html>Login".to_string(), "no column \"username\""),
    ] {
        let told = problems(&parse(list.as_bytes()));
        assert!(told.len() == 1 && told[0].contains(want), "{want}: {told:?}");
    }
    assert!(parse(b"[]").problems.is_empty());
    assert!(problems(&parse(&vec![b'['; 1 << 20]))[0].contains("not JSON"), "nested deep");
}

#[test]
fn a_number_never_shows() {
    let list = json(&[entry("Bob", 4_134_419), entry_with("Eve", 1, &[("raw_tag_id", "4134419x".into())])]);
    let shown = format!("{:?} {:?}", list.records, problems(&list));
    assert!(!shown.contains("4134419"), "{shown}");
    let written: String =
        after(&list, &[], false).iter().map(|(_, doc)| doc.to_canonical().unwrap()).collect();
    assert!(!written.contains("4134419") && !written.contains(TAG), "{written}");
}

#[test]
fn a_badge_that_two_members_hold_is_refused_by_both_names_and_lines() {
    let list = json(&[entry("Ann", 7), entry("Bob", 8), entry("Eve", 7)]);
    let told = problems(&list);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        ["line 26", "Eve", "Ann", "line 2:"].iter().all(|part| (told[0].clone() + ":").contains(part)),
        "{told:?}"
    );
    assert_eq!(list.records.iter().map(|record| record.member.as_str()).collect::<Vec<_>>(), ["Bob"]);
    let same_member = json(&[entry("Ann", 7), entry("Ann", 7)]);
    assert!(same_member.problems.is_empty());
}

#[test]
fn one_fob_at_two_widths_is_one_badge_when_two_members_hold_it() {
    let told = problems(&json(&[entry("Ann", 5_168_314), entry("Bob", 407_821_498)]));
    assert!(told.len() == 1 && told[0].contains("Ann") && told[0].contains("Bob"), "{told:?}");
    assert!(json(&[entry("Ann", 0x0118_0001), entry("Bob", 0x0218_0001)]).problems.is_empty(), "two cards");
}

#[test]
fn a_badge_of_forty_bits_opens_at_thirty_two() {
    let number = 0x2B_0418_4EDC;
    let people = after(&json(&[entry("Ann", number)]), &[], false);
    let taps = CardNumber::new(number).digests(&key(), &[Width::Bits32, Width::Bits24]);
    let held = person(&people, "ann").table()["badges"].as_table().unwrap();
    assert!(taps.iter().any(|digest| held.contains_key(&digest.to_string())));
}

#[test]
fn levels_below_zero_open_nothing_and_stay_told_apart() {
    for level in [-2, -1] {
        let list = json(&[entry_with("Ann", 1, &[("level", level.into())])]);
        assert_eq!(planned(&list, &[], false).allowed, 0);
        let people = after(&list, &[], false);
        let kept = person(&people, "ann").get(&["certificates", "frontdoor", "level"]).cloned();
        assert_eq!(kept, Some(level.into()));
    }
}

#[test]
fn a_warning_comes_and_goes_with_the_list() {
    let warned = json(&[entry_with("Ann", 1, &[("warning", "Pay\n     up. ".into())])]);
    let people = after(&warned, &[], false);
    assert_eq!(text(person(&people, "ann"), "warning"), Some("Pay up."));
    let denied =
        entry_with("Ann", 1, &[("allowed", "denied".into()), ("warning", "No access to the laser".into())]);
    let people = after(&json(&[denied]), &people, false);
    assert_eq!(text(person(&people, "ann"), "warning"), Some("Pay up."), "of the resource, not of Ann");
    let people = after(&json(&[entry("Ann", 1)]), &people, false);
    assert_eq!(text(person(&people, "ann"), "warning"), None);
}

#[test]
fn what_a_list_withdraws_the_next_can_grant_again() {
    let no = |word: &str| {
        json(&[entry_with("Ann", 1, &[("allowed", word.into()), ("warning", "Past due".into())])])
    };
    let yes = json(&[entry("Ann", 1)]);
    let mut people = after(&yes, &[], false);
    for (word, reason) in [("denied", None), ("false", Some("Past due"))] {
        people = after(&no(word), &people, false);
        let told = person(&people, "ann").get(&["certificates", "frontdoor", "reason"]);
        assert_eq!(told.and_then(toml::Value::as_str), reason);
        assert!(!may_enter(person(&people, "ann")));
        assert_eq!(states(person(&people, "ann")), ["active"], "the badge may open other resources");
        people = after(&yes, &people, false);
        assert!(may_enter(person(&people, "ann")));
        assert!(person(&people, "ann").get(&["certificates", "frontdoor", "reason"]).is_none());
    }
}

#[test]
fn one_badge_that_is_out_of_use_does_not_lock_its_member_out() {
    let off = entry_with(
        "Ann",
        2,
        &[("allowed", "false".into()), ("warning", "This fob has been disabled".into())],
    );
    let people = after(&json(&[entry("Ann", 1), off.clone()]), &[], false);
    let ann = person(&people, "ann");
    let mut found = states(ann);
    found.sort_unstable();
    assert!(may_enter(ann) && text(ann, "warning").is_none());
    assert_eq!(found, ["active", "inactive"]);
    let alone = after(&json(&[off]), &[], false);
    assert_eq!(states(person(&alone, "ann")), ["inactive"]);
}

#[test]
fn a_fob_known_by_its_hash_and_later_by_its_number_is_one_badge() {
    let by_hash = parse(format!("{HEADER}Ann,0,0,allowed,{},x\n", tag_of(7)).as_bytes());
    let by_number = json(&[entry("Ann", 7)]);
    for (first, second) in [(&by_hash, &by_number), (&by_number, &by_hash)] {
        let people = after(second, &after(first, &[], false), false);
        assert_eq!(states(person(&people, "ann")), ["active"]);
    }
}

#[test]
fn what_the_ledger_revoked_or_a_person_lost_stays_so() {
    let list = json(&[entry("Ann", 1), entry("Bob", 2)]);
    let mut people = after(&list, &[], false);
    for (path, document) in &mut people {
        let ann = path.as_str().contains("ann");
        let revoked: toml::Table = "at = 1\nby = 'x'\nreason = 'left'".parse().unwrap();
        let badges = document.table_mut()["badges"].as_table_mut().unwrap();
        let (_, badge) = badges.iter_mut().next().unwrap();
        let (key, value) = if ann { ("revoked", revoked.clone().into()) } else { ("state", "lost".into()) };
        badge.as_table_mut().unwrap().insert(key.into(), value);
        if ann {
            let door = document.table_mut()["certificates"]["frontdoor"].as_table_mut().unwrap();
            door.insert("revoked".into(), revoked.into());
        }
    }
    let planned = planned(&list, &people, false);
    assert!(planned.documents.is_empty(), "{:?}", planned.documents);
    let told: Vec<_> = planned.problems.iter().map(ToString::to_string).collect();
    assert!(told[0].contains("Ann: the badge badge 1 is revoked"), "{told:?}");
    assert!(told[1].contains("Ann: the certificate for frontdoor is revoked"), "{told:?}");
    assert_eq!(told.len(), 2);
}

#[test]
fn a_badge_that_the_ledger_gives_to_somebody_else_stays_theirs() {
    let people = after(&json(&[entry("Ann", 407_821_498)]), &[], false);
    let taken = planned(&json(&[entry("Bob", 407_821_498)]), &people, false);
    assert!(taken.problems[0].to_string().contains("people/ann.toml"));
    assert!(states(&taken.documents[0].1).is_empty());
    let short = after(&json(&[entry("Ann", 5_168_314)]), &[], false);
    let taken = planned(&json(&[entry("Bob", 407_821_498)]), &short, false);
    assert!(taken.problems[0].to_string().contains("people/ann.toml"), "one fob at two widths");
}

#[test]
fn members_of_one_slug_keep_their_own_documents() {
    let both = json(&[entry("Jo.Li", 1), entry("jo-li", 2)]);
    let people = after(&both, &[], false);
    assert_eq!(people.len(), 2);
    let second = person(&people, "jo-li-2").clone();
    let only = json(&[entry_with("jo-li", 2, &[("plan", "hobbyist".into())])]);
    let people = after(&only, &people, false);
    assert_eq!(people.len(), 2);
    assert_eq!(text(person(&people, "jo-li-2"), "plan"), Some("hobbyist"));
    assert_eq!(person(&people, "jo-li-2").table()["imported_as"], second.table()["imported_as"]);
}

#[test]
fn a_member_called_as_the_key_of_the_box_is_gets_a_document_of_another_name() {
    let list = json(&[entry("Node", 1)]);
    let people = after(&list, &[], false);
    assert_eq!(text(person(&people, "node-2"), "imported_as"), Some("Node"));
    assert_eq!(after(&list, &people, false), people, "and is found there the next time");
}

#[test]
fn a_person_whom_people_made_is_adopted_and_keeps_what_they_wrote() {
    let path: StatePath = "people/ann.toml".parse().unwrap();
    let made = Document::parse(b"name = 'Dr Ann'\nstate = 'paused'\nshoe_size = 42\n").unwrap();
    let people = after(&json(&[entry("Ann", 1)]), &[(path, made)], false);
    let ann = person(&people, "ann");
    assert_eq!((text(ann, "name"), text(ann, "state")), (Some("Dr Ann"), Some("paused")));
    assert_eq!(ann.get(&["shoe_size"]).and_then(toml::Value::as_integer), Some(42));
}

#[test]
fn only_a_list_that_replaces_takes_from_those_who_are_missing() {
    let people = after(&json(&[entry("Ann", 1), entry("Ann", 3), entry("Bob", 2)]), &[], false);
    let mut people = people;
    let founder = Document::parse(b"name = 'F'\n[certificates.frontdoor]\nlevel = 4\n").unwrap();
    people.push(("people/founder.toml".parse().unwrap(), founder));
    let newer = json(&[entry("Ann", 1)]);
    assert!(planned(&newer, &people, false).documents.is_empty());
    let people = after(&newer, &people, true);
    assert!(!may_enter(person(&people, "bob")) && may_enter(person(&people, "founder")));
    assert_eq!(states(person(&people, "bob")), ["inactive"]);
    let mut of_ann = states(person(&people, "ann"));
    of_ann.sort_unstable();
    assert_eq!(of_ann, ["active", "inactive"]);
    assert!(planned(&newer, &people, true).documents.is_empty(), "a second time changes nothing");
}

#[test]
fn endorsements_are_words_whichever_way_they_are_written() {
    for words in [serde_json::json!("wood, laser"), serde_json::json!(["laser", "wood"])] {
        let people = after(&json(&[entry_with("Ann", 1, &[("endorsements", words)])]), &[], false);
        let held = person(&people, "ann").get(&["certificates", "frontdoor", "endorsements"]).unwrap();
        assert_eq!(held.to_string(), "[\"laser\", \"wood\"]");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        parse(&bytes);
        parse(&[HEADER.as_bytes(), &bytes].concat());
        parse(&[b"[", bytes.as_slice()].concat());
    }

    #[test]
    fn any_list_a_second_time_changes_nothing(
        rows in prop::collection::vec((0usize..5, 0u64..6, 0usize..3, -2i64..4, 0usize..2), 0..12),
        replace: bool,
    ) {
        let names = ["Ann", "Bob", "ann", "Jo.Li", "jo-li"];
        let words = ["allowed", "denied", "false"];
        let entries: Vec<_> = rows.iter().map(|(name, number, word, level, warned)| {
            let warning = ["", "This fob has been disabled"][*warned];
            let changes = [("allowed", words[*word].into()), ("level", (*level).into()), ("warning", warning.into())];
            entry_with(names[*name], *number, &changes)
        }).collect();
        let list = json(&entries);
        let people = after(&list, &[], replace);
        prop_assert_eq!(planned(&list, &people, replace).documents, vec![]);
    }
}
