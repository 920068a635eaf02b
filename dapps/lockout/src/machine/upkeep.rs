//! What a machine needs between two uses: somebody who looks at it, and maintenance after so many hours of running.

use super::{Ended, Event, Machine, Output};
use crate::maintenance::{Meter, Need};
use model::Name;

/// How a machine stands, for the ledger to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upkeep {
    /// Whether somebody must look at it before its next use.
    pub inspection_due: bool,
    /// For how long it has run.
    pub meter: Meter,
    /// Who used it, looked at it or maintained it.
    pub by: Name,
    /// Why this is kept, in a few words.
    pub why: &'static str,
}

impl Machine {
    /// How it stands with maintenance.
    pub(super) fn need(&self) -> Need {
        self.document.maintenance.map_or(Need::Fine, |maintenance| maintenance.need(&self.meter))
    }

    /// Why nobody but a supervisor may begin: the ledger's lock first, then maintenance.
    pub(super) fn closed(&self) -> Option<String> {
        let due = || "Maintenance is due.".to_string();
        self.lock.clone().or_else(|| (self.need() == Need::Due).then(due))
    }

    /// What whoever begins is told of the maintenance that is near.
    pub(super) fn soon(&self) -> Option<String> {
        let maintenance = self.document.maintenance.filter(|_| self.need() == Need::Soon)?;
        Some(format!("Maintenance is due after {} of running.", maintenance.left_for_people(&self.meter)))
    }

    /// Adds a reading of the meter to sums of a session; `running_ms` are not in the meter yet.
    pub(super) fn with_meter(&self, session: Ended, running_ms: u64) -> Ended {
        let ran_s = self.document.maintenance.map(|_| (self.meter.ran_ms + running_ms) / 1000);
        Ended { ran_s, ..session }
    }

    /// Another reading of the meter.
    pub(super) fn read_meter(&mut self, meter: Meter, out: &mut Vec<Output>) {
        self.meter.meet(meter);
        self.tell_need(None, out);
    }

    /// After a session: what it makes due.
    pub(super) fn wear(&mut self, person: &Name, used: bool, active_ms: u64, out: &mut Vec<Output>) {
        let inspects = used && self.document.inspection.is_some();
        if inspects {
            self.due = true;
            out.push(Output::Event(Event::Inspection { due: true, by: person.clone() }));
        }
        self.meter.run(active_ms);
        self.tell_need(Some(person), out);
        let counts = self.document.maintenance.is_some() && active_ms > 0;
        if inspects || counts {
            out.push(self.upkeep(person, if inspects { "used, to be inspected" } else { "used" }));
        }
    }

    pub(super) fn pass_inspection(&mut self, by: &Name, out: &mut Vec<Output>) {
        self.due = false;
        out.push(Output::Event(Event::Inspection { due: false, by: by.clone() }));
        out.push(self.upkeep(by, "inspected"));
    }

    pub(super) fn maintain(&mut self, by: &Name, out: &mut Vec<Output>) {
        self.meter.maintain();
        self.tell_need(Some(by), out);
        out.push(self.upkeep(by, "maintained"));
    }

    /// Says how it stands with maintenance, where that has changed.
    fn tell_need(&mut self, by: Option<&Name>, out: &mut Vec<Output>) {
        let need = self.need();
        if std::mem::replace(&mut self.told_need, need) != need {
            out.push(Output::Event(Event::Maintenance { need, meter: self.meter, by: by.cloned() }));
        }
    }

    fn upkeep(&self, by: &Name, why: &'static str) -> Output {
        Output::Upkeep(Upkeep { inspection_due: self.due, meter: self.meter, by: by.clone(), why })
    }
}
