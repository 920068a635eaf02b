//! What the machine decides: from the record, the boot state and the slot that runs, the next thing that everything waits for.
//!
//! Each rule looks at what is and not at what was done last, so it does not matter how often the power went in between.

use super::{
    asked::May,
    effect::{Act, Verb},
    updater::Updater,
    writer::Stage,
};
use crate::{Gate, GateRules, Job, Outcome, Report, Seen, Uptime, Verdict, memory::one_line};
use slots::{Left, Slot, Standing, Status};

impl Updater {
    /// A trial that is found at the start is begun, and noted: one that hangs later leaves at least that.
    pub(super) fn look_at_start(&mut self, now: Uptime) {
        if let Job::Trying { target, .. } = self.record.job
            && target == self.running
            && !self.slots.is_good(target)
        {
            let gate = Gate::new(self.rules.gate.clone(), now);
            let started = format!("it started; {}", gate.standing());
            self.gate = Some(gate);
            self.note(&started);
        }
    }

    pub(super) fn note(&mut self, text: &str) {
        if let Job::Trying { note, .. } = &mut self.record.job {
            *note = one_line(text);
        }
    }

    /// The next thing that everything waits for, if there is one.
    pub(super) fn decide(&mut self, now: Uptime) -> Option<Act> {
        // A rule that only changes the record gives way to the next one, at most once for each job there is.
        for _ in 0..8 {
            let before = self.record.job.clone();
            let act = match before.clone() {
                Job::Idle => self.settle(now),
                Job::Writing { release, tries } => self.writing(release, tries, now),
                Job::Trying { release, target, .. } if target == self.running => self.on_trial(release, now),
                Job::Trying { release, target, tries, note, .. } => {
                    self.before_trial(release, target, tries, &note)
                }
                Job::Failing { release, target, reason, log } => self.failing(release, target, &reason, &log),
                Job::Back { left, target } => self.back(left, target),
            };
            if act.is_some() || self.record.job == before {
                return act;
            }
        }
        None
    }

    /// A start that lasts gives the slot its attempts back, and proves one that nobody asks for more.
    fn settle(&mut self, now: Uptime) -> Option<Act> {
        let full = self.slots.status(self.running) == Status::Good(Left::ALL);
        let first = self.slots.standing(self.running) == Standing::Settled;
        if self.settled || (full && first) || now < self.begun.plus(self.rules.settle_ms) {
            return None;
        }
        Some(Act::Boot(Verb::Commit))
    }

    fn writing(&mut self, release: Seen, tries: u8, now: Uptime) -> Option<Act> {
        if self.stopping {
            if self.writer.as_ref().is_none_or(|writer| !writer.is_busy()) {
                (self.writer, self.stopping, self.record.job) = (None, false, Job::Idle);
            }
            return None;
        }
        if let Some(act) = self.settle(now) {
            return Some(act);
        }
        let ready = self.writer.is_some() && self.slots.is_good(self.running);
        let writable = self.slots.status(self.target()) == Status::Unbootable;
        match self.writer_stage().filter(|_| ready)? {
            Stage::GivenUp(reason) => {
                let reason = reason.clone();
                self.end(&release, Outcome::NotWritten, &reason, "");
                None
            }
            Stage::Whole if self.may == May::All => {
                let (target, height) = (self.target(), self.height);
                let note = "it was never seen to start".to_owned();
                self.record.slots.set(target, Some(release.clone()));
                self.record.job = Job::Trying { release, target, tries: tries + 1, height, note };
                (self.proven, self.writer) = (true, None);
                None
            }
            Stage::Whole => None,
            _ if writable => None,
            _ if matches!(self.may, May::Nothing(_)) => None,
            _ => Some(Act::Boot(Verb::Write(self.target()))),
        }
    }

    /// Whether bytes may be written: the target is given up, and this is on record.
    pub(super) fn may_write(&self) -> bool {
        let writing = matches!(self.record.job, Job::Writing { .. }) && !self.stopping;
        let allowed = !matches!(self.may, May::Nothing(_));
        let given_up = self.slots.status(self.target()) == Status::Unbootable;
        writing && allowed && given_up && self.slots.is_good(self.running)
    }

