//! Whether a badge opens a door, and why, in words that a member understands. Pure.
//!
//! The order of the questions is that of MakeIt Labs' authbackend (`determineAccess`), so that the reason told
//! is the first that matters: whose badge, is the badge good, is the person a member, are they locked out, do
//! they have the certificate, is it their hour. What the door cannot know (the time, news from others) its
//! document decides. Nothing is let in by accident: each way to "allowed" passes every question.

use crate::{
    door_document::{Choice, DoorDocument},
    person::{Badge, Certificate, Person, State},
    time::{Now, for_people},
    view::View,
};
use model::{BadgeDigest, Millis, Name};
use serde::Serialize;

const DAY_MS: u64 = 86_400_000;

/// The name of the schedule that is no schedule.
const ALWAYS: &str = "always";

/// What comes of a badge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The door opens.
    Allowed,
    /// It does not, and we know whose badge it is.
    Denied,
    /// Nobody's badge.
    Unknown,
    /// The door cannot tell.
    Error,
}

/// An outcome and everything that is said about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What comes of it.
    pub outcome: Outcome,
    /// Whose badge it is; two if it stands at two people.
    pub people: Vec<Name>,
    /// Why, for the member.
    pub reason: String,
    /// What the member should know although they are let in; empty if nothing.
    pub warning: String,
    /// Of a badge of nobody: the beginning of its digest, to find it again.
    pub badge: Option<String>,
}

/// Why somebody is not let in.
struct Refusal(Outcome, String);

/// A door and what it needs to decide.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// What the ledger says.
    pub view: &'a View,
    /// The door's name.
    pub name: &'a Name,
    /// Its document.
    pub door: &'a DoorDocument,
    /// The time, and how far to believe it.
    pub now: &'a Now,
}

impl Decision {
    /// An outcome about nobody.
    pub fn of_nobody(outcome: Outcome, reason: impl Into<String>) -> Self {
        Self { outcome, people: Vec::new(), reason: reason.into(), warning: String::new(), badge: None }
    }
}

