//! The ledger of this box, written: events into the log and into blocks, documents and proposals into main.
//!
//! Synchronous and used by one thread at a time: ledgerd's keeper, or ledgerctl while no ledgerd runs. What becomes
//! of a block is the [`Replica`]'s to decide; here it meets the write-ahead log, the clock and the views that
//! everybody reads. After an error of the log or of the disk the store is opened anew, because what reached the
//! disk is unknown; acknowledged events are there again then.

mod agreement;
mod error;
mod fault;
mod history;
mod judging;
mod peers;
mod proposals;
mod rotating;
mod shelf;

pub use error::{CoreError, Fault};
pub(crate) use peers::{ADDRESSES, address_text};
pub use shelf::Shelf;

use crate::{
    clock::LedgerClock,
    home::Home,
    peers::ShareSettings,
    rotation,
    view::View,
    wire::{EventCounts, Merged, Standing},
};
use board::Clock;
use ledger::{Change, Layered, NewObjects, State};
use model::{BlockId, Event, KeyId, Millis, Name, RefName, SigningKey};
use replica::{BLOCK_BYTES, BLOCK_EVENTS, Documents, Effect, Now, Replica, ReplicaError, Status, Written};
use std::{collections::BTreeSet, sync::Arc};
use store::{GitObjects, NewEvent, Store, disk::Disk};

/// What waits in the store when it is opened has waited for so long, in milliseconds.
const WAITED_MS: u64 = 60_000;

/// The writer.
pub struct Core {
    home: Home,
    disk: Arc<dyn Disk>,
    /// None after the log or the disk failed, until it can be opened again.
    replica: Option<Replica<Shelf>>,
    objects: GitObjects,
    key: SigningKey,
    clock: Arc<LedgerClock>,
    view: Arc<View>,
    counts: EventCounts,
    effects: Vec<Effect>,
    /// The peers that are connected, to be told to a replica that is opened anew.
    connected: BTreeSet<KeyId>,
    /// When this box last heard from another one.
    heard_at: Millis,
    /// Whether this box's key gives way to another one; then nothing is written with it any more.
    pub(crate) giving_up: bool,
    /// Whether the new key's time has come: the box is to begin anew with it.
    pub(crate) outdated: bool,
    guess: Guess,
    /// The date at the start: with what has elapsed since, a time that never goes back and that another start goes
    /// on with, such as for bans.
    began: Millis,
}

/// When the tentative state is looked at: making it may take a tenth of the time and no more.
#[derive(Default)]
struct Guess {
    stale: bool,
    /// By the clock that only goes forward.
    not_before: Millis,
}

impl Core {
    /// Opens the ledger of a home for writing; nobody else may have it open.
    pub fn open(home: &Home, disk: Arc<dyn Disk>, machine: Arc<dyn Clock>) -> Result<Self, CoreError> {
        let mut key = home.node_key()?;
        let mut shelf = Shelf::open(home, &disk, key.public().id())?;
        let branch = home.branch();
        let main = shelf.store().head(&RefName::Head(branch.clone()))?;
        let main = main.ok_or_else(|| CoreError::NoBranch { branch: branch.clone() })?;
        if rotation::settle_node(home, &State::at(shelf.git(), main)?)? {
            drop(shelf);
            key = home.node_key()?;
            shelf = Shelf::open(home, &disk, key.public().id())?;
        }
        let objects = shelf.git().clone();
        let view = Arc::new(View::load(&objects, home.org(), main, None)?);
        let newest = shelf.store().pending().last().map_or(view.head_at, |event| event.at.max(view.head_at));
        let clock = Arc::new(LedgerClock::new(machine, newest));
        let began =
            Millis(clock.now().0.saturating_sub(u64::try_from(clock.elapsed().as_millis()).unwrap_or(0)));
        let mut core = Self {
            home: home.clone(),
            disk,
            replica: None,
            objects,
            key,
            clock,
            view,
            counts: EventCounts::default(),
            effects: Vec::new(),
            connected: BTreeSet::new(),
            heard_at: Millis(0),
            giving_up: false,
            outdated: false,
            guess: Guess::default(),
            began,
        };
        core.take(shelf)?;
        core.heard_at = core.newest_of_others();
        if let Err(error) = core.tick() {
            // The door needs only to read; what a power cut kept from main waits for a disk that can be written.
            let error = crate::devices::chain(&error);
            tracing::warn!(error, "blocks that wait for main are merged later");
        }
        Ok(core)
    }

    /// The time that goes into events and blocks.
    pub fn clock(&self) -> &Arc<LedgerClock> {
        &self.clock
    }

    /// The newest state of main.
    pub fn view(&self) -> &Arc<View> {
        &self.view
    }

    /// The objects, to read.
    pub fn objects(&self) -> &GitObjects {
        &self.objects
    }

