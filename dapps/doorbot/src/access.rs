//! Whether a badge opens a door, and why, in words that a member understands. Pure.
//!
//! The order of the questions is that of MakeIt Labs' authbackend (`determineAccess`), so that the reason told
//! is the first that matters: whose badge, is the badge good, is the person a member, are they locked out, do
//! they have the certificate, is it their hour. What the door cannot know (the time, news from others) its
//! document decides. Nothing is let in by accident: each way to "allowed" passes every question.

use crate::{door_document::DoorDocument, view::View};
pub use dapp::kit::admission::Outcome;
use dapp::kit::{
    admission::{Admission, Refusal, badge_is_good, denied, is_member, is_not_locked_out},
    person::Person,
    time::{Now, for_people},
};
use model::{BadgeDigest, Name};

/// The name of the schedule that is no schedule.
const ALWAYS: &str = "always";

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
        match self.view.people().holders_of_card(digests) {
            [] => self.unknown(digests),
            [name] => self.about(name, digests),
            names => Decision {
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
        let Some(person) = self.view.people().get(name) else {
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
        let admission = self.admission();
        warnings.extend(admission.has_not_expired(person)?);
        is_not_locked_out(person)?;
        admission.has_certificate(person)?;
        self.is_their_hour(person)?;
        warnings.extend(admission.clock_will_do(person)?);
        warnings.extend(admission.news_will_do()?);
        warnings.extend(person.warning.as_deref().map(str::to_string));
        Ok(())
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

    /// What is asked at every place.
    fn admission(&self) -> Admission<'_> {
        Admission {
            place: "door",
            resource: self.door.resource.as_ref().unwrap_or(self.name),
            level_min: self.door.level_min,
            grace_days: self.door.grace_days,
            clock_untrusted: self.door.clock_untrusted,
            max_stale_ms: self.door.max_stale_ms,
            stale: self.door.stale,
            now: self.now,
        }
    }
}

#[cfg(test)]
#[path = "access_tests.rs"]
mod tests;
