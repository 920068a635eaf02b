//! What the ledger says about people, doors and schedules, in memory.
//!
//! Built from the watch's snapshot and kept by its changes; the doors decide from it when everything else is
//! gone. Documents that cannot be read are named in [`View::faults`] and count as absent: nobody gets in by
//! a document that we did not understand.

use crate::{
    door_document::DoorDocument,
    feed::{FeedDocument, FeedKind, FeedLine},
    person::Person,
    schedule::Schedule,
};
use model::{BadgeDigest, Name, StatePath};
use std::collections::BTreeMap;

/// The ledger as a door sees it.
#[derive(Debug, Default)]
pub struct View {
    loaded: bool,
    people: BTreeMap<Name, Person>,
    badges: BTreeMap<BadgeDigest, Vec<Name>>,
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
            FeedKind::Snapshot => {
                *self = Self { loaded: true, ..Self::default() };
                line.documents.into_iter().for_each(|document| self.put(&document));
            }
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

    /// How many people there are.
    pub fn people_count(&self) -> usize {
        self.people.len()
    }

    /// A person.
    pub fn person(&self, name: &Name) -> Option<&Person> {
        self.people.get(name)
    }

    /// The people who have a badge with this digest, by name.
    pub fn holders(&self, digest: &BadgeDigest) -> &[Name] {
        self.badges.get(digest).map_or(&[], Vec::as_slice)
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

    fn put(&mut self, document: &FeedDocument) {
        self.remove(&document.path);
        let json = document.document.get();
        let fault = match place(&document.path) {
            Place::Person(name) => match Person::parse(&name, json) {
                Ok(person) => self.put_person(name, person),
                Err(error) => Some(error.to_string()),
            },
            Place::Door(name) => match DoorDocument::parse(json) {
                Ok(door) => self.doors.insert(name, door).and(None),
                Err(error) => Some(error.to_string()),
            },
            Place::Schedule(name) => match Schedule::parse(json) {
                Ok(schedule) => self.schedules.insert(name, schedule).and(None),
                Err(error) => Some(error.to_string()),
            },
            Place::Elsewhere => None,
        };
        if let Some(fault) = fault {
            self.faults.insert(document.path.clone(), fault);
        }
    }

    fn put_person(&mut self, name: Name, person: Person) -> Option<String> {
        for badge in &person.badges {
            let holders = self.badges.entry(badge.digest).or_default();
            holders.push(name.clone());
            holders.sort();
        }
        self.people.insert(name, person);
        None
    }

    fn remove(&mut self, path: &StatePath) {
        self.faults.remove(path);
        match place(path) {
            Place::Person(name) => self.remove_person(&name),
            Place::Door(name) => drop(self.doors.remove(&name)),
            Place::Schedule(name) => drop(self.schedules.remove(&name)),
            Place::Elsewhere => {}
        }
    }

    fn remove_person(&mut self, name: &Name) {
        let badges = self.people.remove(name).map(|person| person.badges).unwrap_or_default();
        for badge in badges {
            if let Some(holders) = self.badges.get_mut(&badge.digest) {
                holders.retain(|holder| holder != name);
                if holders.is_empty() {
                    self.badges.remove(&badge.digest);
                }
            }
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
        view.holders(&digest(badge)).iter().map(ToString::to_string).collect()
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
        assert!(names(&view, 1).is_empty() && view.people_count() == 1);
    }

    #[test]
    fn an_unreadable_document_counts_as_absent_and_is_named() {
        let mut view = View::default();
        let broken = |path: &str| serde_json::json!({"path": path, "document": {"node": 5, "expires": "x", "windows": 1}});
        view.take(line(serde_json::json!({"type": "snapshot", "documents": [person("alice", 1)]})));
        let paths = ["people/alice.toml", "doorbot/doors/front.toml", "doorbot/schedules/night.toml"];
        view.take(line(serde_json::json!({"type": "change", "changed": paths.map(broken)})));
        assert!(names(&view, 1).is_empty(), "the old document must not let her in");
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