    /// This node's name.
    pub fn node(&self) -> &Name {
        self.home.node()
    }

    /// How many events there are, and wait.
    pub fn counts(&self) -> EventCounts {
        self.counts.clone()
    }

    /// Durable events that are in no block yet.
    pub fn pending(&self) -> &[Event] {
        self.replica.as_ref().map_or(&[], |replica| replica.depot().store().pending())
    }

    /// Whether the events that wait fill a block.
    pub fn is_block_full(&self) -> bool {
        let pending = if self.giving_up { &[] } else { self.pending() };
        pending.len() >= BLOCK_EVENTS || pending.iter().map(line_bytes).sum::<usize>() >= BLOCK_BYTES
    }

    /// When the oldest event that waits happened.
    pub fn oldest_pending(&self) -> Option<Millis> {
        self.pending().first().filter(|_| !self.giving_up).map(|event| event.at)
    }

    /// Makes events durable, all with one sync.
    pub fn append(&mut self, events: &[NewEvent]) -> Result<Vec<Event>, CoreError> {
        let appended = self.store()?.append(events);
        match appended {
            Ok(events) => {
                self.count();
                Ok(events)
            }
            Err(error) => {
                // What reached the disk is unknown; opening it again tells.
                self.replica = None;
                Err(error.into())
            }
        }
    }

    /// Puts the events that wait into blocks.
    pub fn flush(&mut self) -> Result<Merged, CoreError> {
        self.write(|replica, node, events, now| replica.write_events(node, events, now))
    }

    /// Writes documents by this node's key, for a dapp; events that wait go along.
    pub fn write_documents(
        &mut self,
        dapp: Option<Name>,
        subject: String,
        changes: &[Change],
    ) -> Result<Merged, CoreError> {
        if self.giving_up {
            return Err(CoreError::GivingUp);
        }
        let documents = Documents { dapp, subject, changes: changes.to_vec() };
        self.write(|replica, node, events, now| replica.write_documents(node, events, documents, now))
    }

    /// Takes in a writer's new blocks, every one of them checked; events that wait go along.
    pub fn propose(&mut self, head: BlockId, objects: NewObjects) -> Result<Merged, CoreError> {
        self.write(|replica, node, events, now| replica.accept(node, events, head, &objects, now))
    }

    /// Takes in the first block of a new branch, which this box does not follow yet.
    pub fn begin_branch(&mut self, head: BlockId, objects: &NewObjects) -> Result<(), CoreError> {
        let now = self.now();
        self.with(|replica| replica.begin_branch(head, objects, now))
    }

    /// Does what is due: merges what has waited long enough.
    pub fn tick(&mut self) -> Result<(), CoreError> {
        let now = self.now();
        let ticked = self.with(|replica| replica.tick(now));
        self.after(ticked)
    }

    /// How long until [`Core::tick`] has something to do, in milliseconds. After the disk failed: to open the store anew.
    pub fn tick_in(&self) -> Option<u64> {
        let Some(replica) = &self.replica else { return Some(0) };
        let guess = self.guess.stale.then_some(self.guess.not_before);
        let at = [replica.wake_at(), guess].into_iter().flatten().min()?;
        Some(at.since(self.now().elapsed))
    }

    /// What is to be done for other boxes, oldest first.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// Merges small packs; worth doing when nothing else is.
    pub fn tidy(&mut self) -> Result<(), CoreError> {
        self.store()?.consolidate()?;
        Ok(())
    }

    /// The id of the node's own key.
    pub fn key_id(&self) -> KeyId {
        self.key.public().id()
    }

    /// Whether another box is connected.
    pub fn has_peers(&self) -> bool {
        !self.connected.is_empty()
    }

    /// How soon events are shared with other boxes.
    pub fn sharing(&self) -> ShareSettings {
        self.home.net_settings().share
    }

    fn now(&self) -> Now {
        let elapsed = u64::try_from(self.clock.elapsed().as_millis()).unwrap_or(u64::MAX);
        Now { elapsed: self.began.plus(elapsed), clock: self.clock.now() }
    }

    /// Has the replica write something, with the events that wait, and forgets those that are in a block then.
    fn write(
        &mut self,
        write: impl FnOnce(&mut Replica<Shelf>, &Name, &[Event], Now) -> Result<Written, ReplicaError>,
    ) -> Result<Merged, CoreError> {
        let (node, now) = (self.home.node().clone(), self.now());
        self.replica()?;
        let events = if self.giving_up { Vec::new() } else { self.pending().to_vec() };
        let written = self.with(|replica| write(replica, &node, &events, now));
        let trimmed = written.and_then(|written| self.trim(written));
        self.after(trimmed).map(merged)
    }

