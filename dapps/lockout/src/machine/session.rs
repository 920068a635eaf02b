//! One person's use of a machine, with its timers and its sums.

use super::{
    RENEW_MS, REPORT_MS,
    event::{End, Ended, Halt},
};
use crate::machine_document::Times;
use dapp::kit::time::Ticks;
use model::Name;

/// A session.
#[derive(Debug)]
pub(super) struct Session {
    pub person: Name,
    pub supervisor: bool,
    pub despite_lock: bool,
    pub buddy: Option<Name>,
    pub power: Power,
    /// Whether start was pressed since the machine last lost its current, or need not be.
    pub armed: bool,
    /// How it ends as soon as the machine stands still.
    pub leaving: Option<End>,
    /// When its person may not use the machine any longer.
    pub last: Option<Ticks>,
    /// Until when the machine must be homed; none if it is, or need not be.
    pub home: Option<Ticks>,
    /// When the relay is asked for again.
    pub renew: Ticks,
    /// When it is said how the session stands.
    report: Ticks,
    began: Ticks,
    enabled_ms: u64,
    active_ms: u64,
    runs: u64,
    /// Since when it stands still.
    idle_since: Ticks,
    /// Since when it runs, short pauses included.
    busy_since: Option<Ticks>,
    /// Since when it pauses.
    pauses: Option<Ticks>,
}

/// Whether the machine has its current.
#[derive(Debug)]
pub(super) enum Power {
    /// Not yet, or not any more.
    Off {
        /// What took it away.
        halt: Option<Halt>,
        until: Ticks,
    },
    /// Since a moment; it must not run.
    Checking { until: Ticks },
    /// It has.
    On,
}

impl Session {
    pub fn new(person: Name, supervisor: bool, now: Ticks, times: &Times) -> Self {
        Self {
            person,
            supervisor,
            despite_lock: false,
            buddy: None,
            power: Power::Off { halt: None, until: now + times.arm_ms },
            armed: false,
            leaving: None,
            last: None,
            home: None,
            renew: now,
            report: now + REPORT_MS,
            began: now,
            enabled_ms: 0,
            active_ms: 0,
            runs: 0,
            idle_since: now,
            busy_since: None,
            pauses: None,
        }
    }

    pub fn is_on(&self) -> bool {
        !matches!(self.power, Power::Off { .. })
    }

    pub fn is_busy(&self) -> bool {
        self.busy_since.is_some()
    }

    /// Whether the machine has its current and is not homed yet.
    pub fn must_be_homed(&self) -> bool {
        matches!(self.power, Power::On) && self.home.is_some()
    }

    /// Whether the machine ever had its current.
    pub fn was_on(&self) -> bool {
        self.enabled_ms > 0 || self.is_on()
    }

    pub fn count(&mut self, ms: u64, runs: bool) {
        if self.is_on() {
            self.enabled_ms += ms;
            self.active_ms += if runs { ms } else { 0 };
        }
    }

    /// The machine begins to run, or pauses.
    pub fn runs(&mut self, now: Ticks, on: bool) {
        if !matches!(self.power, Power::On) {
            return;
        }
        match (on, self.busy_since) {
            (true, None) => {
                self.runs += 1;
                (self.busy_since, self.pauses) = (Some(now), None);
            }
            (true, Some(_)) => self.pauses = None,
            (false, Some(_)) => self.pauses = self.pauses.or(Some(now)),
            (false, None) => {}
        }
    }

    /// A pause that is long enough is standing still.
    pub fn settle(&mut self, now: Ticks, times: &Times) {
        if let Some(since) = self.pauses.filter(|since| *since + times.settle_ms <= now) {
            (self.busy_since, self.pauses, self.idle_since) = (None, None, since);
        }
    }

    pub fn switch_on(&mut self, now: Ticks, safety_ms: u64, home: Option<Ticks>) {
        self.power = if safety_ms > 0 { Power::Checking { until: now + safety_ms } } else { Power::On };
        (self.renew, self.idle_since, self.home) = (now, now, home);
    }

