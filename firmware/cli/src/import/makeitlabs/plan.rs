//! From the records of a list to people's documents.
//!
//! What a list says about a member goes into `people/<slug>.toml`: badges, the certificate for the list's
//! resource, plan and warning. `imported_as` keeps the member's login name, so that the next list finds the same
//! document. What a list does not speak of stays as it is, and the same list a second time changes nothing.
//!
//! Decided here:
//! - A badge is known by the digest of its number, or of its tag id where a list has no more. `tag_digest` beside
//!   a number's badge lets a later v0 list find it, so that one fob is never two badges.
//! - What a list withdraws is undone by the next list that grants it. So a certificate that was never granted
//!   (`denied`) is taken out, one that is held up (`false`) gets level -1 and the reason, and a badge is put to
//!   `inactive`; none is *revoked*, which is for ever. What the ledger has revoked, or a person has put to
//!   another state (`lost`), no list brings back. None of it depends on a clock.
//! - Who or what is missing from a list keeps what it has, unless the list replaces the former one ([`Wish`]);
//!   and then only people and badges that came from a list are touched.
//! - `false` is about one badge if its text says so or another badge of the member opens; else it is about the
//!   member or the resource, and the badge stays as it is, for it may open other resources.
//! - `denied` carries the resource's standard text, which says nothing about the member: it is not kept.

use super::{Access, Badge, Fault, Problem, Record, slug::slug};
use crate::people;
use model::{BadgeDigest, BadgeKey, Document, Name, StatePath, Width};
use std::collections::{BTreeMap, BTreeSet};
use toml::{Table, Value};

/// What authbackend writes beside a badge that is out of use.
const DISABLED: &str = "This fob has been disabled";

/// The level that opens nothing.
const NO_ACCESS: i64 = -1;

/// What is wanted of a list.
pub struct Wish<'w> {
    /// The resource that the list is for, such as `frontdoor`.
    pub resource: &'w Name,
    /// The organisation's badge key.
    pub key: &'w BadgeKey,
    /// Whether whoever is missing from the list loses what former lists gave.
    pub replace: bool,
}

/// What is to be done.
#[derive(Debug, Default)]
pub struct Plan {
    /// The documents that change, as they shall be, in order of their paths.
    pub documents: Vec<(StatePath, Document)>,
    /// What could not be done.
    pub problems: Vec<Problem>,
    /// How many members of the list may use the resource.
    pub allowed: usize,
    /// How many members are in the list.
    pub members: usize,
}

/// Works out the documents. `people` is every document of the folder `people`.
pub fn plan(records: &[Record], people: &[(StatePath, Document)], wish: &Wish<'_>) -> Plan {
    let mut members = BTreeMap::<&str, Vec<&Record>>::new();
    for record in records {
        members.entry(&record.member).or_default().push(record);
    }
    let register = Register::of(people);
    let paths = register.paths(members.keys().copied());
    let mut plan = Plan { members: members.len(), ..Plan::default() };
    for (member, records) in &members {
        let Some(path) = paths.get(member) else { continue };
        let before = register.people.get(path).copied().cloned();
        let mut person = Person { path: path.clone(), table: before.unwrap_or_default().table().clone() };
        let granted = person.take_over(member, records, &register, wish, &mut plan.problems);
        plan.allowed += usize::from(granted);
        plan.keep(person, &register);
    }
    if wish.replace {
        for (_, path) in register.imported.iter().filter(|(member, _)| !members.contains_key(*member)) {
            let mut person = Person { path: (*path).clone(), table: register.people[*path].table().clone() };
            person.withdraw_badges(&BTreeSet::new());
            person.withdraw_certificate(wish.resource);
            plan.keep(person, &register);
        }
    }
    plan.documents.sort_by(|one, other| one.0.cmp(&other.0));
    plan
}

