//! A machine that must be homed: with its current it may only look for its home, until it has found it in time.
//!
//! What says so is a contact of the machine, or the badge of somebody who may. Without current it forgets where its head is,
//! so it is homed again after every stop. A machine that was not homed in time loses its current as soon as it stands still.

use super::{Event, Machine, Output};
use dapp::kit::time::Ticks;
use model::Name;

impl Machine {
    /// Until when it must be homed, if it gets its current at `now`.
    pub(super) fn home_until(&self, now: Ticks, safety_ms: u64) -> Option<Ticks> {
        self.document.homing.map(|homing| now + safety_ms + homing.within_ms)
    }

    /// Whether somebody of this level may say that it is homed.
    pub(super) fn may_override_homing(&self, level: i64) -> bool {
        let own = self.document.homing.and_then(|homing| homing.override_level_min);
        level >= own.unwrap_or(self.document.supervisor_level_min)
    }

    /// It has found its home, or somebody says so.
    pub(super) fn home(&mut self, overridden_by: Option<Name>, out: &mut Vec<Output>) {
        let Some(session) = self.session.as_mut().filter(|session| session.must_be_homed()) else { return };
        session.home = None;
        let overridden = overridden_by.is_some();
        let by = overridden_by.unwrap_or_else(|| session.person.clone());
        out.push(Output::Event(Event::Homing { overridden, by }));
    }
}
