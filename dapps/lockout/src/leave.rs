//! By what somebody may use a machine: their certificate, or a grant of a supervisor. Pure.
//!
//! A grant helps whoever has no certificate, one that is not confirmed yet, has run out or is too low. It does not help
//! whom the organisation shut out of the machine: a certificate that was revoked, or that says "no access".

use crate::{access::Question, grant::Grant};
use dapp::kit::{
    admission::{Admission, Refusal, denied, is_member, is_not_locked_out},
    person::{Certificate, Person},
    time::for_people,
};
use model::Name;

/// The level of a certificate that says "no access".
const NO_ACCESS: i64 = -1;

/// By what somebody may use a machine.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Leave {
    pub level: i64,
    pub granted: Option<Granted>,
}

/// What comes of a grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// Who gave it.
    pub by: Name,
    /// For how long it still counts, in milliseconds.
    pub left_ms: u64,
}

/// A leave, and what its person should know.
type Told = (Leave, Option<String>);

impl Question<'_> {
    /// By what a person may use the machine, with what they should know.
    pub(crate) fn leave(
        &self,
        name: &Name,
        person: &Person,
        admission: &Admission<'_>,
    ) -> Result<Told, Refusal> {
        let certificate = person.certificate(admission.resource);
        let refusal = match admission.has_certificate(person) {
            Ok(()) => {
                let level = certificate.map_or(0, |found| found.level);
                return Ok((Leave { level, granted: None }, None));
            }
            Err(refusal) => refusal,
        };
        match self.view.grant(self.name, name) {
            Some(grant) if !certificate.is_some_and(shuts_out) => self.by_grant(name, grant, refusal),
            _ => Err(refusal),
        }
    }

    fn by_grant(&self, name: &Name, grant: &Grant, refusal: Refusal) -> Result<Told, Refusal> {
        let by = &grant.by;
        if !self.now.trusted {
            return denied(format!(
                "This machine does not know the time and cannot check the leave that {by} gave you."
            ));
        }
        if !grant.is_in_force(self.now.at) {
            return Err(refusal);
        }
        let level = self.level_of(grant);
        if level < self.machine.level_min.max(0) {
            return denied(format!(
                "The leave that {by} gave you is of level {level}, too low for this machine."
            ));
        }
        if !self.may_grant(name, grant) {
            return denied(format!("{by} may not give you leave for this machine."));
        }
        let granted = Granted { by: by.clone(), left_ms: grant.until.0.saturating_sub(self.now.at.0) };
        Ok((Leave { level, granted: Some(granted) }, Some(self.told_of(grant))))
    }

    fn told_of(&self, grant: &Grant) -> String {
        let until = for_people(grant.until, &self.now.zone).map(|(moment, _)| format!(" until {moment}"));
        format!("You use this machine by leave of {}{}.", grant.by, until.unwrap_or_default())
    }

    /// A supervisor in good standing gives what they have, and no more.
    pub(crate) fn may_grant(&self, to: &Name, grant: &Grant) -> bool {
        let Some(giver) = self.view.people().get(&grant.by).filter(|_| grant.by != *to) else { return false };
        let level_min = self.machine.supervisor_level_min.max(self.level_of(grant));
        let asked = Admission { level_min, ..self.admission() };
        let good = || {
            is_member(giver)?;
            asked.has_not_expired(giver)?;
            is_not_locked_out(giver)?;
            asked.has_certificate(giver)
        };
        good().is_ok()
    }

    fn level_of(&self, grant: &Grant) -> i64 {
        grant.level.unwrap_or(self.machine.level_min.max(0))
    }
}

fn shuts_out(certificate: &Certificate) -> bool {
    certificate.revoked.is_some() || certificate.level == NO_ACCESS
}
