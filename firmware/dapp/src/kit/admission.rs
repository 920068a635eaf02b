//! Whether a person may use something, as far as their record and their certificate say so. Pure.
//!
//! The questions are those of MakeIt Labs' authbackend (`determineAccess`), each with a reason in words that a member
//! understands. In which order they are asked, and what is asked besides, is the dapp's. What a box cannot know
//! (the time, news from others) the document of the door or machine decides.

use super::{
    person::{Badge, Certificate, Person, State},
    time::{Now, for_people},
};
use model::{Millis, Name};
use serde::{Deserialize, Serialize};

const DAY_MS: u64 = 86_400_000;

/// What comes of a badge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The door opens, the machine is theirs.
    Allowed,
    /// It does not, and we know whose badge it is.
    Denied,
    /// Nobody's badge.
    Unknown,
    /// The door or machine cannot tell.
    Error,
}

/// Let in or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Choice {
    /// Let in, with a warning.
    #[default]
    Allow,
    /// Do not.
    Deny,
}

/// Why somebody is not let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal(pub Outcome, pub String);

/// What a door or a machine asks of a person, and what it knows.
#[derive(Debug, Clone, Copy)]
pub struct Admission<'a> {
    /// What it is to people: `door`, `machine`.
    pub place: &'static str,
    /// The certificate that is asked for.
    pub resource: &'a Name,
    /// Its least level; levels below 0 never count.
    pub level_min: i64,
    /// For how many days after its end a membership still counts, with a warning.
    pub grace_days: u64,
    /// What to do while the node does not know the time.
    pub clock_untrusted: Choice,
    /// After this long without news from other nodes the place says so, in milliseconds.
    pub max_stale_ms: Option<u64>,
    /// What to do then.
    pub stale: Choice,
    /// The time, and how far to believe it.
    pub now: &'a Now,
}

impl Admission<'_> {
    /// Whether the membership counts; a warning within grace.
    pub fn has_not_expired(&self, person: &Person) -> Result<Option<String>, Refusal> {
        let Some(expires) = person.expires.filter(|_| self.now.trusted) else { return Ok(None) };
        if self.now.at < expires {
            return Ok(None);
        }
        let last = expires.plus(self.grace_days.saturating_mul(DAY_MS));
        let ran_out = format!("Your membership ran out on {}.", self.date(expires));
        if self.now.at < last {
            Ok(Some(format!("{ran_out} You are let in until {}.", self.date(last))))
        } else {
            Err(Refusal(Outcome::Denied, ran_out))
        }
    }

    /// Whether there is a certificate, not revoked, of the level and in its time.
    pub fn has_certificate(&self, person: &Person) -> Result<(), Refusal> {
        let resource = self.resource;
        let Some(certificate) = person.certificate(resource) else {
            return denied(no_certificate(person, resource));
        };
        if let Some(reason) = &certificate.revoked {
            return denied(because(format!("Your certificate for {resource} was revoked"), reason));
        }
        if certificate.level < self.level_min.max(0) {
            return denied(self.too_low(certificate));
        }
        if !self.now.trusted {
            return Ok(());
        }
        match (certificate.from, certificate.until) {
            (Some(from), _) if self.now.at < from => {
                denied(format!("Your certificate for {resource} begins on {}.", self.date(from)))
            }
            (_, Some(until)) if until <= self.now.at => {
                denied(format!("Your certificate for {resource} ended on {}.", self.date(until)))
            }
            _ => Ok(()),
        }
    }

    fn too_low(&self, certificate: &Certificate) -> String {
        let resource = self.resource;
        match (certificate.level, &certificate.reason) {
            (..0, Some(reason)) => format!("You have no access to {resource}: {reason}"),
            (-2, None) => format!("Your certificate for {resource} is not confirmed yet."),
            (..0, None) => format!("Your certificate for {resource} gives no access."),
            (level, _) => format!(
                "Your certificate for {resource} has level {level}; this {} asks for {}.",
                self.place, self.level_min
            ),
        }
    }

    /// Without a trusted clock, what has an end could not be checked.
    pub fn clock_will_do(&self, person: &Person) -> Result<Option<String>, Refusal> {
        let certificate = person.certificate(self.resource);
        let timed = certificate.is_some_and(|found| found.from.is_some() || found.until.is_some());
        if self.now.trusted || !(timed || person.expires.is_some()) {
            return Ok(None);
        }
        let place = self.place;
        match self.clock_untrusted {
            Choice::Allow => {
                Ok(Some(format!("This {place} does not know the time; dates were not checked.")))
            }
            Choice::Deny => {
                denied(format!("This {place} does not know the time and cannot check your dates."))
            }
        }
    }

    /// Whether there was news within `max_stale_ms`.
    pub fn news_will_do(&self) -> Result<Option<String>, Refusal> {
        let Some(max) = self.max_stale_ms.filter(|max| self.now.stale_ms > *max) else {
            return Ok(None);
        };
        let silent = format!("This {} has had no news for {}", self.place, span(self.now.stale_ms));
        match self.stale {
            Choice::Allow => Ok(Some(format!("{silent}."))),
            Choice::Deny => denied(format!("{silent}, over its limit of {}.", span(max))),
        }
    }

    fn date(&self, at: Millis) -> String {
        for_people(at, &self.now.zone).map_or_else(|| at.date().to_string(), |(_, date)| date)
    }
}

/// Whether a badge is in use.
pub fn badge_is_good(badge: &Badge) -> Result<(), Refusal> {
    match (&badge.revoked, &badge.state) {
        (Some(reason), _) => denied(because("This badge was revoked".to_string(), reason)),
        (None, State::Not(word)) if &**word == "lost" => denied("This badge was reported lost.".to_string()),
        (None, State::Not(word)) if &**word == "inactive" => denied("This badge is not active.".to_string()),
        (None, State::Not(word)) => denied(format!("This badge is not active ({word}).")),
        (None, State::Active) => Ok(()),
    }
}

/// Whether the person is an active member.
pub fn is_member(person: &Person) -> Result<(), Refusal> {
    match &person.state {
        State::Active => Ok(()),
        State::Not(word) if &**word == "paused" => denied("Your membership is paused.".to_string()),
        State::Not(word) if &**word == "left" => denied("Your membership has ended.".to_string()),
        State::Not(word) => denied(format!("Your membership is not active ({word}).")),
    }
}

/// Whether the person is locked out of everything.
pub fn is_not_locked_out(person: &Person) -> Result<(), Refusal> {
    match &person.lockout {
        Some(text) => denied(format!("You are locked out: {text}")),
        None => Ok(()),
    }
}

/// A list says `denied` of whoever it does not let in, for want of the training or of a payment; so somebody it made
/// known is not sent to the training.
fn no_certificate(person: &Person, resource: &Name) -> String {
    if person.imported {
        return format!(
            "According to the imported list of members you have no access to {resource}. \
             Ask someone who keeps the members' records."
        );
    }
    format!("You have no certificate for {resource}. Ask for the training.")
}

/// A refusal of somebody whom we know.
pub fn denied<T>(reason: String) -> Result<T, Refusal> {
    Err(Refusal(Outcome::Denied, reason))
}

fn because(text: String, reason: &str) -> String {
    if reason.is_empty() { format!("{text}.") } else { format!("{text}: {reason}") }
}

fn span(ms: u64) -> String {
    match ms / 60_000 {
        minutes @ 0..120 => format!("{minutes} minutes"),
        minutes @ 120..2880 => format!("{} hours", minutes / 60),
        minutes => format!("{} days", minutes / 1440),
    }
}