    pub fn switch_off(&mut self, halt: Option<Halt>, until: Ticks) {
        self.power = Power::Off { halt, until };
        (self.armed, self.busy_since, self.pauses, self.home) = (false, None, None, None);
    }

    /// The machine passed the check.
    pub fn pass_check(&mut self, now: Ticks) {
        (self.power, self.idle_since) = (Power::On, now);
    }

    /// Whether the relay is to be asked for again.
    pub fn renews(&mut self, now: Ticks) -> bool {
        let renews = self.is_on() && self.renew <= now;
        if renews {
            self.renew = now + RENEW_MS;
        }
        renews
    }

    /// Somebody says that they are still there.
    pub fn extend(&mut self, now: Ticks) {
        self.idle_since = now;
    }

    /// When standing still, or running, for too long ends the session.
    fn deadline(&self, times: &Times) -> Option<Ticks> {
        let idle_ms = if self.supervisor { times.idle_supervisor_ms } else { times.idle_ms };
        match self.busy_since {
            Some(since) => (times.busy_ms > 0 && self.leaving.is_none()).then(|| since + times.busy_ms),
            None => (idle_ms > 0).then(|| self.idle_since + idle_ms),
        }
    }

    /// How the session ends now, if it does.
    pub fn end_now(&mut self, now: Ticks, times: &Times) -> Option<End> {
        for (until, end) in [(&mut self.home, End::NotHomed), (&mut self.last, End::GrantOver)] {
            if until.take_if(|until| *until <= now).is_some() {
                self.leaving = self.leaving.or(Some(end));
            }
        }
        let over = self.deadline(times).is_some_and(|deadline| deadline <= now);
        if self.is_busy() {
            if over {
                self.leaving = Some(End::BusyTimeout);
            }
            return None;
        }
        self.leaving.or(over.then_some(End::Timeout))
    }

    /// From when there are warnings: of standing still or running for too long, and of the end of a grant.
    fn warns_from(&self, times: &Times) -> [Option<Ticks>; 2] {
        let before = |end: Ticks| Ticks(end.0.saturating_sub(times.warning_ms));
        [self.deadline(times).map(before), self.last.map(before)]
    }

    /// Whether the timers warn, so that somebody may say that they are still there.
    pub fn warns_of_rest(&self, now: Ticks, times: &Times) -> bool {
        let [rest, _] = self.warns_from(times);
        matches!(self.power, Power::On) && rest.is_some_and(|from| from <= now)
    }

    /// Whether its person may not use the machine any longer.
    pub fn is_over(&self, now: Ticks) -> bool {
        self.last.is_some_and(|last| last <= now)
    }

    /// Whether the end is near.
    pub fn warns(&self, now: Ticks, times: &Times) -> bool {
        matches!(self.power, Power::On)
            && (self.leaving.is_some()
                || self.warns_from(times).into_iter().flatten().any(|from| from <= now))
    }

    pub fn next_wake(&self, now: Ticks, times: &Times) -> Option<Ticks> {
        let pauses = self.pauses.map(|since| since + times.settle_ms);
        let own = match self.power {
            Power::Off { until, .. } => Some(until),
            Power::Checking { until } => Some(until.min(self.renew)),
            Power::On => {
                let warnings = self.warns_from(times).into_iter().flatten().filter(|from| *from > now);
                let ends = [pauses, self.deadline(times), self.home, self.last, Some(self.renew)];
                ends.into_iter().flatten().chain(warnings).min()
            }
        };
        [own, Some(self.report)].into_iter().flatten().min()
    }

    /// The session as it stands, where it is time to say so.
    pub fn report(&mut self, now: Ticks) -> Option<Ended> {
        if self.report > now {
            return None;
        }
        self.report = now + REPORT_MS;
        Some(self.ended(now, End::Lost))
    }

    pub fn ended(&self, now: Ticks, end: End) -> Ended {
        Ended {
            person: self.person.clone(),
            buddy: self.buddy.clone(),
            despite_lock: self.despite_lock,
            end,
            total_ms: now.since(self.began),
            enabled_ms: self.enabled_ms,
            active_ms: self.active_ms,
            runs: self.runs,
            ran_s: None,
        }
    }
}
