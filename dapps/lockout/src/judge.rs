//! The lockout's judge: a change that would leave a machine unusable or unsafe does not enter main.
//!
//! What it looks for are slips of the pen: a document that no lockout could read, two machines of one box that share a
//! device, a supervisor of a lower level than the users, an issue or inspection of a machine that is not there. It fails
//! a merge for faults that the merge brings; those that were there before must not keep anybody from mending others.

use crate::{
    access::Question, grant::Grant, inspection::Inspection, issue::Issue, machine_document::MachineDocument,
    view::View,
};
use dapp::{
    judge::{Answer, Documents, Input},
    kit::{
        feed::{FeedDocument, FeedKind, FeedLine},
        time::{Clock, Now, Ticks},
    },
};
use model::{Millis, Name, StatePath};
use std::collections::{BTreeMap, BTreeSet};

/// Judges a merge.
pub fn judge(input: &Input<'_>) -> Answer {
    let before = faults(&input.base);
    let new = faults(&input.merged).into_iter().filter(|fault| !before.contains(fault));
    let grants = grants_beyond_the_giver(input);
    Answer::from_reasons(new.chain(grants).collect())
}

/// New grants that give more than their giver may. Only new ones: whoever loses a certificate takes the others with them.
fn grants_beyond_the_giver(input: &Input<'_>) -> Vec<String> {
    let is_new = |path: &StatePath, json: &str| {
        path.as_str().starts_with("lockout/grants/")
            && input.base.get(path).is_none_or(|old| old.get() != json)
    };
    let new: Vec<&StatePath> = input
        .merged
        .iter()
        .filter(|(path, document)| is_new(path, document.get()))
        .map(|(path, _)| path)
        .collect();
    if new.is_empty() {
        return Vec::new();
    }
    let view = view(&input.merged);
    new.into_iter().filter_map(|path| beyond_the_giver(&view, path, input.at)).collect()
}

fn view(documents: &Documents<'_>) -> View {
    let documents = documents
        .iter()
        .map(|(path, document)| FeedDocument { path: path.clone(), document: (*document).to_owned() });
    let mut view = View::default();
    let kind = FeedKind::Snapshot;
    view.take(FeedLine { kind, documents: documents.collect(), changed: Vec::new(), removed: Vec::new() });
    view
}

fn beyond_the_giver(view: &View, path: &StatePath, at: Millis) -> Option<String> {
    let parts: Vec<&str> = path.parts().collect();
    let [_, _, machine, file] = parts[..] else { return None };
    let (machine, person) = (machine.parse::<Name>().ok()?, name(file)?);
    let grant = view.grant(&machine, &person)?;
    let document = view.machines().get(&machine)?;
    let now = Now { at, trusted: true, ..Clock::unknown().at(Ticks(0)) };
    let question = Question { view, name: &machine, machine: document, now: &now };
    let by = &grant.by;
    (!question.may_grant(&person, grant)).then(|| {
        format!("{path}: {by} may not give leave for {machine}, not of this level or not to {person}")
    })
}

/// What is wrong with the machines of a state, and with what is said of them.
fn faults(documents: &Documents<'_>) -> BTreeSet<String> {
    let (mut machines, mut named, mut faults) = (BTreeMap::new(), Vec::new(), BTreeSet::new());
    for (path, document) in documents {
        let (parts, json): (Vec<&str>, _) = (path.parts().collect(), document.get());
        let fault = match parts[..] {
            ["lockout", "machines", file] => {
                let read = MachineDocument::parse(json);
                let fault = read.as_ref().err().map(ToString::to_string);
                machines.extend(name(file).map(|name| (name, read.ok())));
                fault
            }
            ["lockout", "issues", machine, _] => {
                named.push((path, machine));
                Issue::parse(json).err().map(|error| error.to_string())
            }
            ["lockout", "grants", machine, _] => {
                named.push((path, machine));
                Grant::parse(json).err().map(|error| error.to_string())
            }
            ["lockout", "inspections", file] => {
                named.extend(file.strip_suffix(".toml").map(|machine| (path, machine)));
                Inspection::parse(json).err().map(|error| error.to_string())
            }
            ["lockout", ..] => Some("the lockout keeps machines, issues, inspections and grants".to_string()),
            _ => None,
        };
        faults.extend(fault.map(|what| format!("{path}: {what}")));
    }
    let unknown = named.into_iter().filter(|(_, machine)| !machines.contains_key(*machine));
    faults.extend(unknown.map(|(path, machine)| format!("{path}: there is no machine {machine}")));
    faults.extend(machines.iter().filter_map(|(name, machine)| fault_of(name, machine.as_ref()?)));
    faults.extend(shared_devices(&machines));
    faults
}

fn name(file: &str) -> Option<Name> {
    file.strip_suffix(".toml").and_then(|name| name.parse().ok())
}

/// A supervisor who may not even use the machine is a slip of the pen.
fn fault_of(name: &Name, machine: &MachineDocument) -> Option<String> {
    let (user, supervisor) = (machine.level_min, machine.supervisor_level_min);
    (supervisor < user.max(0)).then(|| {
        format!("machine {name}: supervisor_level_min = {supervisor} is below level_min = {user}: nobody less than a supervisor could use it")
    })
}

