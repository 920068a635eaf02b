//! The machine of one machine. Pure: inputs and ticks in, switching, documents and events out.
//!
//! The relay is on only within a session, with the loop of the emergency stops and every interlock closed: the power
//! is a part of the session, and whatever opens the loop takes it away in the same step. A machine that runs is
//! cut by nothing else (but the end of the agent or of this program): whatever else ends a session waits until the
//! machine stands still. Every session that began ends with one event. It runs on ticks, so a clock that jumps
//! neither ends a session nor makes one longer.

mod badge;
mod event;
mod homing;
mod mains;
mod power;
mod sensors;
mod session;
mod show;
mod upkeep;

pub use event::{Began, End, Ended, Event, Halt, LockState};
pub use upkeep::Upkeep;

use crate::{
    access::Decision,
    machine_document::MachineDocument,
    maintenance::{Meter, Need},
    signal::Signal,
};
use dapp::kit::{lamps::Levels, time::Ticks};
use model::{BadgeDigest, Name};
use sensors::Sensors;
use session::Session;
use std::collections::BTreeMap;

/// For how long the relay is switched on at a time: the agent ends it if nobody asks again.
pub const LEASE_MS: u64 = 30_000;
/// How often it is asked again.
const RENEW_MS: u64 = 10_000;
/// How often a session that goes on says how it stands.
const REPORT_MS: u64 = 600_000;
/// Bad readings, and presses of the button for issues, count at most this often.
const AGAIN_MS: u64 = 60_000;

/// What happens to a machine.
pub enum Input<'a> {
    /// A badge was held to the reader; `decide` is asked only if it is read.
    Badge {
        /// Every digest under which it may be known, the widest number first.
        digests: &'a [BadgeDigest],
        /// Decides.
        decide: &'a dyn Fn(&[BadgeDigest]) -> Decision,
    },
    /// The reader read something that is no badge.
    BadReading(&'a str),
    /// A contact or button changed.
    Edge {
        /// Which.
        device: &'a Name,
        /// Its level.
        on: bool,
    },
    /// Why the ledger says that the machine is locked, if it does.
    Lock(Option<String>),
    /// Whether the ledger says that the machine must be looked at.
    InspectionDue(bool),
    /// For how long it has run, as the ledger or the log says.
    Meter(Meter),
    /// The agent is there; the contacts and buttons as they are.
    Connected(&'a BTreeMap<Name, bool>),
    /// The agent is gone; it, or what ended it, has made the outputs safe.
    Lost,
    /// The relay did not switch.
    RelayFailed,
    /// Time has passed.
    Tick,
}

/// What a machine wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// The relay on, for so long at most.
    On {
        /// In milliseconds.
        for_ms: u64,
    },
    /// The relay off.
    Off,
    /// The red lamp.
    Red(bool),
    /// The green lamp.
    Green(bool),
    /// The buzzer.
    Buzzer(bool),
    /// Something to keep in the log.
    Event(Event),
    /// Keep in the ledger how the machine stands.
    Upkeep(Upkeep),
    /// Keep in the ledger that somebody says that something is wrong.
    Issue {
        /// Who uses the machine, or did a moment ago.
        by: Option<Name>,
    },
}

/// An answer that is shown; badges are not read meanwhile, unless `reads`.
#[derive(Debug, Clone, Copy)]
struct Answer {
    signal: Signal,
    reads: bool,
    until: Ticks,
}

/// One machine.
#[derive(Debug)]
pub struct Machine {
    document: MachineDocument,
    sensors: Sensors,
    connected: bool,
    session: Option<Session>,
    lock: Option<String>,
    /// Whether the lock waits for the end of the session.
    lock_waits: bool,
    due: bool,
    meter: Meter,
    /// What was said last of maintenance.
    told_need: Need,
    /// When the current was cut, or we began to look.
    off_since: Ticks,
    /// Whether it runs although it has no current from us.
    unasked: bool,
    answer: Option<Answer>,
    /// Until when everything is counted.
    counted: Ticks,
    last_badge: Option<(Vec<BadgeDigest>, Ticks)>,
    last_user: Option<(Name, Ticks)>,
    complained: Option<Ticks>,
    reported: Option<Ticks>,
    /// What is shown, and since when.
    signal: (Signal, Ticks),
    /// What the lamps show; none if we do not know.
    shown: Option<Levels>,
}

