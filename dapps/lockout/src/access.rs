//! Who holds a badge to a machine, and whether their record and their certificate let them use it. Pure.
//!
//! The answer does not know what the machine does now; whether it is locked, in use or waits for a second person is
//! asked by [`crate::machine`] of whoever is let in here.

pub use crate::leave::Granted;
use crate::{
    leave::Leave,
    machine_document::MachineDocument,
    reservation::{Reservation, Standing},
    view::View,
};
pub use dapp::kit::admission::Outcome;
use dapp::kit::{
    admission::{Admission, Refusal, badge_is_good, is_member, is_not_locked_out},
    person::Person,
    time::{Now, for_people},
};
use model::{BadgeDigest, Millis, Name};

/// An outcome and everything that is said about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What comes of it.
    pub outcome: Outcome,
    /// Whose badge it is; two if it stands at two people.
    pub people: Vec<Name>,
    /// The level of the certificate or grant, of somebody who is let in.
    pub level: i64,
    /// Who let them in without a certificate, and for how long.
    pub granted: Option<Granted>,
    /// For whom else the machine is reserved now, in words; asked of whoever begins.
    pub reserved: Option<String>,
    /// Why, for the member.
    pub reason: String,
    /// What the member should know although they are let in; empty if nothing.
    pub warning: String,
    /// Of a badge of nobody: the beginning of its digest, to find it again.
    pub badge: Option<String>,
}

/// A machine and what it needs to decide.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// What the ledger says.
    pub view: &'a View,
    /// The machine's name.
    pub name: &'a Name,
    /// Its document.
    pub machine: &'a MachineDocument,
    /// The time, and how far to believe it.
    pub now: &'a Now,
}

impl Decision {
    /// An outcome about nobody.
    pub fn of_nobody(outcome: Outcome, reason: impl Into<String>) -> Self {
        let (people, warning) = (Vec::new(), String::new());
        Self {
            outcome,
            people,
            level: 0,
            granted: None,
            reserved: None,
            reason: reason.into(),
            warning,
            badge: None,
        }
    }

    /// The same person, not let in after all.
    pub fn denied(self, reason: impl Into<String>) -> Self {
        Self { outcome: Outcome::Denied, reason: reason.into(), warning: String::new(), ..self }
    }

    /// The one person who is let in.
    pub fn person(&self) -> Option<&Name> {
        match &self.people[..] {
            [person] if self.outcome == Outcome::Allowed => Some(person),
            _ => None,
        }
    }
}

impl Question<'_> {
    /// Decides about a card that has these digests, the widest number first.
    pub fn decide(&self, digests: &[BadgeDigest]) -> Decision {
        if !self.view.is_loaded() {
            return Decision::of_nobody(
                Outcome::Error,
                "This machine has not read the list of members yet. Try again in a moment.",
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
        let Some(person) = self.view.people().get(name) else { return self.unknown(digests) };
        let people = vec![name.clone()];
        match self.warnings(name, person, digests) {
            Ok((leave, warning)) => {
                let reason = format!("Welcome, {}.", person.shown);
                let Leave { level, granted } = leave;
                let reserved = self.reserved(name);
                Decision {
                    people,
                    level,
                    granted,
                    reserved,
                    warning,
                    ..Decision::of_nobody(Outcome::Allowed, reason)
                }
            }
            Err(Refusal(outcome, reason)) => Decision { people, ..Decision::of_nobody(outcome, reason) },
        }
    }

    /// Every question in its order; the first that is not answered well ends it.
    fn warnings(
        &self,
        name: &Name,
        person: &Person,
        digests: &[BadgeDigest],
    ) -> Result<(Leave, String), Refusal> {
        digests.iter().filter_map(|digest| person.badge(digest)).try_for_each(badge_is_good)?;
        is_member(person)?;
        let admission = self.admission();
        let expiry = admission.has_not_expired(person)?;
        is_not_locked_out(person)?;
        let (leave, granted) = self.leave(name, person, &admission)?;
        let (clock, news) = (admission.clock_will_do(person)?, admission.news_will_do()?);
        let own = person.warning.as_deref().map(str::to_string);
        let warnings = [granted, self.reserved_soon(name), expiry, clock, news, own];
        Ok((leave, warnings.into_iter().flatten().collect::<Vec<_>>().join(" ")))
    }

    /// For whom else the machine is reserved now.
    fn reserved(&self, name: &Name) -> Option<String> {
        let reservations = self.view.reservations(self.name);
        let Standing::Taken(one) = self.standing(&reservations, name) else { return None };
        Some(format!("This machine is reserved for {} until {}.", self.shown(one), self.moment(one.until)))
    }

    fn reserved_soon(&self, name: &Name) -> Option<String> {
        let reservations = self.view.reservations(self.name);
        let Standing::Soon(one) = self.standing(&reservations, name) else { return None };
        Some(format!("This machine is reserved for {} from {} on.", self.shown(one), self.moment(one.from)))
    }

    /// Who does not know the time keeps nobody away.
    fn standing<'a>(&self, reservations: &[&'a Reservation], name: &Name) -> Standing<'a> {
        if self.now.trusted { Standing::of(reservations, name, self.now.at) } else { Standing::Free }
    }

    fn shown<'a>(&'a self, reservation: &'a Reservation) -> &'a str {
        let person = self.view.people().get(&reservation.person);
        person.map_or(reservation.person.as_str(), |person| &person.shown)
    }

    fn moment(&self, at: Millis) -> String {
        for_people(at, &self.now.zone).map_or_else(|| at.date().to_string(), |(moment, _)| moment)
    }

    pub(crate) fn admission(&self) -> Admission<'_> {
        let machine = self.machine;
        Admission {
            place: "machine",
            resource: machine.resource(self.name),
            level_min: machine.level_min,
            grace_days: machine.grace_days,
            clock_untrusted: machine.clock_untrusted,
            max_stale_ms: machine.max_stale_ms,
            stale: machine.stale,
            now: self.now,
        }
    }
}
