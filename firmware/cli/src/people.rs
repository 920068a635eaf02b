//! A person as the commands show one, read from `people/<name>.toml`.
//!
//! For reading only: what a command writes goes into the document itself, so that keys which this ledgerctl
//! does not know stay as they are.

use crate::{
    error::{Hint, Result, refused},
    view::View,
};
use agent::home::Home;
use model::{Document, Millis, Name, StatePath};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The level of a certificate that nobody has confirmed yet.
const PENDING: i64 = -2;

/// A person.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Person {
    /// The name that is shown.
    #[serde(default)]
    pub name: String,
    /// The plan, in the organisation's own words.
    #[serde(default)]
    pub plan: String,
    /// `active`, `paused` or `left`.
    #[serde(default)]
    pub state: String,
    /// When the membership ends.
    pub expires: Option<Millis>,
    /// What to tell the person at the door.
    pub warning: Option<String>,
    /// Why the person may not use anything.
    pub lockout: Option<String>,
    /// Badges by digest.
    #[serde(default)]
    pub badges: BTreeMap<String, Badge>,
    /// Certificates by resource.
    #[serde(default)]
    pub certificates: BTreeMap<String, Certificate>,
}

/// A badge of a person.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Badge {
    /// What people call it.
    #[serde(default)]
    pub label: String,
    /// `card-number` or `legacy-tag-id`: what the digest was made from.
    #[serde(default)]
    pub kind: String,
    /// `active`, `lost`, or another word.
    #[serde(default)]
    pub state: String,
    /// Set once it is revoked, for ever.
    pub revoked: Option<Revoked>,
}

/// A right to use a resource.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Certificate {
    /// How much is allowed: 0 user, 1 trainer, and so on; below 0 nothing.
    #[serde(default)]
    pub level: i64,
    /// Why the level is below 0.
    pub reason: Option<String>,
    /// From when.
    pub from: Option<Millis>,
    /// Until when; without end if it is not there.
    pub until: Option<Millis>,
    /// Set once it is revoked, for ever.
    pub revoked: Option<Revoked>,
}

/// The mark of a revocation.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Revoked {
    /// When.
    pub at: Millis,
    /// By whom.
    pub by: String,
    /// Why.
    pub reason: String,
}

impl Badge {
    /// Whether it opens anything.
    pub fn is_active(&self) -> bool {
        self.revoked.is_none() && self.state == "active"
    }

    /// `active`, `lost`, `revoked`.
    pub fn standing(&self) -> &str {
        if self.revoked.is_some() { "revoked" } else { &self.state }
    }
}

impl Certificate {
    /// `valid`, `pending`, `no access`, `not yet`, `ended` or `revoked`: the first that the doorbot would tell.
    pub fn standing(&self, now: Millis) -> &'static str {
        match (&self.revoked, self.from, self.until) {
            (Some(_), _, _) => "revoked",
            _ if self.level == PENDING => "pending",
            _ if self.level < 0 => "no access",
            (_, Some(from), _) if from > now => "not yet",
            (_, _, Some(until)) if until <= now => "ended",
            _ => "valid",
        }
    }

    /// Why it opens nothing, if somebody wrote it down.
    pub fn why(&self) -> &str {
        let held_up = self.reason.as_deref().filter(|_| self.level < 0);
        self.revoked.as_ref().map(|revoked| revoked.reason.as_str()).or(held_up).unwrap_or_default()
    }
}

/// Where a person's document is.
pub fn path_of(name: &Name) -> Result<StatePath> {
    Ok(format!("people/{name}.toml").parse()?)
}

/// Reads a person out of a document.
pub fn read(path: &StatePath, document: &Document) -> Result<Person> {
    document.to_value().hint(
        || format!("{path} does not describe a person"),
        "look at it with git, and put it right with: ledgerctl propose --set",
    )
}

/// Refused if a new document at this path would be that of a person whose name none can have.
pub fn check_path(path: &StatePath) -> Result {
    let file = path.as_str().strip_prefix("people/").and_then(|file| file.strip_suffix(".toml"));
    file.and_then(|name| name.parse().ok()).map_or(Ok(()), |name| check_name(&name))
}

/// Refused if no person can have this name. Whoever makes a person's document comes here by [`check_path`]; `init` and
/// `keys add --generate`, which write the person's key before it, directly.
pub fn check_name(name: &Name) -> Result {
    let hint = "choose another name for them, such as node-person; the name that is shown is free";
    Home::check_person_name(name).map_err(|error| refused(error.to_string(), hint))
}

/// One person; refused if the ledger has none of that name.
pub fn find(view: &View, name: &Name) -> Result<Person> {
    let path = path_of(name)?;
    let document = view.document(&path)?.ok_or_else(|| unknown(view, name))?;
    read(&path, &document)
}

/// Everybody, by name.
pub fn all(view: &View) -> Result<Vec<(String, Person)>> {
    let read_one = |(path, document): &(StatePath, Document)| Ok((stem(path), read(path, document)?));
    view.documents("people")?.iter().map(read_one).collect()
}

/// A file's name without its folder and `.toml`.
pub fn stem(path: &StatePath) -> String {
    let last = path.parts().next_back().unwrap_or_default();
    last.strip_suffix(".toml").unwrap_or(last).to_string()
}

fn unknown(view: &View, name: &Name) -> anyhow::Error {
    let close = view
        .files("people")
        .unwrap_or_default()
        .iter()
        .map(stem)
        .find(|other| distance(other, name.as_str()) * 2 < other.len());
    let hint = match close {
        Some(other) => format!("did you mean {other}? ledgerctl people list shows everybody"),
        None => "ledgerctl people list shows everybody; ledgerctl people add makes somebody".to_string(),
    };
    refused(format!("no such person: {name}"), hint)
}

/// How many letters differ (Levenshtein).
fn distance(one: &str, two: &str) -> usize {
    let two: Vec<char> = two.chars().collect();
    let mut row: Vec<usize> = (0..=two.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in two.iter().enumerate() {
            let change = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[two.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_near() {
        assert_eq!(distance("alice", "alcie"), 2);
        assert_eq!(distance("bob", "bob"), 0);
        assert_eq!(distance("", "bob"), 3);
    }

    #[test]
    fn a_person_of_an_older_or_newer_kind_still_reads() {
        let document = Document::parse(b"name = 'A'\nshoe_size = 42\n[badges.ab]\nlabel = 'x'\n").unwrap();
        let person = read(&"people/a.toml".parse().unwrap(), &document).unwrap();
        assert_eq!((person.name.as_str(), person.badges.len()), ("A", 1));
        assert!(!person.badges["ab"].is_active(), "silence is no permission");
    }

    fn certificate(level: i64) -> Certificate {
        let reason = Some("Past due".to_string());
        Certificate { level, reason, from: Some(Millis(5)), until: Some(Millis(9)), revoked: None }
    }

    #[test]
    fn a_level_below_zero_is_never_valid_and_its_reason_is_told() {
        let told = |level| (certificate(level).standing(Millis(5)), certificate(level).why().to_string());
        assert_eq!(told(-1), ("no access", "Past due".to_string()));
        assert_eq!(told(-2), ("pending", "Past due".to_string()));
        assert_eq!(told(0), ("valid", String::new()), "what once held it up does not count any more");
    }

    #[test]
    fn a_certificate_ends_at_its_moment_and_not_after() {
        let certificate = certificate(0);
        let standings: Vec<_> = [4, 5, 8, 9].map(|at| certificate.standing(Millis(at))).into();
        assert_eq!(standings, ["not yet", "valid", "valid", "ended"]);
    }
}
