//! What a badge does at a machine.

use super::{AGAIN_MS, Answer, Began, End, Event, Machine, Output, session::Session};
use crate::{
    access::{Decision, Outcome},
    maintenance::Need,
    signal::Signal,
};
use dapp::kit::time::Ticks;
use model::{BadgeDigest, Name};

/// What is done for somebody who may use the machine.
#[derive(Debug, PartialEq)]
enum Action {
    /// A session begins.
    Begin,
    /// It ends, at once or when the machine stands still.
    Leave(End),
    /// Somebody is still there.
    Extend,
    /// The machine may have its current again.
    Rearm,
    /// The second person is there.
    Join,
    /// The machine was looked at.
    Inspect,
    /// It was maintained.
    Maintain,
    /// It is homed, somebody says.
    Home,
}

/// Somebody who may use the machine.
#[derive(Debug)]
struct Visitor {
    person: Name,
    level: i64,
    /// For how long, if not for good.
    left_ms: Option<u64>,
}

impl Visitor {
    fn of(person: &Name, decision: &Decision) -> Self {
        let left_ms = decision.granted.as_ref().map(|granted| granted.left_ms);
        Self { person: person.clone(), level: decision.level, left_ms }
    }
}

/// What is done, and the reason that the member is told; or the reason why nothing is.
type Reply = Result<(Action, Option<String>), String>;

impl Machine {
    pub(super) fn badge(
        &mut self,
        now: Ticks,
        digests: &[BadgeDigest],
        decide: &dyn Fn(&[BadgeDigest]) -> Decision,
        out: &mut Vec<Output>,
    ) {
        let reads = self.answer.is_none_or(|answer| answer.reads);
        if !reads || !self.connected || self.is_repeat(now, digests) {
            return;
        }
        self.last_badge = Some((digests.to_vec(), now));
        let mut decision = decide(digests);
        let mut action = None;
        if let Some(person) = decision.person() {
            match self.reply(now, person, &decision) {
                Ok((what, reason)) => {
                    action = Some((what, Visitor::of(person, &decision)));
                    decision.reason = reason.unwrap_or(decision.reason);
                }
                Err(reason) => decision = decision.denied(reason),
            }
        }
        self.show_outcome(now, decision.outcome);
        out.push(Output::Event(Event::Access(decision)));
        if let Some((action, visitor)) = action {
            self.act(now, action, visitor, out);
        }
    }

    /// A wire that picks up noise all day must neither block the machine nor fill the log.
    pub(super) fn bad_reading(&mut self, now: Ticks, reason: &str, out: &mut Vec<Output>) {
        if self.answer.is_some() {
            return;
        }
        let until = now + self.document.times.error_ms;
        self.answer = Some(Answer { signal: Signal::Error, reads: true, until });
        if self.complained.is_some_and(|at| now.since(at) < AGAIN_MS) {
            return;
        }
        self.complained = Some(now);
        let reason = format!("The badge was not read well ({reason}). Hold it to the reader again.");
        out.push(Output::Event(Event::Access(Decision::of_nobody(Outcome::Error, reason))));
    }

    fn is_repeat(&self, now: Ticks, digests: &[BadgeDigest]) -> bool {
        let last = self.last_badge.as_ref();
        let repeat_ms = self.document.times.repeat_ms;
        last.is_some_and(|(badge, at)| badge == digests && now.since(*at) < repeat_ms)
    }

    fn show_outcome(&mut self, now: Ticks, outcome: Outcome) {
        let times = self.document.times;
        match outcome {
            Outcome::Allowed => self.answer = None,
            Outcome::Denied => self.answer(now, Signal::Denied, times.denied_ms),
            Outcome::Unknown => self.answer(now, Signal::Unknown, times.denied_ms),
            Outcome::Error => self.answer(now, Signal::Error, times.error_ms),
        }
    }

    /// What the machine does for somebody whose certificate is good.
    fn reply(&self, now: Ticks, person: &Name, decision: &Decision) -> Reply {
        let level = decision.level;
        match &self.session {
            None => self.reply_free(level, decision.reserved.as_ref()),
            Some(session) if session.must_be_homed() && self.may_override_homing(level) => {
                Ok((Action::Home, Some("You say that the machine is homed.".into())))
            }
            Some(session) if session.person == *person => self.reply_user(now, session),
            Some(session) if session.buddy.as_ref() == Some(person) => {
                Ok((Action::Leave(End::BuddyLeft), Some(self.leaving(session))))
            }
            Some(session) => self.reply_other(session, level),
        }
    }

