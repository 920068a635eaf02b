//! `people/<name>.toml`, as far as a door or a machine cares, in little memory.
//!
//! Other dapps write these documents too, so fields that are not of use there are skipped. Where a field is not
//! what it should be, the reading is the strict one: a state that we do not know is not active, a revocation in
//! any shape revokes. A document that cannot be read at all gives no person, and nobody gets in by it.

use model::{BadgeDigest, Millis, Name};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;
use std::collections::BTreeMap;

/// What is known of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The name that is shown.
    pub shown: Box<str>,
    /// The plan; empty if there is none.
    pub plan: Box<str>,
    /// `active`, `paused`, `left` or something else.
    pub state: State,
    /// When the membership ends.
    pub expires: Option<Millis>,
    /// Shown, and let in.
    pub warning: Option<Box<str>>,
    /// Shown, and not let in.
    pub lockout: Option<Box<str>>,
    /// Whether an imported list has the person; such lists do not say why they deny.
    pub imported: bool,
    /// The badges, sorted by digest.
    pub badges: Box<[Badge]>,
    /// The certificates, sorted by resource.
    pub certificates: Box<[Certificate]>,
}

/// Whether a membership or a badge counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It does.
    Active,
    /// It does not; the document's own word.
    Not(Box<str>),
}

/// A badge of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Badge {
    /// Under which digest it is known.
    pub digest: BadgeDigest,
    /// `active`, `lost` or something else.
    pub state: State,
    /// Why it was revoked; empty if that was not said.
    pub revoked: Option<Box<str>>,
}

/// A certificate of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// For what.
    pub resource: Name,
    /// How much: -2 pending, -1 no access, 0 user, 1 trainer and upwards.
    pub level: i64,
    /// From when.
    pub from: Option<Millis>,
    /// Until when.
    pub until: Option<Millis>,
    /// Why the level is what it is.
    pub reason: Option<Box<str>>,
    /// Why it was revoked; empty if that was not said.
    pub revoked: Option<Box<str>>,
}

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    name: Box<str>,
    #[serde(default)]
    plan: Box<str>,
    #[serde(default)]
    state: Option<Box<str>>,
    expires: Option<Millis>,
    warning: Option<Box<str>>,
    lockout: Option<Box<str>>,
    imported_as: Option<IgnoredAny>,
    #[serde(default)]
    badges: BTreeMap<BadgeDigest, BadgeDocument>,
    #[serde(default)]
    certificates: BTreeMap<Name, CertificateDocument>,
}

#[derive(Deserialize)]
struct BadgeDocument {
    #[serde(default)]
    state: Option<Box<str>>,
    #[serde(default)]
    revoked: Option<Value>,
}

#[derive(Deserialize)]
struct CertificateDocument {
    #[serde(default)]
    level: i64,
    from: Option<Millis>,
    until: Option<Millis>,
    reason: Option<Box<str>>,
    #[serde(default)]
    revoked: Option<Value>,
}

impl Person {
    /// Reads `people/<name>.toml` as JSON; `name` is shown where the document has none.
    pub fn parse(name: &Name, json: &str) -> Result<Self, serde_json::Error> {
        let document: Document = serde_json::from_str(json)?;
        let badge = |(digest, badge): (BadgeDigest, BadgeDocument)| Badge {
            digest,
            state: State::of(badge.state),
            revoked: badge.revoked.map(reason),
        };
        let certificate = |(resource, certificate): (Name, CertificateDocument)| Certificate {
            resource,
            level: certificate.level,
            from: certificate.from,
            until: certificate.until,
            reason: said(certificate.reason),
            revoked: certificate.revoked.map(reason),
        };
        let shown = if document.name.is_empty() { name.as_str().into() } else { document.name };
        Ok(Self {
            shown,
            plan: document.plan,
            state: State::of(document.state),
            expires: document.expires,
            warning: said(document.warning),
            lockout: said(document.lockout),
            imported: document.imported_as.is_some(),
            badges: document.badges.into_iter().map(badge).collect(),
            certificates: document.certificates.into_iter().map(certificate).collect(),
        })
    }

    /// The badge with this digest.
    pub fn badge(&self, digest: &BadgeDigest) -> Option<&Badge> {
        let found = self.badges.binary_search_by_key(digest, |badge| badge.digest);
        found.ok().map(|index| &self.badges[index])
    }

    /// The certificate for this resource.
    pub fn certificate(&self, resource: &Name) -> Option<&Certificate> {
        let found = self.certificates.binary_search_by(|certificate| certificate.resource.cmp(resource));
        found.ok().map(|index| &self.certificates[index])
    }
}

impl State {
    fn of(word: Option<Box<str>>) -> Self {
        match word {
            None => Self::Active,
            Some(word) if &*word == "active" => Self::Active,
            Some(word) => Self::Not(word),
        }
    }
}

fn said(text: Option<Box<str>>) -> Option<Box<str>> {
    text.filter(|text| !text.trim().is_empty())
}

/// The reason of a revocation, in whatever shape it came.
fn reason(revoked: Value) -> Box<str> {
    let text = revoked.get("reason").and_then(Value::as_str).or_else(|| revoked.as_str());
    text.unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(json: &str) -> Person {
        Person::parse(&"alice".parse().unwrap(), json).unwrap()
    }

    #[test]
    fn a_document_of_another_dapp_has_fields_that_a_door_skips() {
        let alice = person(r#"{"name": "Alice Example", "plan": "pro", "email": "a@b", "bookings": [1]}"#);
        assert_eq!((&*alice.shown, &*alice.plan, &alice.state), ("Alice Example", "pro", &State::Active));
        assert_eq!(&*person("{}").shown, "alice");
    }

    #[test]
    fn a_state_that_nobody_knows_is_not_active() {
        assert_eq!(person(r#"{"state": "Active"}"#).state, State::Not("Active".into()));
        assert_eq!(person(r#"{"state": "active"}"#).state, State::Active);
    }

    #[test]
    fn a_revocation_in_any_shape_revokes() {
        let digest = "ab".repeat(32);
        for (revoked, text) in [
            (r#"{"at": 5, "by": "k", "reason": "stolen"}"#, "stolen"),
            (r#""stolen""#, "stolen"),
            ("{}", ""),
            ("true", ""),
        ] {
            let json = format!(r#"{{"badges": {{"{digest}": {{"label": "x", "revoked": {revoked}}}}}}}"#);
            let badge = person(&json).badge(&digest.parse().unwrap()).unwrap().clone();
            assert_eq!(badge.revoked.as_deref(), Some(text), "{revoked}");
        }
    }

    #[test]
    fn a_document_that_cannot_be_read_gives_nobody() {
        let name = "alice".parse().unwrap();
        for bad in ["[]", r#"{"expires": "soon"}"#, r#"{"badges": {"xy": {}}}"#, r#"{"expires": -5}"#] {
            assert!(Person::parse(&name, bad).is_err(), "{bad} was taken");
        }
    }

    #[test]
    fn empty_texts_are_no_texts() {
        assert_eq!(person(r#"{"lockout": " ", "warning": ""}"#).lockout, None);
    }
}
