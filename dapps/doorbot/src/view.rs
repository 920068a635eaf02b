//! What the ledger says about people, doors and schedules, in memory.
//!
//! Built from the watch's snapshot and kept by its changes; the doors decide from it when everything else is
//! gone. Documents that cannot be read are named in [`View::faults`]. A person whose document cannot be read
//! counts as absent: the old one may let in whom the new one shuts out. Of a door or a schedule the last readable
//! document stays in force, so that a slip of the pen does not shut a house; it is lost when the program ends.

use crate::{door_document::DoorDocument, schedule::Schedule};
use dapp::kit::{
    feed::{FeedDocument, FeedKind, FeedLine, keep_readable},
    people::People,
};
use model::{Name, StatePath};
use std::{collections::BTreeMap, mem::take};

/// The ledger as a door sees it.
#[derive(Debug, Default)]
pub struct View {
    loaded: bool,
    people: People,
    doors: BTreeMap<Name, DoorDocument>,
    schedules: BTreeMap<Name, Schedule>,
    faults: BTreeMap<StatePath, String>,
}

/// The places whose documents we read.
enum Place {
    Person(Name),
    Door(Name),
    Schedule(Name),
    Elsewhere,
}

impl View {
    /// Takes a line of the watch.
    pub fn take(&mut self, line: FeedLine) {
        match line.kind {
            FeedKind::Snapshot => self.start_over(&line.documents),
            FeedKind::Change => {
                line.removed.iter().for_each(|path| self.remove(path));
                line.changed.into_iter().for_each(|document| self.put(&document));
            }
            FeedKind::Alive | FeedKind::Unknown => {}
        }
    }

    /// Whether a snapshot has come.
    pub fn is_loaded(&self) -> bool {
        self.loaded
    }

    /// The people.
    pub fn people(&self) -> &People {
        &self.people
    }

    /// The doors by name.
    pub fn doors(&self) -> &BTreeMap<Name, DoorDocument> {
        &self.doors
    }

    /// A schedule.
    pub fn schedule(&self, name: &Name) -> Option<&Schedule> {
        self.schedules.get(name)
    }

    /// Documents that cannot be read, and why.
    pub fn faults(&self) -> &BTreeMap<StatePath, String> {
        &self.faults
    }

    /// Takes a snapshot: what is not in it is gone. The people of old go first, for they are most of the memory.
    fn start_over(&mut self, documents: &[FeedDocument]) {
        let (mut doors, mut schedules) = (take(&mut self.doors), take(&mut self.schedules));
        *self = Self { loaded: true, ..Self::default() };
        for document in documents {
            match place(&document.path) {
                Place::Door(name) => self.doors.extend(doors.remove_entry(&name)),
                Place::Schedule(name) => self.schedules.extend(schedules.remove_entry(&name)),
                Place::Person(_) | Place::Elsewhere => {}
            }
            self.put(document);
        }
    }

    fn put(&mut self, document: &FeedDocument) {
        self.faults.remove(&document.path);
        let json = document.document.get();
        let fault = match place(&document.path) {
            Place::Person(name) => self.people.put(name, json),
            Place::Door(name) => keep_readable(&mut self.doors, name, DoorDocument::parse(json)),
            Place::Schedule(name) => keep_readable(&mut self.schedules, name, Schedule::parse(json)),
            Place::Elsewhere => None,
        };
        if let Some(fault) = fault {
            self.faults.insert(document.path.clone(), fault);
        }
    }

    fn remove(&mut self, path: &StatePath) {
        self.faults.remove(path);
        match place(path) {
            Place::Person(name) => self.people.remove(&name),
            Place::Door(name) => drop(self.doors.remove(&name)),
            Place::Schedule(name) => drop(self.schedules.remove(&name)),
            Place::Elsewhere => {}
        }
    }
}

