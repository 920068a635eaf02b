//! The machine that holds all of an installation together: what it is told, and what it hands out.
//!
//! What it decides is in `steps`.

use super::{
    asked::{Busy, May, NoWayBack, Start, UpdaterRules},
    effect::{Act, Effect, Happened, Ticket, Verb},
    order::Order,
    writer::{Stage, WAIT_MS, Writer},
};
use crate::{Approved, Check, Gate, Job, Latest, Memory, Record, Report, Seen, Uptime};
use slots::{Slot, Slots};

/// How long after one that was not taken a report is told again.
const TELL_AGAIN_MS: u64 = 60_000;

/// The machine.
#[derive(Clone, Debug)]
pub struct Updater {
    pub(super) rules: UpdaterRules,
    pub(super) record: Record,
    pub(super) slots: Slots,
    pub(super) running: Slot,
    pub(super) begun: Uptime,
    pub(super) settled: bool,
    pub(super) gate: Option<Gate>,
    pub(super) writer: Option<Writer>,
    pub(super) may: May,
    pub(super) height: u64,
    /// The release in the target was read back right since this start.
    pub(super) proven: bool,
    pub(super) stopping: bool,
    saved: Record,
    number: u64,
    place: usize,
    /// The one effect that everything waits for.
    waits_for: Option<(Ticket, Act)>,
    telling: Option<(Ticket, Report)>,
    tell_at: Option<Uptime>,
    saving: Option<Record>,
    tickets: Ticket,
    retry: Option<Uptime>,
    wait_ms: u64,
    pub(super) trouble: Option<String>,
}

impl Updater {
    /// Begins with what a start found.
    pub fn start(rules: UpdaterRules, start: Start, now: Uptime) -> Self {
        let Start { latest: Latest { record, number, next }, slots, running, release } = start;
        let mut updater = Self {
            rules,
            saved: record.clone(),
            record,
            slots,
            running,
            begun: now,
            settled: false,
            gate: None,
            writer: None,
            may: May::Nothing("nothing is wanted".to_owned()),
            height: 0,
            proven: false,
            stopping: false,
            number,
            place: next,
            waits_for: None,
            telling: None,
            tell_at: None,
            saving: None,
            tickets: 0,
            retry: None,
            wait_ms: WAIT_MS.0,
            trouble: None,
        };
        if release.is_some() {
            updater.record.slots.set(running, release);
        }
        updater.look_at_start(now);
        updater
    }

    /// What the box remembers of releases.
    pub fn memory(&self) -> &Memory {
        &self.record.memory
    }

    /// Takes a release of the channel that the box follows into account.
    pub fn learn(&mut self, approved: &Approved) {
        self.record.memory.learn(approved);
    }

    /// A person wants a release tried again that failed here.
    pub fn forgive(&mut self, release: &Seen) {
        self.record.memory.forgive(&release.id);
    }

    /// What it is doing.
    pub fn job(&self) -> &Job {
        &self.record.job
    }

    /// The release that is to be written and whose order it was not given since this start.
    pub fn lacks_order(&self) -> Option<&Seen> {
        match &self.record.job {
            Job::Writing { release, .. } if self.writer.is_none() && !self.stopping => Some(release),
            _ => None,
        }
    }

    /// What lies whole in a slot, as far as is known.
    pub fn held(&self, slot: Slot) -> Option<&Seen> {
        self.record.slots.get(slot)
    }

    /// The release that runs has become known.
    pub fn recognise(&mut self, running: Seen) {
        self.record.slots.set(self.running, Some(running));
    }

    /// How far the ledger was before the trial that runs, for the check that wants it back there.
    pub fn height_before(&self) -> Option<u64> {
        match &self.record.job {
            Job::Trying { height, .. } => Some(*height),
            _ => None,
        }
    }

    /// How far it may go now, and how far the ledger is.
    pub fn allow(&mut self, may: May, height: u64) {
        (self.may, self.height) = (may, height);
    }

    /// Installs a release. Safe to repeat; another one takes the place of one that is only being written.
    pub fn begin(&mut self, order: Order) -> Result<(), Busy> {
        let release = order.release;
        let tries = match &self.record.job {
            Job::Idle => 0,
            Job::Back { .. } => return Err(Busy::Back),
            Job::Trying { release: on_trial, .. } | Job::Failing { release: on_trial, .. } => {
                // The same one that is tried is no other wish.
                let same = on_trial.id == release.id;
                return if same { Ok(()) } else { Err(Busy::Trial(on_trial.version.clone())) };
            }
            Job::Writing { release: written, tries } if written.id == release.id => {
                if self.writer.is_some() && !self.stopping {
                    return Ok(());
                }
                *tries
            }
            Job::Writing { .. } => 0,
        };
        if self.writer.as_ref().is_some_and(Writer::is_busy) {
            self.stopping = true;
            let written = self.record.job.release().unwrap_or(&release);
            return Err(Busy::Writes(written.version.clone()));
        }
        self.learn(&order.approved);
        (self.stopping, self.proven) = (false, false);
        self.writer = Some(Writer::new(order.parts));
        self.record.job = Job::Writing { release, tries };
        self.record.slots.set(self.target(), None);
        Ok(())
    }

    /// Gives up what is only being written. What was written so far serves the next one.
    pub fn cancel(&mut self) {
        if let Job::Writing { .. } = self.record.job {
            self.stopping = true;
        }
    }