impl Machine {
    /// A machine of which nothing is known yet.
    pub fn new(document: MachineDocument, now: Ticks) -> Self {
        Self {
            document,
            sensors: Sensors::default(),
            connected: false,
            session: None,
            lock: None,
            lock_waits: false,
            due: false,
            meter: Meter::default(),
            told_need: Need::Fine,
            off_since: now,
            unasked: false,
            answer: None,
            counted: now,
            last_badge: None,
            last_user: None,
            complained: None,
            reported: None,
            signal: (Signal::Ready, now),
            shown: None,
        }
    }

    /// What the ledger says of it.
    pub fn document(&self) -> &MachineDocument {
        &self.document
    }

    /// For how long it has run, but for the session that goes on.
    pub fn meter(&self) -> Meter {
        self.meter
    }

    /// Whether somebody uses it.
    pub fn is_in_use(&self) -> bool {
        self.session.is_some()
    }

    /// Whether it has its current from us.
    pub fn is_on(&self) -> bool {
        self.session.as_ref().is_some_and(Session::is_on)
    }

    /// Takes what happened at `now`, and gives what is to be done, in this order.
    pub fn step(&mut self, now: Ticks, input: Input<'_>) -> Vec<Output> {
        let mut out = Vec::new();
        self.pass_time(now, &mut out);
        match input {
            Input::Badge { digests, decide } => self.badge(now, digests, decide, &mut out),
            Input::BadReading(reason) => self.bad_reading(now, reason, &mut out),
            Input::Edge { device, on } => self.edge(now, device, on, &mut out),
            Input::Lock(lock) => self.set_lock(lock, &mut out),
            Input::InspectionDue(due) => self.due = due,
            Input::Meter(meter) => self.read_meter(meter, &mut out),
            Input::Connected(levels) => self.connect(now, levels, &mut out),
            Input::Lost => self.lose(now, &mut out),
            Input::RelayFailed => {
                self.end(now, End::Relay, &mut out);
                out.push(Output::Off);
                self.answer(now, Signal::Error, self.document.times.error_ms);
            }
            Input::Tick => {}
        }
        self.pass_time(now, &mut out);
        self.show(now, &mut out);
        out
    }

    /// Everything off: the program ends, or the machine is no longer ours.
    pub fn stop(&mut self, now: Ticks, end: End) -> Vec<Output> {
        let mut out = Vec::new();
        self.count(now);
        self.end(now, end, &mut out);
        out.extend([Output::Off, Output::Red(false), Output::Green(false), Output::Buzzer(false)]);
        out
    }

    /// When the machine wants its next tick, if nothing happens before.
    pub fn next_wake(&self, now: Ticks) -> Option<Ticks> {
        let times = &self.document.times;
        let answer = self.answer.map(|answer| answer.until);
        let session = self.session.as_ref().and_then(|session| session.next_wake(now, times));
        let runs = self.connected && !self.unasked && !self.is_on() && self.runs() == Some(true);
        let unasked = runs.then(|| self.off_since + times.coast_ms);
        let (signal, since) = self.signal;
        let blink = signal.next_change_ms(now.since(since), times.blink_ms).map(|ms| now + ms);
        [answer, session, unasked, blink.filter(|_| self.connected)].into_iter().flatten().min()
    }

    fn pass_time(&mut self, now: Ticks, out: &mut Vec<Output>) {
        self.count(now);
        self.answer = self.answer.filter(|answer| answer.until > now);
        if let Some(session) = &mut self.session {
            session.settle(now, &self.document.times);
        }
        self.carry_on(now, out);
        self.look_for_unasked(now, out);
    }