    /// The trial is to begin, or was begun and is over, and the old slot runs.
    fn before_trial(&mut self, release: Seen, target: Slot, tries: u8, note: &str) -> Option<Act> {
        match self.slots.standing(self.running) {
            Standing::NextIs(_) => Some(Act::Restart),
            Standing::FellBackFrom(_) => {
                let reason = format!("it did not become healthy in as many starts as it had: {note}");
                self.record.job = failing(release, target, &reason, "");
                None
            }
            _ if self.proven && self.slots.status(target) == Status::Unbootable => {
                Some(Act::Boot(Verb::TryNext(target)))
            }
            _ if tries >= self.rules.tries => {
                let reason = format!("it was tried {tries} times and the box came back: {note}");
                self.record.job = failing(release, target, &reason, "");
                None
            }
            // The power went before the trial began. What is there is read again before it is trusted.
            _ => {
                self.record.slots.set(target, None);
                self.record.job = Job::Writing { release, tries };
                None
            }
        }
    }

    fn on_trial(&mut self, release: Seen, now: Uptime) -> Option<Act> {
        if self.slots.is_good(self.running) {
            return self.committed(release);
        }
        let verdict = match &self.gate {
            Some(gate) => gate.verdict(now),
            None => Verdict::Waits,
        };
        match verdict {
            Verdict::Waits => None,
            Verdict::Passed => Some(Act::Boot(Verb::Commit)),
            Verdict::Failed => {
                let standing = self.gate.as_ref().map(Gate::standing).unwrap_or_default();
                let GateRules { steady_ms, limit_ms, .. } = self.rules.gate;
                let (steady, limit) = (steady_ms / 1000, limit_ms / 1000);
                self.fail_trial(&format!("it was not healthy for {steady} s within {limit} s: {standing}"));
                None
            }
        }
    }

    /// It is good. What lies below the floor must not boot any more, not even to fall back to.
    fn committed(&mut self, release: Seen) -> Option<Act> {
        let other = self.target();
        let old = self.record.slots.get(other);
        let too_old = old.is_some_and(|old| self.record.memory.forbids(&old.version));
        if too_old && self.slots.order().has(other) {
            return Some(Act::Boot(Verb::Fail(other)));
        }
        self.gate = None;
        self.record.slots.set(self.running, Some(release.clone()));
        self.record.report(Report::new(release, Outcome::Installed, "", ""));
        self.record.job = Job::Idle;
        None
    }

    /// The trial that runs has failed.
    pub(super) fn fail_trial(&mut self, reason: &str) {
        if let Job::Trying { release, target, .. } = self.record.job.clone() {
            let log = self.gate.take().map(|gate| gate.log().to_owned()).unwrap_or_default();
            self.record.job = failing(release, target, reason, &log);
        }
    }

    fn failing(&mut self, release: Seen, target: Slot, reason: &str, log: &str) -> Option<Act> {
        let listed = self.slots.order().has(target);
        let other = self.slots.order().has(target.other());
        if target == self.running {
            return match (listed, other) {
                (true, true) => Some(Act::Boot(Verb::Fail(target))),
                (false, true) => Some(Act::Restart),
                (_, false) => {
                    self.end(&release, Outcome::Stuck, reason, log);
                    None
                }
            };
        }
        if listed && other && !self.slots.is_good(target) {
            return Some(Act::Boot(Verb::Fail(target)));
        }
        self.record.slots.set(target, None);
        self.end(&release, Outcome::RolledBack, reason, log);
        None
    }

    fn end(&mut self, release: &Seen, outcome: Outcome, reason: &str, log: &str) {
        self.record.memory.fail(release.clone(), reason);
        self.record.report(Report::new(release.clone(), outcome, reason, log));
        (self.record.job, self.writer, self.proven) = (Job::Idle, None, false);
    }

    fn back(&mut self, left: Option<Seen>, target: Slot) -> Option<Act> {
        let standing = self.slots.standing(self.running);
        if target == self.running {
            let reason = "a person went back from it";
            match left {
                Some(left) => self.end(&left, Outcome::WentBack, reason, ""),
                None => self.record.job = Job::Idle,
            }
            return None;
        }
        match standing {
            Standing::NextIs(_) => Some(Act::Restart),
            // It was tried, and did not do: the box stays where it is.
            Standing::FellBackFrom(_) => {
                self.record.job = Job::Idle;
                None
            }
            _ if self.slots.is_good(target) => Some(Act::Boot(Verb::RollBack)),
            _ => {
                self.record.job = Job::Idle;
                None
            }
        }
    }
}

fn failing(release: Seen, target: Slot, reason: &str, log: &str) -> Job {
    Job::Failing { release, target, reason: one_line(reason), log: crate::report::cut(log) }
}
