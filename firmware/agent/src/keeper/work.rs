//! The keeper's thread: commands in the order in which they came, appends that wait together in one sync.

use super::{Answer, Command, KeeperError, Said, Told};
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

/// What the thread holds.
pub struct Work {
    core: Core,
    clock: Arc<LedgerClock>,
    live: Live,
    block_interval_ms: u64,
    told: Told,
    /// Why events cannot be appended.
    append_trouble: Option<String>,
    /// Why blocks cannot be made.
    block_trouble: Option<String>,
    /// No block is tried before this moment of the monotonic clock, after one failed.
    not_before: Duration,
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
    ) -> Self {
        let block_interval_ms = u64::try_from(block_interval.as_millis()).unwrap_or(u64::MAX);
        let not_before = Duration::ZERO;
        let mut work = Self {
            core,
            clock,
            live,
            block_interval_ms,
            told,
            append_trouble: None,
            block_trouble: None,
            not_before,
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
            Command::Flush(answer) => {
                let merged = self.core.flush();
                self.reply(answer, merged);
            }
            // Both are taken out by `serve`.
            Command::Append(..) | Command::Stop(_) => {}
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
    fn failed(&mut self, error: CoreError) -> KeeperError {
        if error.fault().is_ours() {
            tracing::error!(error = %chain(&error), "the ledger cannot be written");
            self.tell();
        } else {
            tracing::warn!(error = %chain(&error), "refused");
        }
        KeeperError::Core(Arc::new(error))
    }

    /// Publishes what is new.
    fn tell(&mut self) {
        let events = self.core.counts();
        {
            let mut report = self.told.report.lock().unwrap_or_else(PoisonError::into_inner);
            report.events = events.clone();
            report.trouble = self.append_trouble.clone().or_else(|| self.block_trouble.clone());
        }
        let view = self.core.view().clone();
        let line = wire::Live::Ledger { head: view.head, height: view.height, events };
        let moved = self.told.publish.borrow().head != view.head;
        if moved {
            self.told.publish.send_replace(view);
            self.tidy = true;
            self.learn();
        }
        self.live.say(line);
    }

    /// Has the index take in what is on main and what waits.
    fn learn(&self) {
        self.told.librarian.learn(self.core.view().head, self.core.pending().to_vec());
    }

    /// Makes a block if the events that wait are many or old enough.
    fn make_due_block(&mut self) {
        let due = self.core.is_block_full() || self.due_in().is_some_and(|wait| wait.is_zero());
        if !due || self.clock.elapsed() < self.not_before {
            return;
        }
        match self.core.flush() {
            Ok(_) => {
                self.block_trouble = None;
                self.tell();
            }
            Err(error) => {
                self.block_trouble = trouble(&error);
                self.failed(error);
                self.not_before = self.clock.elapsed() + Duration::from_millis(AGAIN_MS);
            }
        }
    }

    /// How long until the oldest event that waits is old enough for a block.
    fn due_in(&self) -> Option<Duration> {
        let age = self.clock.now().since(self.core.oldest_pending()?);
        Some(Duration::from_millis(self.block_interval_ms.saturating_sub(age)))
    }

    /// How long to wait for a command.
    fn patience(&self) -> Duration {
        let due = self.due_in().unwrap_or(Duration::MAX);
        let not_before = self.not_before.saturating_sub(self.clock.elapsed());
        let idle = if self.tidy { IDLE } else { Duration::from_secs(3600) };
        due.max(not_before).min(idle)
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
fn trouble(error: &CoreError) -> Option<String> {
    error.fault().is_ours().then(|| chain(error))
}