impl Question<'_> {
    /// Decides about a card that has these digests, the widest number first.
    pub fn decide(&self, digests: &[BadgeDigest]) -> Decision {
        if !self.view.is_loaded() {
            return Decision::of_nobody(
                Outcome::Error,
                "This door has not read the list of members yet. Try again in a moment.",
            );
        }
        // The widest number says most: a narrow one may be another card's too.
        match digests.iter().map(|digest| self.view.holders(digest)).find(|holders| !holders.is_empty()) {
            None => self.unknown(digests),
            Some([name]) => self.about(name, digests),
            Some(names) => Decision {
                people: names.to_vec(),
                ..Decision::of_nobody(
                    Outcome::Denied,
                    "This badge is entered for more than one person. Ask for that to be put right.",
                )
            },
        }
    }

    fn unknown(&self, digests: &[BadgeDigest]) -> Decision {
        Decision {
            badge: digests.first().map(BadgeDigest::short),
            ..Decision::of_nobody(Outcome::Unknown, "This badge is not known here.")
        }
    }

    fn about(&self, name: &Name, digests: &[BadgeDigest]) -> Decision {
        let Some(person) = self.view.person(name) else {
            return self.unknown(digests);
        };
        let mut warnings = Vec::new();
        let (outcome, reason) = match self.refusal(person, digests, &mut warnings) {
            Ok(()) => (Outcome::Allowed, format!("Welcome, {}.", person.shown)),
            Err(Refusal(outcome, reason)) => (outcome, reason),
        };
        let warning = if outcome == Outcome::Allowed { warnings.join(" ") } else { String::new() };
        Decision { outcome, people: vec![name.clone()], reason, warning, badge: None }
    }

    /// Every question in its order; the first that is not answered well ends it.
    fn refusal(
        &self,
        person: &Person,
        digests: &[BadgeDigest],
        warnings: &mut Vec<String>,
    ) -> Result<(), Refusal> {
        digests.iter().filter_map(|digest| person.badge(digest)).try_for_each(badge_is_good)?;
        is_member(person)?;
        warnings.extend(self.has_not_expired(person)?);
        if let Some(text) = &person.lockout {
            return denied(format!("You are locked out: {text}"));
        }
        self.has_certificate(person)?;
        self.is_their_hour(person)?;
        warnings.extend(self.clock_will_do(person)?);
        warnings.extend(self.news_will_do()?);
        warnings.extend(person.warning.as_deref().map(str::to_string));
        Ok(())
    }

    fn has_not_expired(&self, person: &Person) -> Result<Option<String>, Refusal> {
        let Some(expires) = person.expires.filter(|_| self.now.trusted) else { return Ok(None) };
        if self.now.at < expires {
            return Ok(None);
        }
        let last = expires.plus(self.door.grace_days.saturating_mul(DAY_MS));
        let ran_out = format!("Your membership ran out on {}.", self.date(expires));
        if self.now.at < last {
            Ok(Some(format!("{ran_out} You are let in until {}.", self.date(last))))
        } else {
            Err(Refusal(Outcome::Denied, ran_out))
        }
    }

    fn has_certificate(&self, person: &Person) -> Result<(), Refusal> {
        let resource = self.door.resource.as_ref().unwrap_or(self.name);
        let Some(certificate) = person.certificate(resource) else {
            return denied(no_certificate(person, resource));
        };
        if let Some(reason) = &certificate.revoked {
            return denied(because(format!("Your certificate for {resource} was revoked"), reason));
        }
        if certificate.level < self.door.level_min.max(0) {
            return denied(self.too_low(resource, certificate));
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

    fn too_low(&self, resource: &Name, certificate: &Certificate) -> String {
        match (certificate.level, &certificate.reason) {
            (..0, Some(reason)) => format!("You have no access to {resource}: {reason}"),
            (-2, None) => format!("Your certificate for {resource} is not confirmed yet."),
            (..0, None) => format!("Your certificate for {resource} gives no access."),
            (level, _) => format!(
                "Your certificate for {resource} has level {level}; this door asks for {}.",
                self.door.level_min
            ),
        }
    }

    fn is_their_hour(&self, person: &Person) -> Result<(), Refusal> {
        let Some(name) = self.schedule_of(person) else { return Ok(()) };
        let Some(schedule) = self.view.schedule(name) else {
            let text =
                format!("The schedule {name} of this door cannot be read. Tell those who look after it.");
            return Err(Refusal(Outcome::Error, text));
        };
        if !self.now.trusted {
            return denied("This door does not know the time, and your plan has hours.".to_string());
        }
        if schedule.is_open(self.now.at, &self.now.zone) {
            return Ok(());
        }
        let title = if schedule.title.is_empty() { name.as_str() } else { &schedule.title };
        let next = schedule.next_opening(self.now.at, &self.now.zone);
        let next = next.and_then(|at| for_people(at, &self.now.zone));
        let again = next.map_or(String::new(), |(time, _)| format!(" It opens for you again on {time}."));
        denied(format!("Your plan opens this door at other hours ({title}).{again}"))
    }

    /// The schedule that the person's plan has at this door.
    fn schedule_of(&self, person: &Person) -> Option<&Name> {
        let schedules = &self.door.schedules;
        let named = schedules.get(&*person.plan).filter(|_| &*person.plan != "*");
        named.or_else(|| schedules.get("*")).filter(|name| name.as_str() != ALWAYS)
    }

    /// Without a trusted clock, what has an end could not be checked.
    fn clock_will_do(&self, person: &Person) -> Result<Option<String>, Refusal> {
        let resource = self.door.resource.as_ref().unwrap_or(self.name);
        let certificate = person.certificate(resource);
        let timed = certificate.is_some_and(|found| found.from.is_some() || found.until.is_some());
        if self.now.trusted || !(timed || person.expires.is_some()) {
            return Ok(None);
        }
        match self.door.clock_untrusted {
            Choice::Allow => {
                Ok(Some("This door does not know the time; dates were not checked.".to_string()))
            }
            Choice::Deny => {
                denied("This door does not know the time and cannot check your dates.".to_string())
            }
        }
    }

    fn news_will_do(&self) -> Result<Option<String>, Refusal> {
        let Some(max) = self.door.max_stale_ms.filter(|max| self.now.stale_ms > *max) else {
            return Ok(None);
        };
        match self.door.stale {
            Choice::Allow => Ok(Some(format!("This door has had no news for {}.", span(self.now.stale_ms)))),
            Choice::Deny => denied(format!(
                "This door has had no news for {}, over its limit of {}.",
                span(self.now.stale_ms),
                span(max)
            )),
        }
    }

    fn date(&self, at: Millis) -> String {
        for_people(at, &self.now.zone).map_or_else(|| at.date().to_string(), |(_, date)| date)
    }
}

fn badge_is_good(badge: &Badge) -> Result<(), Refusal> {
    match (&badge.revoked, &badge.state) {
        (Some(reason), _) => denied(because("This badge was revoked".to_string(), reason)),
        (None, State::Not(word)) if &**word == "lost" => denied("This badge was reported lost.".to_string()),
        (None, State::Not(word)) if &**word == "inactive" => denied("This badge is not active.".to_string()),
        (None, State::Not(word)) => denied(format!("This badge is not active ({word}).")),
        (None, State::Active) => Ok(()),
    }
}

fn is_member(person: &Person) -> Result<(), Refusal> {
    match &person.state {
        State::Active => Ok(()),
        State::Not(word) if &**word == "paused" => denied("Your membership is paused.".to_string()),
        State::Not(word) if &**word == "left" => denied("Your membership has ended.".to_string()),
        State::Not(word) => denied(format!("Your membership is not active ({word}).")),
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

fn denied<T>(reason: String) -> Result<T, Refusal> {
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

#[cfg(test)]
#[path = "access_tests.rs"]
mod tests;
