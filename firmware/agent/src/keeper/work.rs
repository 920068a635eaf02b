//! The keeper's thread: commands in the order in which they came, appends that wait together in one sync.

use super::{Answer, Command, KeeperError, Said, Told, hear::Abroad, sharing::Sharing};
use crate::{
    clock::LedgerClock,
    core::{Core, CoreError},
    devices::chain,
    live::Live,
    wire,
};
use model::Event;
use std::{
    sync::{
        Arc, PoisonError,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::Duration,
};
use store::NewEvent;

/// How many commands are taken from the queue at once.
const BATCH_MAX: usize = 512;
/// How long the box must be idle before packs are tidied.
const IDLE: Duration = Duration::from_secs(30);
/// How long after a failure to make a block it is tried again.
const AGAIN_MS: u64 = 60_000;
/// How long after a failure of what is due with other boxes.
const TICK_AGAIN: Duration = Duration::from_secs(2);

/// What the thread holds.
pub struct Work {
    pub(super) core: Core,
    pub(super) abroad: Abroad,
    clock: Arc<LedgerClock>,
    live: Live,
    block_interval_ms: u64,
    told: Told,
    /// Why events cannot be appended.
    append_trouble: Option<String>,
    /// Why blocks cannot be made.
    pub(super) block_trouble: Option<String>,
    /// No block is tried before this moment of the monotonic clock, after one failed.
    not_before: Duration,
    /// Nor is anything with others, after that failed.
    tick_not_before: Duration,
    /// How often events may have a block at once because others wait for them.
    sharing: Sharing,
    tidy: bool,
}

impl Work {
    /// The thread's work.
    pub fn new(
        core: Core,
        clock: Arc<LedgerClock>,
        live: Live,
        block_interval: Duration,
        told: Told,
        abroad: Abroad,
    ) -> Self {
        let block_interval_ms = u64::try_from(block_interval.as_millis()).unwrap_or(u64::MAX);
        let (not_before, sharing) = (Duration::ZERO, Sharing::new(core.sharing(), clock.elapsed()));
        let mut work = Self {
            core,
            abroad,
            clock,
            live,
            block_interval_ms,
            told,
            append_trouble: None,
            block_trouble: None,
            not_before,
            tick_not_before: Duration::ZERO,
            sharing,
            tidy: true,
        };
        work.tell();
        work.learn();
        work
    }

    /// Works until told to stop.
    pub fn run(mut self, queue: &Receiver<Command>) {
        loop {
            self.make_due_block();
            self.tick();
            self.hear();
            match queue.recv_timeout(self.patience()) {
                Ok(first) => {
                    let batch = [first].into_iter().chain(queue.try_iter().take(BATCH_MAX - 1)).collect();
                    if self.serve(batch).is_break() {
                        return;
                    }
                }
                Err(RecvTimeoutError::Timeout) => self.tidy_if_idle(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn serve(&mut self, batch: Vec<Command>) -> std::ops::ControlFlow<()> {
        let mut said = Vec::new();
        for command in batch {
            if let Command::Append(event, answer) = command {
                said.push((event, answer));
                continue;
            }
            self.append(std::mem::take(&mut said));
            if let Command::Stop(answer) = command {
                let stopped = self.core.flush();
                self.reply(answer, stopped);
                self.told.librarian.stop();
                return std::ops::ControlFlow::Break(());
            }
            self.carry_out(command);
        }
        self.append(said);
        std::ops::ControlFlow::Continue(())
    }

    fn carry_out(&mut self, command: Command) {
        match command {
            Command::Documents { dapp, subject, changes, answer } => {
                let merged = self.core.write_documents(Some(dapp), subject, &changes);
                self.reply(answer, merged);
            }
            Command::Propose { head, objects, answer } => {
                let merged = self.core.propose(head, objects);
                self.reply(answer, merged);
            }
            Command::Branch { head, objects, answer } => {
                let begun = self.core.begin_branch(head, &objects);
                self.reply(answer, begun);
            }
            Command::Rotate(label, answer) => {
                let merged = self.core.rotate(&label);
                self.reply(answer, merged);
            }
            Command::Flush(answer) => {
                let merged = self.core.flush();
                self.reply(answer, merged);
            }
            Command::Proposals(query, answer) => {
                let proposals = self.core.proposals(&query);
                let _gone = answer.send(proposals.map_err(|error| self.failed(error)));
            }
            Command::Agreement(answer) => {
                let agreement = self.core.agreement();
                let _gone = answer.send(agreement.map_err(|error| self.failed(error)));
            }
            Command::Network(peers) => self.network(peers),
            // The bell is for whoever sleeps; the others are taken out by `serve`.
            Command::Bell | Command::Append(..) | Command::Stop(_) => {}
        }
    }

    /// Appends what waits with one sync.
    fn append(&mut self, said: Vec<(Said, Answer<Event>)>) {
        if said.is_empty() {
            return;
        }
        let (said, answers): (Vec<_>, Vec<_>) = said.into_iter().unzip();
        match self.core.append(&said.into_iter().map(|said| self.dated(said)).collect::<Vec<_>>()) {
            Ok(events) => {
                self.append_trouble = None;
                self.tell();
                self.told.librarian.add(events.clone());
                for (event, answer) in events.into_iter().zip(answers) {
                    let (node, block) = (self.core.node().clone(), None);
                    self.live.say(wire::Live::Event(wire::LogEntry { event: event.clone(), node, block }));
                    // An asker that has gone has its event in the ledger all the same.
                    let _gone = answer.send(Ok(event));
                }
            }
            Err(error) => {
                self.append_trouble = trouble(&error);
                let error = self.failed(error);
                for answer in answers {
                    let _gone = answer.send(Err(error.clone()));
                }
            }
        }
    }

    fn dated(&self, said: Said) -> NewEvent {
        NewEvent { at: self.clock.now(), dapp: said.dapp, kind: said.kind, data: said.data }
    }

    fn reply<T>(&mut self, answer: Answer<T>, result: Result<T, CoreError>) {
        self.carry_out_effects();
        let result = match result {
            Ok(value) => {
                self.block_trouble = None;
                self.tell();
                Ok(value)
            }
            Err(error) => {
                self.block_trouble = trouble(&error).or(self.block_trouble.take());
                Err(self.failed(error))
            }
        };
        let _gone = answer.send(result);
    }

    /// Says what failed.
    pub(super) fn failed(&mut self, error: CoreError) -> KeeperError {
        if error.fault().is_ours() {
            tracing::error!(error = %chain(&error), "the ledger cannot be written");
            self.tell();
        } else {
            tracing::warn!(error = %chain(&error), "refused");
            // What came before the refusal may have moved main.
            self.tell_moved();
        }
        KeeperError::Core(Arc::new(error))
    }

    /// Publishes what is new.
    pub(super) fn tell(&mut self) {
        let events = self.core.counts();
        {
            let mut report = self.told.report.lock().unwrap_or_else(PoisonError::into_inner);
            report.events = events.clone();
            report.heard_at = self.core.heard_at();
            report.trouble = self.append_trouble.clone().or_else(|| self.block_trouble.clone());
        }
        let view = self.core.view().clone();
        let line = wire::Live::Ledger { head: view.head, height: view.height, events };
        let moved = !Arc::ptr_eq(&self.told.publish.borrow(), &view);
        if moved {
            if self.core.is_outdated() {
                self.told.anew.notify_one();
            }
            self.told.publish.send_replace(view);
            self.tidy = true;
            self.learn();
            self.admit();
            self.look_for_chunks();
        }
        self.live.say(line);
    }

    /// Says when this box last heard from another one.
    pub(super) fn tell_heard(&self) {
        let mut report = self.told.report.lock().unwrap_or_else(PoisonError::into_inner);
        report.heard_at = self.core.heard_at();
    }

    /// Publishes a view that is new.
    pub(super) fn tell_moved(&mut self) {
        let moved = !Arc::ptr_eq(&self.told.publish.borrow(), self.core.view());
        if moved {
            self.tell();
        }
    }

    /// Has the index take in what is on main and what waits.
    fn learn(&self) {
        self.told.librarian.learn(self.core.view().head, self.core.pending().to_vec());
    }

    /// Has the core do what is due.
    fn tick(&mut self) {
        if self.core.tick_in().is_none_or(|wait| wait > 0) || self.clock.elapsed() < self.tick_not_before {
            return;
        }
        let done = self.core.tick();
        self.carry_out_effects();
        match done {
            Ok(()) => self.tell_moved(),
            Err(error) => {
                self.block_trouble = trouble(&error);
                self.failed(error);
                self.tick_not_before = self.clock.elapsed() + TICK_AGAIN;
            }
        }
    }

    /// Says why no block was made, and waits before the next is tried.
    fn block_failed(&mut self, error: CoreError) {
        self.block_trouble = trouble(&error);
        self.failed(error);
        self.not_before = self.clock.elapsed() + Duration::from_millis(AGAIN_MS);
    }

    /// Makes a block if the events that wait are many or old enough.
    fn make_due_block(&mut self) {
        let due = self.core.is_block_full() || self.due_in().is_some_and(|wait| wait.is_zero());
        if !due || self.clock.elapsed() < self.not_before {
            return;
        }
        let done = self.core.flush();
        self.carry_out_effects();
        match done {
            Ok(_) => {
                self.sharing.made_block(self.clock.elapsed());
                self.block_trouble = None;
                self.tell();
            }
            Err(error) => self.block_failed(error),
        }
    }

    /// How long until the oldest event that waits is old enough for a block: sooner if others can see it then.
    fn due_in(&self) -> Option<Duration> {
        let age = self.clock.now().since(self.core.oldest_pending()?);
        let others = self.core.has_peers().then(|| self.sharing.wait_ms(self.clock.elapsed()));
        let wait = others.map_or(self.block_interval_ms, |wait| wait.min(self.block_interval_ms));
        Some(Duration::from_millis(wait.saturating_sub(age)))
    }

    /// How long to wait for a command.
    fn patience(&self) -> Duration {
        if !self.abroad.is_quiet() {
            return Duration::ZERO;
        }
        let now = self.clock.elapsed();
        let left = |wait: Duration, not_before: Duration| wait.max(not_before.saturating_sub(now));
        let block = self.due_in().map_or(Duration::MAX, |wait| left(wait, self.not_before));
        let tick = self.core.tick_in().map_or(Duration::MAX, Duration::from_millis);
        let idle = if self.tidy { IDLE } else { Duration::from_secs(3600) };
        block.min(left(tick, self.tick_not_before)).min(idle)
    }

    fn tidy_if_idle(&mut self) {
        if !std::mem::take(&mut self.tidy) {
            return;
        }
        if let Err(error) = self.core.tidy() {
            self.failed(error);
        }
    }
}

/// What the status says of an error that nobody who asked can help.
pub(super) fn trouble(error: &CoreError) -> Option<String> {
    error.fault().is_ours().then(|| chain(error))
}
