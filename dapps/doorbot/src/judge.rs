//! The doorbot's judge: a change that would leave a door unusable does not enter main.
//!
//! What it looks for are slips of the pen: a document that no door could read, a door without a reader, a door that names
//! a schedule that is not there, two doors that pull one strike, a window that ends before it begins. It fails a
//! merge for faults that the merge brings; those that were there before must not keep anybody from mending others.

use crate::{door_document::DoorDocument, schedule::Schedule};
use dapp::judge::{Answer, Documents, Input};
use model::Name;
use std::collections::{BTreeMap, BTreeSet};

/// The schedule that is always there.
const ALWAYS: &str = "always";

/// Judges a merge.
pub fn judge(input: &Input<'_>) -> Answer {
    let before = faults(&input.base);
    let new = faults(&input.merged).into_iter().filter(|fault| !before.contains(fault));
    Answer::from_reasons(new.collect())
}

/// What is wrong with the doors and schedules of a state.
fn faults(documents: &Documents<'_>) -> BTreeSet<String> {
    let (mut doors, mut schedules, mut faults) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
    for (path, document) in documents {
        let parts: Vec<&str> = path.parts().collect();
        let name = |file: &str| file.strip_suffix(".toml").and_then(|name| name.parse::<Name>().ok());
        let mut faulty = |what: String| faults.extend([format!("{path}: {what}")]);
        match parts[..] {
            ["doorbot", "doors", file] => match (name(file), DoorDocument::parse(document.get())) {
                (Some(name), Ok(door)) => drop(doors.insert(name, door)),
                (_, Err(error)) => faulty(error.to_string()),
                (None, Ok(_)) => {}
            },
            ["doorbot", "schedules", file] => {
                schedules.extend(name(file));
                match Schedule::parse(document.get()) {
                    Ok(schedule) => {
                        let slip = |window: &String| {
                            format!("{window} ends before it begins: name the next day, or two windows")
                        };
                        schedule.backwards.iter().map(slip).for_each(&mut faulty);
                    }
                    Err(error) => faulty(error.to_string()),
                }
            }
            _ => {}
        }
    }
    faults.extend(doors.iter().flat_map(|(name, door)| faults_of_door(name, door, &schedules)));
    faults.extend(shared_devices(&doors));
    faults
}

fn faults_of_door(name: &Name, door: &DoorDocument, schedules: &BTreeSet<Name>) -> Vec<String> {
    let missing = |schedule: &&Name| schedule.as_str() != ALWAYS && !schedules.contains(*schedule);
    let unknown: BTreeSet<&Name> = door.schedules.values().filter(missing).collect();
    let mut faults: Vec<String> = unknown
        .into_iter()
        .map(|schedule| format!("door {name} names the schedule {schedule}, which is not there"))
        .collect();
    if door.devices.reader.is_none() {
        faults.push(format!("door {name} has no reader: nobody can hold a badge to it"));
    }
    faults
}

/// Devices that two doors of one node name.
fn shared_devices(doors: &BTreeMap<Name, DoorDocument>) -> Vec<String> {
    let (mut owners, mut faults) = (BTreeMap::new(), Vec::new());
    for (name, door) in doors {
        for device in door.devices.all() {
            match owners.get(&(&door.node, device)) {
                Some(other) => {
                    faults.push(format!("doors {other} and {name} both use {device} of {}", door.node))
                }
                None => drop(owners.insert((&door.node, device), name)),
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const DOOR: &str = "doorbot/doors/front.toml";
    const NIGHTS: &str = "doorbot/schedules/nights.toml";

    fn judged(base: Value, merged: Value) -> Answer {
        let org = "ab".repeat(32);
        let text = json!({
            "at": 5, "base": base, "branch": "main", "changes": [], "dapp": "doorbot", "height": 3,
            "merged": merged, "org": org,
        })
        .to_string();
        judge(&Input::parse(&text).unwrap())
    }

    fn reasons(merged: Value) -> Vec<String> {
        match judged(json!({}), merged) {
            Answer::Pass => Vec::new(),
            Answer::Fail { reasons } => reasons,
        }
    }

    #[test]
    fn good_doors_and_schedules_pass() {
        let nights = json!({"windows": [{"from": "fri 18:00", "until": "mon 06:00"},
            {"days": ["mon"], "from": "18:00", "until": "06:00"}, {"from": "mon 00:00", "until": "sun 24:00"}]});
        let door = json!({"node": "box", "schedules": {"*": "nights", "pro": "always"}});
        let person = json!({"name": "Alice", "state": 5});
        assert!(reasons(json!({DOOR: door, NIGHTS: nights, "people/alice.toml": person})).is_empty());
        assert!(reasons(json!({})).is_empty());
    }

    #[test]
    fn a_door_without_a_strike_or_a_reader_fails() {
        let said = reasons(json!({DOOR: {"node": "box", "devices": {"strike": "strike"}}}));
        assert_eq!(said, ["door front has no reader: nobody can hold a badge to it"]);
        let said = reasons(json!({DOOR: {"node": "box", "devices": {"reader": "reader"}}}));
        assert!(said[0].starts_with(DOOR) && said[0].contains("strike"), "{said:?}");
    }

    #[test]
    fn a_schedule_that_ends_before_it_begins_fails() {
        let said = reasons(json!({NIGHTS: {"windows": [{"from": "mon 18:00", "until": "mon 06:00"}]}}));
        let wanted = format!(
            "{NIGHTS}: mon 18:00 to mon 06:00 ends before it begins: name the next day, or two windows"
        );
        assert_eq!(said, [wanted]);
    }

    #[test]
    fn a_schedule_in_use_is_not_taken_away() {
        let door = json!({"node": "box", "schedules": {"*": "nights"}});
        let base = json!({DOOR: door, NIGHTS: {"windows": []}});
        let answer = judged(base, json!({DOOR: door}));
        let reason = "door front names the schedule nights, which is not there".to_string();
        assert_eq!(answer, Answer::Fail { reasons: vec![reason] });
    }

    #[test]
    fn two_doors_of_one_box_do_not_share_a_device_and_those_of_two_may() {
        let door = |node: &str| json!({"node": node, "devices": {"strike": "s", "reader": "r"}});
        let both = |other: &str| json!({DOOR: door("box"), "doorbot/doors/back.toml": door(other)});
        assert_eq!(
            reasons(both("box")),
            ["doors back and front both use r of box", "doors back and front both use s of box"]
        );
        assert!(reasons(both("other")).is_empty());
    }

    #[test]
    fn what_was_wrong_before_keeps_nobody_from_mending_the_rest() {
        let broken = json!({"node": "box", "resorce": "x"});
        let other = "doorbot/doors/back.toml";
        let base = json!({DOOR: broken, other: {"node": "box", "devices": {"strike": "s"}}});
        let mended = json!({DOOR: broken, other: {"node": "box", "devices": {"strike": "s", "reader": "r"}}});
        assert_eq!(judged(base, mended), Answer::Pass);
        let said = reasons(json!({DOOR: broken}));
        assert!(said[0].contains("resorce"), "{said:?}");
    }
}
