//! When a machine gets its current, when it loses it, and how a session ends.

use super::{
    End, Event, Halt, LEASE_MS, LockState, Machine, Output,
    session::{Power, Session},
};
use dapp::kit::time::Ticks;

impl Machine {
    /// What time and contacts do to the session.
    pub(super) fn carry_on(&mut self, now: Ticks, out: &mut Vec<Output>) {
        let (trouble, runs) = (self.trouble(), self.runs() == Some(true));
        let ready = self.is_ready();
        let Some(session) = &mut self.session else { return };
        match &session.power {
            Power::Off { .. } if self.lock.is_some() && !session.despite_lock => {
                self.end(now, End::Lockout, out);
            }
            Power::Off { halt, until } if *until <= now => {
                let end = halt.as_ref().map_or(End::NotStarted, End::from);
                self.end(now, end, out);
            }
            Power::Off { .. } if session.is_over(now) => self.end(now, End::GrantOver, out),
            Power::Off { .. } if session.armed && ready => self.enable(now, out),
            Power::Off { .. } => {}
            Power::Checking { .. } | Power::On if trouble.is_some() => self.halt(now, trouble, out),
            Power::Checking { .. } if runs => {
                let person = Some(session.person.clone());
                self.cut(now, out);
                out.push(Output::Event(Event::Safety { what: Halt::StartedItself, cleared: false, person }));
                self.end(now, End::StartedItself, out);
            }
            Power::Checking { until } if *until <= now => session.pass_check(now),
            Power::Checking { .. } => {}
            Power::On => {
                if let Some(end) = session.end_now(now, &self.document.times) {
                    self.end(now, end, out);
                }
            }
        }
        let Some(session) = &mut self.session else { return };
        if session.renews(now) {
            out.push(Output::On { for_ms: LEASE_MS });
        }
        if let Some(session) = session.report(now) {
            let running_ms = session.active_ms;
            out.push(Output::Event(Event::Running(self.with_meter(session, running_ms))));
        }
    }

    /// Ends the session, if there is one.
    pub(super) fn end(&mut self, now: Ticks, end: End, out: &mut Vec<Output>) {
        self.cut(now, out);
        let Some(session) = self.session.take() else { return };
        let (person, used) = (session.person.clone(), session.was_on());
        let ended = session.ended(now, end);
        let active_ms = ended.active_ms;
        out.push(Output::Event(Event::Ended(self.with_meter(ended, active_ms))));
        self.wear(&person, used, active_ms, out);
        self.last_user = Some((person, now));
        if std::mem::take(&mut self.lock_waits) {
            let reason = self.lock.clone().unwrap_or_default();
            out.push(Output::Event(Event::Lockout { state: LockState::Locked, reason }));
        }
    }

    /// Somebody pressed the button that arms the machine: that counts when nothing else is missing. On a machine that
    /// has its current it says that somebody is still there.
    pub(super) fn press_start(&mut self, now: Ticks) {
        let ready = self.is_ready();
        match &mut self.session {
            Some(session) if session.is_on() => session.extend(now),
            Some(session) => session.armed |= ready,
            None => {}
        }
    }

    /// Whether nothing is missing but the button.
    pub(super) fn is_ready(&self) -> bool {
        self.trouble().is_none() && self.stands_still() && !self.waits_for_buddy()
    }

    /// Whether a second person must come.
    pub(super) fn waits_for_buddy(&self) -> bool {
        self.document.buddy.is_some() && self.session.as_ref().is_some_and(|session| session.buddy.is_none())
    }

    /// What keeps the machine without current. A main switch that seems off while the machine runs is waited for.
    pub(super) fn trouble(&self) -> Option<Halt> {
        let devices = &self.document.devices;
        if !self.sensors.is_off(devices.estop.as_ref()) {
            return Some(Halt::Estop);
        }
        let mut interlocks = devices.interlocks.iter();
        if let Some(open) = interlocks.find(|name| !self.sensors.is_off(Some(name))) {
            return Some(Halt::Interlock(open.clone()));
        }
        let busy = self.session.as_ref().is_some_and(Session::is_busy);
        let lost = !self.sensors.is_off(devices.power_lost.as_ref()) && !busy;
        lost.then_some(Halt::PowerLost)
    }

    fn stands_still(&self) -> bool {
        self.sensors.is_off(self.document.devices.sense.as_ref())
    }

    fn enable(&mut self, now: Ticks, out: &mut Vec<Output>) {
        let devices = &self.document.devices;
        let safety_ms = if devices.sense.is_some() { self.document.times.safety_ms } else { 0 };
        let home = self.home_until(now, safety_ms);
        let Some(session) = &mut self.session else { return };
        if let Power::Off { halt: Some(what), .. } = &session.power {
            let (what, person) = (what.clone(), Some(session.person.clone()));
            out.push(Output::Event(Event::Safety { what, cleared: true, person }));
        }
        session.switch_on(now, safety_ms, home);
    }

    /// The loop or an interlock opened: no current, and a while to put that right.
    fn halt(&mut self, now: Ticks, trouble: Option<Halt>, out: &mut Vec<Output>) {
        self.cut(now, out);
        let Some((session, what)) = self.session.as_mut().zip(trouble) else { return };
        session.switch_off(Some(what.clone()), now + self.document.times.arm_ms);
        let person = Some(session.person.clone());
        out.push(Output::Event(Event::Safety { what, cleared: false, person }));
    }

    pub(super) fn cut(&mut self, now: Ticks, out: &mut Vec<Output>) {
        if self.is_on() {
            self.off_since = now;
            out.push(Output::Off);
        }
    }
}