impl Plan {
    /// Keeps a person's document if it is another than before.
    fn keep(&mut self, person: Person, register: &Register<'_>) {
        let before = register.people.get(&person.path);
        match Document::from_table(person.table) {
            Ok(document) if before.is_some_and(|before| **before == document) => {}
            Ok(document) => self.documents.push((person.path, document)),
            Err(_) => {
                let fault = Fault::Person { path: person.path, problem: "it nests too deep" };
                self.problems.push(Problem::of_list(fault));
            }
        }
    }
}

/// The people of the ledger, by what a list can know them by.
struct Register<'p> {
    people: BTreeMap<&'p StatePath, &'p Document>,
    imported: BTreeMap<&'p str, &'p StatePath>,
    badges: BTreeMap<&'p str, &'p StatePath>,
}

impl<'p> Register<'p> {
    fn of(people: &'p [(StatePath, Document)]) -> Self {
        let (mut imported, mut badges) = (BTreeMap::new(), BTreeMap::new());
        for (path, document) in people {
            if let Some(member) = document.table().get("imported_as").and_then(Value::as_str) {
                imported.entry(member).or_insert(path);
            }
            let held = document.table().get("badges").and_then(Value::as_table);
            for (digest, badge) in held.into_iter().flatten() {
                badges.insert(digest.as_str(), path);
                if let Some(tag) = badge.get("tag_digest").and_then(Value::as_str) {
                    badges.insert(tag, path);
                }
            }
        }
        Self { people: people.iter().map(|(path, document)| (path, document)).collect(), imported, badges }
    }

    /// Whose a badge is, under any digest that a reader of it may look up.
    fn holder(&self, badge: &Badge, key: &BadgeKey) -> Option<&'p StatePath> {
        let mut digests: Vec<_> = badge.tag_ids().iter().map(|tag| key.of_tag_id(tag)).collect();
        if let Badge::Number(number) = badge {
            digests.extend(number.digests(key, &[Width::Bits32, Width::Bits24]));
        }
        digests.iter().find_map(|digest| self.badges.get(digest.to_string().as_str())).copied()
    }

    /// Each member's document: the one that was imported before, else one of the member's slug that nobody
    /// imported has, else a new one.
    fn paths<'m>(&self, members: impl Iterator<Item = &'m str>) -> BTreeMap<&'m str, StatePath> {
        let taken: BTreeSet<&StatePath> = self.imported.values().copied().collect();
        let (mut paths, mut given) = (BTreeMap::new(), BTreeSet::new());
        for member in members {
            let slug = slug(member);
            let numbered = (2..).map(|n| format!("people/{slug}-{n}.toml"));
            let new = std::iter::once(format!("people/{slug}.toml")).chain(numbered);
            let mut free = new
                .filter_map(|path| path.parse::<StatePath>().ok())
                .filter(|path| !taken.contains(path) && !given.contains(path))
                .filter(|path| people::check_path(path).is_ok());
            let path = self.imported.get(member).map(|path| (*path).clone()).or_else(|| free.next());
            if let Some(path) = path {
                given.insert(path.clone());
                paths.insert(member, path);
            }
        }
        paths
    }
}

/// A badge's digests: the one that it is known by, and that of its tag id.
struct Digests {
    own: String,
    tag: String,
    kind: &'static str,
}

impl Digests {
    fn of(badge: &Badge, key: &BadgeKey) -> Self {
        let (own, tag, kind): (BadgeDigest, BadgeDigest, _) = match badge {
            Badge::Number(number) => (key.of_number(*number), key.of_tag_id(&number.tag_id()), "card-number"),
            Badge::TagId(tag) => (key.of_tag_id(tag), key.of_tag_id(tag), "legacy-tag-id"),
        };
        Self { own: own.to_string(), tag: tag.to_string(), kind }
    }

    fn new_badge(&self, label: String) -> Table {
        let mut badge = Table::new();
        badge.insert("label".into(), label.into());
        badge.insert("kind".into(), self.kind.into());
        if self.own != self.tag {
            badge.insert("tag_digest".into(), self.tag.as_str().into());
        }
        badge
    }