fn place(path: &StatePath) -> Place {
    let parts: Vec<&str> = path.parts().collect();
    let name = |file: &str| file.strip_suffix(".toml").and_then(|name| name.parse().ok());
    let found = match parts[..] {
        ["people", file] => name(file).map(Place::Person),
        ["doorbot", "doors", file] => name(file).map(Place::Door),
        ["doorbot", "schedules", file] => name(file).map(Place::Schedule),
        _ => None,
    };
    found.unwrap_or(Place::Elsewhere)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::BadgeDigest;

    fn digest(n: u8) -> BadgeDigest {
        BadgeDigest::new([n; 32])
    }

    fn line(json: serde_json::Value) -> FeedLine {
        serde_json::from_str(&json.to_string()).unwrap()
    }

    fn person(name: &str, badge: u8) -> serde_json::Value {
        let badges = serde_json::json!({digest(badge).to_string(): {"label": "card"}});
        serde_json::json!({"path": format!("people/{name}.toml"), "document": {"name": name, "badges": badges}})
    }

    fn names(view: &View, badge: u8) -> Vec<String> {
        view.people().holders(&digest(badge)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn changes_move_badges_from_one_person_to_another() {
        let mut view = View::default();
        assert!(!view.is_loaded());
        view.take(line(serde_json::json!({"type": "snapshot", "documents": [person("alice", 1)]})));
        assert!(view.is_loaded());
        assert_eq!(names(&view, 1), ["alice"]);
        view.take(line(
            serde_json::json!({"type": "change", "changed": [person("alice", 2), person("bob", 1)]}),
        ));
        assert_eq!((names(&view, 1), names(&view, 2)), (vec!["bob".into()], vec!["alice".into()]));
        view.take(line(serde_json::json!({"type": "change", "removed": ["people/bob.toml"]})));
        assert!(names(&view, 1).is_empty());
    }

    #[test]
    fn a_badge_on_two_people_names_both() {
        let mut view = View::default();
        view.take(line(serde_json::json!({"type": "snapshot", "documents": [person("alice", 1), person("bob", 1), person("0", 1)]})));
        assert_eq!(names(&view, 1), ["0", "alice", "bob"]);
        assert!(names(&view, 2).is_empty());
    }

    #[test]
    fn a_snapshot_replaces_everything() {
        let mut view = View::default();
        view.take(line(serde_json::json!({"type": "snapshot", "documents": [person("alice", 1)]})));
        view.take(line(serde_json::json!({"type": "snapshot", "documents": [person("bob", 2)]})));
        assert!(names(&view, 1).is_empty() && view.people().count() == 1);
    }

    const DOOR: &str = "doorbot/doors/front.toml";
    const SCHEDULE: &str = "doorbot/schedules/night.toml";

    /// Nothing that can be read.
    fn broken(path: &str) -> serde_json::Value {
        serde_json::json!({"path": path, "document": {"node": 5, "expires": "x", "windows": 1}})
    }

    fn door_and_schedule() -> View {
        let mut view = View::default();
        let door = serde_json::json!({"path": DOOR, "document": {"node": "box", "resource": "frontdoor"}});
        let schedule = serde_json::json!({"path": SCHEDULE, "document": {"title": "Nights"}});
        view.take(line(
            serde_json::json!({"type": "snapshot", "documents": [person("alice", 1), door, schedule]}),
        ));
        view
    }

    fn assert_last_readable(view: &View) {
        assert_eq!(view.doors()["front"].resource.as_ref().map(Name::as_str), Some("frontdoor"));
        assert_eq!(view.schedule(&"night".parse().unwrap()).unwrap().title, "Nights");
        for path in [DOOR, SCHEDULE] {
            let why = &view.faults()[&path.parse::<StatePath>().unwrap()];
            assert!(
                why.starts_with("the last readable one stays in force") && why.contains("expires"),
                "{why}"
            );
        }
    }

    #[test]
    fn an_unreadable_door_or_schedule_leaves_the_last_readable_one_in_force_and_is_named() {
        // A typo in a door's document shut the door.
        let mut view = door_and_schedule();
        view.take(line(serde_json::json!({"type": "change", "changed": [broken(DOOR), broken(SCHEDULE)]})));
        assert_last_readable(&view);
        view.take(line(
            serde_json::json!({"type": "snapshot", "documents": [broken(DOOR), broken(SCHEDULE)]}),
        ));
        assert_last_readable(&view);
        let good = serde_json::json!({"path": DOOR, "document": {"node": "box", "resource": "shop"}});
        view.take(line(serde_json::json!({"type": "change", "changed": [good], "removed": [SCHEDULE]})));
        assert_eq!(view.doors()["front"].resource.as_ref().map(Name::as_str), Some("shop"));
        assert!(view.schedules.is_empty() && view.faults().is_empty());
    }

    #[test]
    fn a_door_or_schedule_that_a_snapshot_lacks_is_gone() {
        let mut view = door_and_schedule();
        view.take(line(serde_json::json!({"type": "snapshot", "documents": []})));
        assert!(view.doors().is_empty() && view.schedules.is_empty());
    }

    #[test]
    fn an_unreadable_person_is_absent_also_after_a_readable_one() {
        for kind in ["change", "snapshot"] {
            let mut view = door_and_schedule();
            let broken = [broken("people/alice.toml")];
            view.take(line(serde_json::json!({"type": kind, "changed": broken, "documents": broken})));
            assert!(names(&view, 1).is_empty(), "the old document must not let her in");
            assert_eq!((view.people().count(), view.faults().len()), (0, 1));
        }
    }

    #[test]
    fn an_unreadable_document_without_a_readable_one_counts_as_absent_and_is_named() {
        let mut view = View::default();
        view.take(line(serde_json::json!({"type": "snapshot", "documents": [person("alice", 1)]})));
        let paths = ["people/alice.toml", DOOR, SCHEDULE];
        view.take(line(serde_json::json!({"type": "change", "changed": paths.map(broken)})));
        assert!(names(&view, 1).is_empty(), "the old document must not let her in");
        assert!(view.doors().is_empty() && view.schedules.is_empty());
        assert_eq!(view.faults().len(), 3);
        view.take(line(serde_json::json!({"type": "change", "changed": [person("alice", 1)]})));
        assert_eq!(view.faults().len(), 2);
    }

    #[test]
    fn documents_elsewhere_are_skipped() {
        let mut view = View::default();
        let other = serde_json::json!({"path": "doorbot/notes/x.toml", "document": {}});
        view.take(line(serde_json::json!({"type": "snapshot", "documents": [other]})));
        assert!(view.faults().is_empty() && view.is_loaded());
    }
}
