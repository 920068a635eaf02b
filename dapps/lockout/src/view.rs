//! What the ledger says about people and machines, in memory.
//!
//! Built from the watch's snapshot and kept by its changes; the machines decide from it when everything else is
//! gone. Documents that cannot be read are named in [`View::faults`] and count as absent, but for a machine's: of
//! that the last readable one stays in force, so that a slip of the pen does not stop a workshop.

use crate::{
    grant::Grant,
    inspection::{Inspection, State},
    issue::Issue,
    machine_document::MachineDocument,
    maintenance::Meter,
    reservation::Reservation,
};
use dapp::kit::{
    feed::{FeedDocument, FeedKind, FeedLine, keep_readable},
    people::People,
};
use model::{Name, StatePath};
use std::{collections::BTreeMap, mem::take};

/// The ledger as a machine sees it.
#[derive(Debug, Default)]
pub struct View {
    loaded: bool,
    people: People,
    machines: BTreeMap<Name, MachineDocument>,
    /// Issues that can be read, by machine and name.
    issues: BTreeMap<(Name, Name), Issue>,
    inspections: BTreeMap<Name, Inspection>,
    /// By machine and person.
    grants: BTreeMap<(Name, Name), Grant>,
    /// By machine and name.
    reservations: BTreeMap<(Name, Name), Reservation>,
    faults: BTreeMap<StatePath, String>,
}

/// The places whose documents we read.
enum Place {
    Person(Name),
    Machine(Name),
    Issue(Name, Name),
    Inspection(Name),
    Grant(Name, Name),
    Reservation(Name, Name),
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

    /// The machines by name.
    pub fn machines(&self) -> &BTreeMap<Name, MachineDocument> {
        &self.machines
    }

    /// Why a machine is locked: by its own document first, else by its first open issue that locks.
    pub fn lock(&self, machine: &Name) -> Option<String> {
        let own = self.machines.get(machine).and_then(|document| document.lockout.clone());
        let mut issues = self.issues.iter().filter(|((of, _), _)| of == machine);
        own.or_else(|| issues.find_map(|(_, issue)| issue.lock().map(str::to_string)))
    }

    /// Whether somebody must look at a machine before its next use.
    pub fn is_inspection_due(&self, machine: &Name) -> bool {
        self.inspections.get(machine).is_some_and(|inspection| inspection.state == State::Due)
    }

    /// For how long a machine has run, as far as the ledger knows.
    pub fn meter(&self, machine: &Name) -> Meter {
        self.inspections.get(machine).map_or(Meter::default(), Inspection::meter)
    }

    /// What a supervisor granted somebody at a machine, in force or not.
    pub fn grant(&self, machine: &Name, person: &Name) -> Option<&Grant> {
        self.grants.get(&(machine.clone(), person.clone()))
    }

    /// The reservations of a machine, in force or not.
    pub fn reservations(&self, machine: &Name) -> Vec<&Reservation> {
        self.reservations.iter().filter(|((of, _), _)| of == machine).map(|(_, one)| one).collect()
    }

    /// Documents that cannot be read, and why.
    pub fn faults(&self) -> &BTreeMap<StatePath, String> {
        &self.faults
    }

    /// Takes a snapshot: what is not in it is gone.
    fn start_over(&mut self, documents: &[FeedDocument]) {
        let mut machines = take(&mut self.machines);
        *self = Self { loaded: true, ..Self::default() };
        for document in documents {
            if let Place::Machine(name) = place(&document.path) {
                self.machines.extend(machines.remove_entry(&name));
            }
            self.put(document);
        }
    }

    fn put(&mut self, document: &FeedDocument) {
        self.faults.remove(&document.path);
        let json = document.document.get();
        let fault = match place(&document.path) {
            Place::Person(name) => self.people.put(name, json),
            Place::Machine(name) => keep_readable(&mut self.machines, name, MachineDocument::parse(json)),
            Place::Issue(machine, name) => put(&mut self.issues, (machine, name), Issue::parse(json)),
            Place::Inspection(name) => put(&mut self.inspections, name, Inspection::parse(json)),
            Place::Grant(machine, person) => put(&mut self.grants, (machine, person), Grant::parse(json)),
            Place::Reservation(machine, name) => {
                put(&mut self.reservations, (machine, name), Reservation::parse(json))
            }
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
            Place::Machine(name) => drop(self.machines.remove(&name)),
            Place::Issue(machine, name) => drop(self.issues.remove(&(machine, name))),
            Place::Inspection(name) => drop(self.inspections.remove(&name)),
            Place::Grant(machine, person) => drop(self.grants.remove(&(machine, person))),
            Place::Reservation(machine, name) => drop(self.reservations.remove(&(machine, name))),
            Place::Elsewhere => {}
        }
    }
}