    /// Adds the time since the last step to the session.
    fn count(&mut self, now: Ticks) {
        let ms = now.since(self.counted);
        self.counted = now;
        let runs = self.runs() == Some(true);
        if let Some(session) = &mut self.session {
            session.count(ms, runs);
        }
    }

    fn edge(&mut self, now: Ticks, device: &Name, on: bool, out: &mut Vec<Output>) {
        let was = self.sensors.set(device, on);
        let (devices, rises) = (&self.document.devices, on && was == Some(false));
        if devices.sense.as_ref() == Some(device) {
            if let Some(session) = &mut self.session {
                session.runs(now, on);
            }
        } else if rises && devices.start.as_ref() == Some(device) {
            self.press_start(now);
        } else if was != Some(on) && devices.mains_lost.as_ref() == Some(device) {
            self.mains(now, on, out);
        } else if rises && devices.homed.as_ref() == Some(device) {
            self.home(None, out);
        } else if rises && devices.issue.as_ref() == Some(device) {
            self.report(now, out);
        }
    }

    /// Somebody presses the button that says that something is wrong.
    fn report(&mut self, now: Ticks, out: &mut Vec<Output>) {
        if self.reported.is_some_and(|at| now.since(at) < AGAIN_MS) {
            return;
        }
        self.reported = Some(now);
        let user = self.session.as_ref().map(|session| session.person.clone());
        let last = || self.last_user.as_ref().filter(|(_, at)| now.since(*at) < AGAIN_MS);
        let by = user.or_else(|| last().map(|(person, _)| person.clone()));
        out.push(Output::Event(Event::Issue { by: by.clone() }));
        out.push(Output::Issue { by });
    }

    /// A lock that comes while the machine has its current waits for the end of the session.
    fn set_lock(&mut self, lock: Option<String>, out: &mut Vec<Output>) {
        if self.lock == lock {
            return;
        }
        self.lock_waits = lock.is_some() && self.is_on();
        let state = match (&lock, self.lock_waits) {
            (None, _) => LockState::Unlocked,
            (Some(_), true) => LockState::Pending,
            (Some(_), false) => LockState::Locked,
        };
        let reason = lock.clone().unwrap_or_default();
        self.lock = lock;
        out.push(Output::Event(Event::Lockout { state, reason }));
    }

    fn connect(&mut self, now: Ticks, levels: &BTreeMap<Name, bool>, out: &mut Vec<Output>) {
        for device in self.document.devices.sensed() {
            if let Some(on) = levels.get(device) {
                self.sensors.set_unknown(device, *on);
            }
        }
        self.connected = true;
        self.shown = None;
        if !self.is_on() {
            self.off_since = now;
            out.push(Output::Off);
        }
    }

    fn lose(&mut self, now: Ticks, out: &mut Vec<Output>) {
        self.end(now, End::AgentLost, out);
        out.push(Output::Off);
        (self.connected, self.shown, self.unasked) = (false, None, false);
        self.sensors = Sensors::default();
    }

    /// A machine that runs although we give it no current: a relay that sticks, or a bridge.
    fn look_for_unasked(&mut self, now: Ticks, out: &mut Vec<Output>) {
        let runs = self.connected && !self.is_on() && self.runs() == Some(true);
        let is = runs && (self.unasked || now.since(self.off_since) >= self.document.times.coast_ms);
        if is != self.unasked {
            self.unasked = is;
            let person = self.session.as_ref().map(|session| session.person.clone());
            out.push(Output::Event(Event::Safety { what: Halt::Unasked, cleared: !is, person }));
        }
    }

    /// Whether the machine runs; none if there is no telling.
    fn runs(&self) -> Option<bool> {
        self.sensors.get(self.document.devices.sense.as_ref()?)
    }

    fn answer(&mut self, now: Ticks, signal: Signal, for_ms: u64) {
        self.answer = Some(Answer { signal, reads: false, until: now + for_ms });
    }
}

#[cfg(test)]
#[path = "../machine_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "../machine_properties.rs"]
mod properties;