    fn trim(&mut self, written: Written) -> Result<Written, CoreError> {
        if let Some(last) = written.last_event {
            self.store()?.events_in_blocks(last)?;
        }
        Ok(written)
    }

    /// Reads anew what moved, also by a call that failed half-way.
    fn after<T>(&mut self, result: Result<T, CoreError>) -> Result<T, CoreError> {
        let looked = self.look();
        let value = result?;
        looked?;
        Ok(value)
    }

    /// Calls the replica. One whose disk failed is opened anew the next time.
    fn with<T>(
        &mut self,
        call: impl FnOnce(&mut Replica<Shelf>) -> Result<T, ReplicaError>,
    ) -> Result<T, CoreError> {
        let replica = self.replica()?;
        let result = call(replica);
        let effects = replica.take_effects();
        self.guess.stale |=
            effects.iter().any(|effect| matches!(effect, Effect::Tentative | Effect::Moved { .. }));
        self.effects.extend(effects);
        if matches!(result, Err(ReplicaError::Depot(_))) {
            self.replica = None;
        }
        Ok(result?)
    }

    /// Reads anew what moved.
    fn look(&mut self) -> Result<(), CoreError> {
        let Some(replica) = &self.replica else { return Ok(()) };
        let main = replica.main();
        if main.block != self.view.head {
            let view = View::load(&self.objects, self.home.org(), main.block, Some(&self.view))?;
            self.view = Arc::new(view);
            self.clock.saw_block(self.view.head_at);
            self.guess = Guess { stale: true, not_before: Millis(0) };
            self.look_at_key()?;
        }
        self.count();
        self.look_beyond()
    }

    /// Reads the tentative state anew, if it is another and it is time.
    fn look_beyond(&mut self) -> Result<(), CoreError> {
        let begun = self.now();
        let Some(replica) = self.replica.as_mut().filter(|_| self.guess.stale) else { return Ok(()) };
        if begun.elapsed < self.guess.not_before {
            return Ok(());
        }
        let tentative = replica.tentative(begun)?;
        if tentative.tree != self.view.tentative_tree {
            let objects = Layered { new: &tentative.objects, base: &self.objects };
            self.view = Arc::new(self.view.with_tentative(&objects, tentative.tree)?);
        }
        let now = self.now().elapsed;
        let not_before = now.plus(now.since(begun.elapsed).saturating_mul(10));
        self.guess = Guess { stale: false, not_before };
        Ok(())
    }

    fn replica(&mut self) -> Result<&mut Replica<Shelf>, CoreError> {
        if self.replica.is_none() {
            let shelf = Shelf::open(&self.home, &self.disk, self.key_id())?;
            self.take(shelf)?;
            self.look()?;
        }
        let no_branch = || CoreError::NoBranch { branch: self.home.branch().clone() };
        self.replica.as_mut().ok_or_else(no_branch)
    }

    fn store(&mut self) -> Result<&mut Store, CoreError> {
        Ok(self.replica()?.depot_mut().store_mut())
    }

    fn take(&mut self, shelf: Shelf) -> Result<(), CoreError> {
        self.objects = shelf.git().clone();
        let (now, limits) = (self.now(), self.home.net_settings().sync_limits());
        // What waits in the store was written before, not now.
        let opened = Now { elapsed: Millis(now.elapsed.0.saturating_sub(WAITED_MS)), ..now };
        let branch = self.home.branch().clone();
        let known_as = Some(self.home.net_key()?.public().id());
        let options =
            replica::Options { limits, branch, known_as, ..replica::Options::new(self.key.clone()) };
        let mut replica = Replica::open(shelf, options, opened)?;
        for peer in &self.connected {
            replica.connected(*peer, now)?;
        }
        self.effects.extend(replica.take_effects());
        self.guess.stale = true;
        self.replica = Some(replica);
        self.count();
        self.look_at_key()
    }

    fn count(&mut self) {
        if let Some(replica) = &self.replica {
            let store = replica.depot().store();
            self.counts = EventCounts { durable: store.last_seq(), pending: store.pending().len() as u64 };
        }
    }
}

fn merged(written: Written) -> Merged {
    let (state, reason) = standing(written.status);
    Merged { block: written.main, height: written.height, state, reason, head: written.head }
}

/// A status in the words of the admin API.
pub(crate) fn standing(status: Status) -> (Standing, Option<String>) {
    match status {
        Status::Final { .. } => (Standing::Final, None),
        Status::Waiting => (Standing::Waiting, None),
        Status::LeftOut { reason } => (Standing::LeftOut, Some(reason)),
        Status::Unknown => (Standing::Unknown, None),
    }
}

fn line_bytes(event: &Event) -> usize {
    // An event that is too long was never appended.
    event.to_line().map_or(0, |line| line.len())
}