    fn reply_free(&self, level: i64, reserved: Option<&String>) -> Reply {
        let supervisor = level >= self.document.supervisor_level_min;
        let maintains = self.document.maintenance.filter(|_| self.need() == Need::Due);
        match (self.closed(), self.document.inspection.filter(|_| self.due)) {
            _ if self.are_mains_gone() => Err("The mains are gone. Wait until they are back.".into()),
            _ if self.unasked => {
                Err("This machine runs although it has no current from here. Tell those who look after it."
                    .into())
            }
            (_, Some(inspection)) if level >= inspection.level_min => {
                Ok((Action::Inspect, Some("Inspected. Hold the badge up again to use the machine.".into())))
            }
            (_, Some(_)) => Err("Somebody must inspect this machine after its last use.".into()),
            _ if maintains.is_some_and(|maintenance| level >= maintenance.level_min) => {
                Ok((Action::Maintain, Some("Maintained. Hold the badge up again to use the machine.".into())))
            }
            (Some(reason), None) if !supervisor => Err(format!("This machine is locked: {reason}")),
            (Some(reason), None) => Ok((Action::Begin, Some(format!("The machine is locked: {reason}")))),
            (None, None) => match reserved {
                Some(others) if !supervisor => Err(others.clone()),
                others => Ok((Action::Begin, others.cloned().or_else(|| self.soon()))),
            },
        }
    }

    fn reply_user(&self, now: Ticks, session: &Session) -> Reply {
        let (stands_warned, has_start) =
            (session.warns_of_rest(now, &self.document.times), self.document.devices.start.is_some());
        if session.is_on() {
            let extends = stands_warned && !session.is_busy() && session.leaving.is_none();
            return match extends {
                true => Ok((Action::Extend, Some("Go on.".into()))),
                false => Ok((Action::Leave(End::Badge), Some(self.leaving(session)))),
            };
        }
        match self.trouble() {
            _ if has_start || session.armed => Ok((Action::Leave(End::Badge), Some(self.leaving(session)))),
            Some(halt) => Err(format!("This machine has no current: {}.", halt.for_people())),
            None => Ok((Action::Rearm, Some("Go on.".into()))),
        }
    }

    fn reply_other(&self, session: &Session, level: i64) -> Reply {
        let buddy = self.document.buddy.filter(|_| !session.is_on() && self.waits_for_buddy());
        match buddy {
            Some(buddy) if level >= buddy.level_min => {
                Ok((Action::Join, Some(format!("You look after {}.", session.person))))
            }
            Some(buddy) => {
                Err(format!("The second person here needs a certificate of level {}.", buddy.level_min))
            }
            None if level >= self.document.supervisor_level_min => {
                Ok((Action::Leave(End::Forced), Some(self.leaving(session))))
            }
            None => Err(format!("{} uses this machine.", session.person)),
        }
    }

    fn leaving(&self, session: &Session) -> String {
        let text =
            if session.is_busy() { "The session ends when the machine stands still." } else { "Goodbye." };
        text.to_string()
    }

    fn act(&mut self, now: Ticks, action: Action, visitor: Visitor, out: &mut Vec<Output>) {
        let person = visitor.person.clone();
        match (action, &mut self.session) {
            (Action::Begin, None) => self.begin(now, visitor, out),
            (Action::Leave(end), Some(session)) => {
                if session.is_busy() {
                    session.leaving = Some(end);
                } else {
                    self.end(now, end, out);
                }
            }
            (Action::Extend, Some(session)) => session.extend(now),
            (Action::Rearm, Some(session)) => session.armed = true,
            (Action::Join, Some(session)) => session.buddy = Some(person),
            (Action::Home, Some(_)) => self.home(Some(person), out),
            (Action::Inspect, None) => self.pass_inspection(&person, out),
            (Action::Maintain, None) => self.maintain(&person, out),
            _ => {}
        }
    }

    fn begin(&mut self, now: Ticks, visitor: Visitor, out: &mut Vec<Output>) {
        let Visitor { person, level, left_ms } = visitor;
        let supervisor = level >= self.document.supervisor_level_min;
        let mut session = Session::new(person.clone(), supervisor, now, &self.document.times);
        session.despite_lock = self.closed().is_some();
        session.armed = self.document.devices.start.is_none();
        session.last = left_ms.map(|ms| now + ms);
        out.push(Output::Event(Event::Began(Began { person, despite_lock: session.despite_lock })));
        self.session = Some(session);
    }
}