    /// A person goes back to the other slot.
    pub fn go_back(&mut self) -> Result<(), NoWayBack> {
        let slot = self.target();
        match &self.record.job {
            Job::Back { .. } | Job::Failing { .. } => return Err(NoWayBack::Already),
            Job::Trying { target, .. } if *target == self.running && !self.slots.is_good(*target) => {
                self.fail_trial("a person went back from it");
                return Ok(());
            }
            _ => {}
        }
        if !self.slots.is_good(slot) {
            return Err(NoWayBack::NotGood(slot));
        }
        self.may_go_back_to(slot)?;
        let left = self.record.slots.get(self.running).cloned();
        self.record.job = Job::Back { left, target: slot };
        (self.writer, self.proven) = (None, false);
        Ok(())
    }

    fn may_go_back_to(&self, slot: Slot) -> Result<(), NoWayBack> {
        let Some(floor) = self.record.memory.floor().cloned() else { return Ok(()) };
        match self.record.slots.get(slot) {
            None => Err(NoWayBack::Unknown { slot, floor }),
            Some(seen) if seen.version < floor => {
                Err(NoWayBack::BelowFloor { slot, version: seen.version.clone(), floor })
            }
            Some(_) => Ok(()),
        }
    }

    /// Takes what the checks of a trial say.
    pub fn hear(&mut self, checks: &[Check], now: Uptime) {
        let Some(gate) = &mut self.gate else { return };
        if !gate.hear(checks, now) {
            return;
        }
        let standing = gate.standing();
        self.note(&standing);
    }

    /// What is to be done now. To be asked after everything that it is told, and every second or so.
    pub fn next(&mut self, now: Uptime) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.tell(now, &mut effects);
        if self.retry.is_some_and(|retry| now < retry) {
            return effects;
        }
        self.retry = None;
        if self.waits_for.is_some() {
            return effects;
        }
        let act = self.decide(now);
        if let Some(act) = self.save_first().or(act) {
            let ticket = self.ticket();
            self.waits_for = Some((ticket, act.clone()));
            effects.push(Effect { ticket, act });
        } else {
            self.write_on(now, &mut effects);
        }
        effects
    }

    /// The record, if it has to be saved before anything else is done.
    fn save_first(&mut self) -> Option<Act> {
        if self.record == self.saved {
            return None;
        }
        match self.record.to_bytes(self.number + 1) {
            Ok(bytes) => {
                self.saving = Some(self.record.clone());
                Some(Act::Save { place: self.place, bytes })
            }
            Err(error) => {
                self.trouble = Some(error.to_string());
                None
            }
        }
    }

    fn write_on(&mut self, now: Uptime, effects: &mut Vec<Effect>) {
        if !self.may_write() {
            return;
        }
        while let Some(writer) = &mut self.writer {
            let Some(act) = writer.next(self.tickets + 1, now) else { return };
            let ticket = self.ticket();
            effects.push(Effect { ticket, act });
        }
    }

    /// What is told is what is saved: a report that a power cut takes back was never made.
    fn tell(&mut self, now: Uptime, effects: &mut Vec<Effect>) {
        if self.telling.is_some() || self.tell_at.is_some_and(|at| now < at) {
            return;
        }
        let untold = |report: &&Report| self.record.reports.contains(report);
        let Some(report) = self.saved.reports.iter().find(untold).cloned() else { return };
        let ticket = self.ticket();
        self.telling = Some((ticket, report.clone()));
        effects.push(Effect { ticket, act: Act::Report(report) });
    }

    fn ticket(&mut self) -> Ticket {
        self.tickets += 1;
        self.tickets
    }

    /// Takes what became of an effect.
    pub fn happened(&mut self, ticket: Ticket, happened: Happened, now: Uptime) {
        if let Some((_, report)) = self.telling.take_if(|(telling, _)| *telling == ticket) {
            match happened {
                // The ledger hears of it later; an update does not wait for that.
                Happened::Failed(_) => self.tell_at = Some(now.plus(TELL_AGAIN_MS)),
                _ => self.record.reports.retain(|other| *other != report),
            }
            return;
        }
        if let Some((_, act)) = self.waits_for.take_if(|(waited, _)| *waited == ticket) {
            return self.act_ended(act, happened, now);
        }
        if let Some(writer) = self.writer.as_mut().filter(|writer| writer.knows(ticket)) {
            writer.happened(ticket, happened, now);
        }
    }

    fn act_ended(&mut self, act: Act, happened: Happened, now: Uptime) {
        match (act, happened) {
            (_, Happened::Failed(words)) => return self.fault(words, now),
            (Act::Save { place, .. }, _) => {
                (self.number, self.place) = (self.number + 1, 1 - place);
                // What was saved, and not what the record has become since.
                self.saved = self.saving.take().unwrap_or_default();
            }
            (Act::Boot(verb), Happened::Booted(slots, result)) => {
                self.slots = slots;
                match result {
                    Ok(()) => self.booted(verb),
                    Err(refusal) => return self.fault(refusal.to_string(), now),
                }
            }
            // A restart that was only promised: it is on its way.
            (act @ Act::Restart, _) => {
                let ticket = self.ticket();
                self.waits_for = Some((ticket, act));
            }
            _ => {}
        }
        (self.trouble, self.wait_ms) = (None, WAIT_MS.0);
    }

    fn booted(&mut self, verb: Verb) {
        if verb == Verb::Commit {
            self.settled = true;
        }
    }

    fn fault(&mut self, words: String, now: Uptime) {
        self.trouble = Some(words);
        self.retry = Some(now.plus(self.wait_ms));
        self.wait_ms = (self.wait_ms * 2).min(WAIT_MS.1);
    }

    /// The slot that does not run.
    pub(super) fn target(&self) -> Slot {
        self.running.other()
    }

    pub(super) fn writer_stage(&self) -> Option<&Stage> {
        self.writer.as_ref().map(Writer::stage)
    }

    pub(super) fn retry(&self) -> Option<Uptime> {
        self.retry
    }
}