    /// The key under which a person's badges hold it.
    fn key_in(&self, badges: &Table) -> Option<String> {
        let tagged =
            |badge: &Value| badge.get("tag_digest").and_then(Value::as_str) == Some(self.tag.as_str());
        let same = |key: &str, badge: &Value| key == self.own || key == self.tag || tagged(badge);
        badges.iter().find(|(key, badge)| same(key, badge)).map(|(key, _)| key.clone())
    }
}

/// What a list makes of a member's certificate.
struct Standing {
    level: i64,
    reason: Option<String>,
    endorsements: BTreeSet<String>,
}

impl Standing {
    /// By the records that open, the lowest level of them; else by the one that says why none does; nothing where
    /// nobody ever granted anything.
    fn of(records: &[&Record]) -> Option<Self> {
        let granting: Vec<_> = records.iter().filter(|record| grants(record)).collect();
        if let Some(level) = granting.iter().map(|record| record.level).min() {
            let endorsements = granting.iter().flat_map(|record| &record.endorsements).cloned().collect();
            return Some(Self { level, reason: None, endorsements });
        }
        let held_up = records.iter().find(|record| record.access != Access::Denied)?;
        let level = if held_up.access == Access::Withheld { NO_ACCESS } else { held_up.level };
        let reason = Some(held_up.warning.clone()).filter(|reason| !reason.is_empty());
        Some(Self { level, reason, endorsements: BTreeSet::new() })
    }
}

/// A person's document while it is changed.
struct Person {
    path: StatePath,
    table: Table,
}

impl Person {
    /// Whether the member may use the resource.
    fn take_over(
        &mut self,
        member: &str,
        records: &[&Record],
        register: &Register<'_>,
        wish: &Wish<'_>,
        problems: &mut Vec<Problem>,
    ) -> bool {
        self.say_who(member, records);
        let mut seen = BTreeSet::new();
        let useful = records.iter().any(|record| grants(record));
        for record in records {
            match self.badge(record, useful, register, wish.key) {
                Ok(key) => drop(seen.insert(key)),
                Err(fault) => problems.push(Problem::at(record.line, fault)),
            }
        }
        if wish.replace {
            self.withdraw_badges(&seen);
        }
        let Some(standing) = Standing::of(records) else {
            self.withdraw_certificate(wish.resource);
            return false;
        };
        let opens = standing.level >= 0;
        match self.certify(member, wish.resource, standing) {
            Ok(()) => opens,
            Err(fault) => {
                problems.extend(opens.then(|| Problem::at(records[0].line, fault)));
                false
            }
        }
    }

    /// Name, plan, state, warning.
    fn say_who(&mut self, member: &str, records: &[&Record]) {
        let name = member.replace(['.', '_'], " ");
        self.table.entry("name").or_insert_with(|| name.trim().into());
        self.table.entry("state").or_insert_with(|| "active".into());
        self.table.insert("imported_as".into(), member.into());
        if let Some(plan) = records.iter().map(|record| &record.plan).find(|plan| !plan.is_empty()) {
            self.table.insert("plan".into(), plan.as_str().into());
        }
        if records.iter().any(|record| grants(record)) {
            let mut granting = records.iter().filter(|record| grants(record)).map(|record| &record.warning);
            match granting.find(|warning| !warning.is_empty()) {
                Some(warning) => self.table.insert("warning".into(), warning.as_str().into()),
                None => self.table.remove("warning"),
            };
        }
    }

    /// Takes a badge in, and says under which key. `useful` is whether the member has a badge that opens.
    fn badge(
        &mut self,
        record: &Record,
        useful: bool,
        register: &Register<'_>,
        key: &BadgeKey,
    ) -> Result<String, Fault> {
        if let Some(path) = register.holder(&record.badge, key).filter(|path| **path != self.path) {
            return Err(Fault::Held { member: record.member.clone(), path: path.clone() });
        }
        let path = self.path.clone();
        let badges = self.sub_table("badges")?;
        let digests = Digests::of(&record.badge, key);
        let key = digests.key_in(badges).unwrap_or_else(|| digests.own.clone());
        let label = free_label(badges);
        let badge = badges.entry(key.as_str()).or_insert_with(|| digests.new_badge(label).into());
        let badge = badge.as_table_mut().ok_or(Fault::Person { path, problem: "a badge is a table" })?;
        if badge.contains_key("revoked") && record.access == Access::Allowed {
            let what = format!("badge {}", badge.get("label").and_then(Value::as_str).unwrap_or_default());
            return Err(Fault::Revoked { member: record.member.clone(), what });
        }
        let state = badge.get("state").and_then(Value::as_str);
        if matches!(state, None | Some("active" | "inactive")) {
            let asleep = state == Some("inactive") && record.access != Access::Allowed;
            let state = if asleep || is_disabled(record, useful) { "inactive" } else { "active" };
            badge.insert("state".into(), state.into());
        }
        Ok(key)
    }