/// Devices that two machines of one node name.
fn shared_devices(machines: &BTreeMap<Name, Option<MachineDocument>>) -> Vec<String> {
    let (mut owners, mut faults) = (BTreeMap::new(), Vec::new());
    for (name, machine) in machines.iter().filter_map(|(name, machine)| Some((name, machine.as_ref()?))) {
        for device in machine.devices.own() {
            let node = &machine.node;
            match owners.get(&(node, device)) {
                Some(other) => {
                    faults.push(format!("machines {other} and {name} both use {device} of {node}"))
                }
                None => drop(owners.insert((node, device), name)),
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const SAW: &str = "lockout/machines/saw.toml";
    const GRANT: &str = "lockout/grants/saw/bob.toml";
    const ISSUE: &str = "lockout/issues/saw/1.toml";

    fn judged(base: Value, merged: Value) -> Vec<String> {
        let text = json!({
            "at": 5, "base": base, "branch": "main", "changes": [], "dapp": "lockout", "height": 3,
            "merged": merged, "org": "ab".repeat(32),
        })
        .to_string();
        match judge(&Input::parse(&text).unwrap()) {
            Answer::Pass => Vec::new(),
            Answer::Fail { reasons } => reasons,
        }
    }

    #[test]
    fn good_machines_issues_and_inspections_pass() {
        let good = json!({
            SAW: {"node": "box", "buddy": {"level_min": 1}},
            ISSUE: {"text": "smells", "locks": true},
            "lockout/inspections/saw.toml": {"state": "due", "by": "bob", "at": 5},
            "people/bob.toml": {"state": 5},
        });
        assert!(judged(json!({}), good).is_empty());
    }

    #[test]
    fn a_slip_of_the_pen_fails_with_the_document_or_the_machine_in_the_reason() {
        let devices = json!({"machine": "m", "reader": "r"});
        let saw = json!({"node": "box"});
        for (documents, text) in [
            (json!({SAW: {"node": "box", "lockot": "x"}}), "lockot"),
            (json!({SAW: {"node": "box", "devices": {"machine": "m"}}}), "reader"),
            (json!({SAW: {"node": "box", "level_min": 3}}), "below level_min"),
            (json!({SAW: saw, ISSUE: {"text": ""}}), "lockout/issues/saw/1.toml: text"),
            (json!({ISSUE: {"text": "x"}}), "there is no machine saw"),
            (
                json!({"lockout/inspections/saw.toml": {"state": "due", "by": "bob", "at": 5}}),
                "no machine saw",
            ),
            (json!({"lockout/machnes/saw.toml": saw}), "machines, issues, inspections and grants"),
            (json!({SAW: saw, GRANT: {"by": "sue", "at": 5, "until": 5}}), "until must be"),
            (json!({GRANT: {"by": "sue", "at": 5, "until": 9}}), "there is no machine saw"),
            (
                json!({SAW: saw, GRANT: {"by": "sue", "at": 5, "until": 9}}),
                "bob.toml: sue may not give leave",
            ),
            (
                json!({SAW: {"node": "box", "devices": devices},
                    "lockout/machines/drill.toml": {"node": "box", "devices": devices}}),
                "machines drill and saw both use m of box",
            ),
        ] {
            let said = judged(json!({}), documents);
            assert!(said.iter().any(|reason| reason.contains(text)), "{text}: {said:?}");
        }
    }

    #[test]
    fn a_machine_with_issues_is_not_taken_away_and_what_was_wrong_before_does_not_count() {
        let issue = json!({"text": "smells"});
        let both = json!({SAW: {"node": "box"}, ISSUE: issue});
        assert_eq!(judged(both, json!({ISSUE: issue})), [format!("{ISSUE}: there is no machine saw")]);
        assert!(judged(json!({ISSUE: issue}), json!({ISSUE: issue})).is_empty());
    }

    #[test]
    fn a_grant_is_given_by_a_supervisor_up_to_their_level_and_outlives_their_certificate_in_the_ledger() {
        let state = |level: i64, grant: Value| json!({SAW: {"node": "box"}, "people/sue.toml": {"certificates": {"saw": {"level": level}}}, GRANT: grant});
        let grant = |level: i64| json!({"by": "sue", "at": 5, "until": 9, "level": level});
        for (sues, given, passes) in [(2, 0, true), (2, 2, true), (2, 3, false), (1, 0, false)] {
            let said = judged(json!({}), state(sues, grant(given)));
            assert_eq!(said.is_empty(), passes, "level {given} of somebody of level {sues}: {said:?}");
        }
        assert!(
            judged(state(2, grant(0)), state(-1, grant(0))).is_empty(),
            "an old grant keeps sue's certificate"
        );
    }

    #[test]
    fn machines_of_two_boxes_may_name_their_devices_alike() {
        let two = json!({SAW: {"node": "box"}, "lockout/machines/drill.toml": {"node": "other"}});
        assert!(judged(json!({}), two).is_empty());
        let of = |n: u8| json!({"node": "box", "devices": {"machine": format!("m-{n}"), "reader": format!("r-{n}"), "mains_lost": "ups"}});
        let sharing = json!({SAW: of(1), "lockout/machines/drill.toml": of(2)});
        assert!(judged(json!({}), sharing).is_empty(), "they may share the contact of the mains");
    }
}
