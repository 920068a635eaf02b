//! The mains are gone, and the box lives on its battery.
//!
//! Nothing runs then, and what would come back by itself with the mains must not: the session ends at once and the relay
//! falls, also of a machine that seems to run. When the mains are back, a badge begins anew.

use super::{End, Event, Halt, Machine, Output};
use dapp::kit::time::Ticks;

impl Machine {
    /// Whether the mains are gone. A contact whose level is not known says so, too.
    pub(super) fn are_mains_gone(&self) -> bool {
        !self.sensors.is_off(self.document.devices.mains_lost.as_ref())
    }

    /// The contact changed.
    pub(super) fn mains(&mut self, now: Ticks, gone: bool, out: &mut Vec<Output>) {
        let person = self.session.as_ref().map(|session| session.person.clone());
        if gone {
            self.cut(now, out);
        }
        out.push(Output::Event(Event::Safety { what: Halt::MainsLost, cleared: !gone, person }));
        if gone {
            self.end(now, End::MainsLost, out);
        }
    }
}