    fn certify(&mut self, member: &str, resource: &Name, standing: Standing) -> Result<(), Fault> {
        let path = self.path.clone();
        let certificates = self.sub_table("certificates")?;
        let certificate = certificates.entry(resource.as_str()).or_insert_with(|| Table::new().into());
        let Some(certificate) = certificate.as_table_mut() else {
            return Err(Fault::Person { path, problem: "a certificate is a table" });
        };
        if certificate.contains_key("revoked") {
            return Err(Fault::Revoked {
                member: member.to_string(),
                what: format!("certificate for {resource}"),
            });
        }
        certificate.insert("level".into(), standing.level.into());
        put(certificate, "reason", standing.reason.map(Value::from));
        let endorsements: Vec<Value> = standing.endorsements.into_iter().map(Value::from).collect();
        put(certificate, "endorsements", (!endorsements.is_empty()).then(|| endorsements.into()));
        Ok(())
    }

    /// Takes the certificate out, unless it is revoked, which says more.
    fn withdraw_certificate(&mut self, resource: &Name) {
        let Some(certificates) = self.table.get_mut("certificates").and_then(Value::as_table_mut) else {
            return;
        };
        if certificates.get(resource.as_str()).is_some_and(|old| old.get("revoked").is_none()) {
            certificates.remove(resource.as_str());
        }
    }

    /// Puts the badges that came from a list, and are not in this one, to rest.
    fn withdraw_badges(&mut self, seen: &BTreeSet<String>) {
        let badges = self.table.get_mut("badges").and_then(Value::as_table_mut);
        for (key, badge) in badges.into_iter().flatten() {
            let Some(badge) = badge.as_table_mut() else { continue };
            let text = |key: &str| badge.get(key).and_then(Value::as_str);
            let from_a_list = text("kind") == Some("legacy-tag-id") || text("tag_digest").is_some();
            if from_a_list && !seen.contains(key.as_str()) && text("state") == Some("active") {
                badge.insert("state".into(), "inactive".into());
            }
        }
    }

    fn sub_table(&mut self, key: &'static str) -> Result<&mut Table, Fault> {
        let path = self.path.clone();
        let table = self.table.entry(key).or_insert_with(|| Table::new().into());
        table.as_table_mut().ok_or(Fault::Person { path, problem: "badges and certificates are tables" })
    }
}

/// Whether a record opens the resource. Levels below 0 are "pending" and "no access".
fn grants(record: &Record) -> bool {
    record.access == Access::Allowed && record.level >= 0
}

/// Whether a record says that this one badge is out of use. `false` may also be about the member's account or about
/// the resource: then every badge of the member has it, and the text is another.
fn is_disabled(record: &Record, useful: bool) -> bool {
    record.access == Access::Withheld && (useful || record.warning == DISABLED)
}

/// Sets a key, or takes it out.
fn put(table: &mut Table, key: &str, value: Option<Value>) {
    match value {
        Some(value) => table.insert(key.into(), value),
        None => table.remove(key),
    };
}

/// `badge 1`, or the next that the person does not have.
fn free_label(badges: &Table) -> String {
    let taken: BTreeSet<_> = badges.values().filter_map(|badge| badge.get("label")?.as_str()).collect();
    let mut labels = (1..).map(|n| format!("badge {n}"));
    labels.find(|label| !taken.contains(label.as_str())).unwrap_or_default()
}