/// Puts what was read into its place, where otherwise nothing stays; the fault, if there is one.
fn put<K: Ord, T, E: ToString>(readable: &mut BTreeMap<K, T>, key: K, read: Result<T, E>) -> Option<String> {
    readable.remove(&key);
    match read {
        Ok(new) => readable.insert(key, new).and(None),
        Err(error) => Some(error.to_string()),
    }
}

fn place(path: &StatePath) -> Place {
    let parts: Vec<&str> = path.parts().collect();
    let name = |file: &str| file.strip_suffix(".toml").and_then(|name| name.parse().ok());
    let found = match parts[..] {
        ["people", file] => name(file).map(Place::Person),
        ["lockout", "machines", file] => name(file).map(Place::Machine),
        ["lockout", "inspections", file] => name(file).map(Place::Inspection),
        ["lockout", "issues", machine, file] => {
            machine.parse().ok().zip(name(file)).map(|(machine, name)| Place::Issue(machine, name))
        }
        ["lockout", "grants", machine, file] => {
            machine.parse().ok().zip(name(file)).map(|(machine, person)| Place::Grant(machine, person))
        }
        ["reservations", machine, file] => {
            machine.parse().ok().zip(name(file)).map(|(machine, name)| Place::Reservation(machine, name))
        }
        _ => None,
    };
    found.unwrap_or(Place::Elsewhere)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const SAW: &str = "lockout/machines/saw.toml";
    const ISSUE: &str = "lockout/issues/saw/1.toml";

    fn view(documents: &[(&str, Value)]) -> View {
        let mut view = View::default();
        view.take(line("documents", documents));
        view
    }

    fn line(field: &str, documents: &[(&str, Value)]) -> FeedLine {
        let documents: Vec<_> =
            documents.iter().map(|(path, document)| json!({"path": path, "document": document})).collect();
        let kind = if field == "documents" { "snapshot" } else { "change" };
        serde_json::from_str(&json!({"type": kind, field: documents}).to_string()).unwrap()
    }

    fn saw() -> Name {
        "saw".parse().unwrap()
    }

    #[test]
    fn a_machine_is_locked_by_its_document_or_by_an_open_issue_that_locks() {
        let issue = json!({"text": "smells", "locks": true});
        let mut seen = view(&[(SAW, json!({"node": "n", "lockout": "broken"})), (ISSUE, issue.clone())]);
        assert_eq!(seen.lock(&saw()).as_deref(), Some("broken"));
        seen.take(line("changed", &[(SAW, json!({"node": "n"}))]));
        assert_eq!(seen.lock(&saw()).as_deref(), Some("smells"));
        assert_eq!(seen.lock(&"sawmill".parse().unwrap()), None);
        let closed = json!({"text": "smells", "locks": true, "closed": {"by": "bob"}});
        seen.take(line("changed", &[(ISSUE, closed)]));
        assert_eq!(seen.lock(&saw()), None);
    }

    #[test]
    fn an_inspection_is_due_until_it_passed() {
        let path = "lockout/inspections/saw.toml";
        let mut seen = view(&[(path, json!({"state": "due", "by": "bob", "at": 5}))]);
        assert!(seen.is_inspection_due(&saw()));
        seen.take(line("changed", &[(path, json!({"state": "passed", "by": "bob", "at": 6}))]));
        assert!(!seen.is_inspection_due(&saw()));
    }

    #[test]
    fn an_unreadable_machine_leaves_the_last_readable_one_in_force_and_an_issue_is_absent() {
        let mut seen = view(&[(SAW, json!({"node": "n"})), (ISSUE, json!({"text": "x", "locks": true}))]);
        seen.take(line("changed", &[(SAW, json!({"knot": "n"})), (ISSUE, json!({"locks": true}))]));
        assert!(seen.machines().contains_key("saw") && seen.lock(&saw()).is_none());
        assert_eq!(seen.faults().len(), 2);
        seen.take(line("documents", &[(SAW, json!({"knot": "n"}))]));
        assert!(seen.machines().contains_key("saw"));
        seen.take(line("documents", &[]));
        assert!(seen.machines().is_empty() && seen.faults().is_empty());
    }
}
