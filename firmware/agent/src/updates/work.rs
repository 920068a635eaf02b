//! The thread that has the machine: it looks at the ledger, asks the machine what is next, hands it out, hears what became of
//! it, and answers people. It never waits for a card or a peer.

use super::{
    AskError, Asked, Options,
    catalogue::Catalogue,
    choice::Choice,
    pool::Gathered,
    reports::{self, Reports},
    slotted::Slotted,
    wishes::{self, Settings},
};
use crate::{
    devices::chain,
    services::Services,
    view::View,
    wire::{LogQuery, NodeUpdates},
};
use model::{BlockId, Name, ReleaseId};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, Sender},
    },
    time::{Duration, Instant},
};
use store::disk::Disk;
use tokio::{runtime::Handle, sync::oneshot};
use update::{Facts, Happened, Report, Tally, Ticket, Uptime, Version};

/// How many events of all boxes are looked through.
const EVENTS_MAX: usize = 5_000;
/// How often at most the events are looked through, and this box says how it is.
const REPORTS_EVERY: Duration = Duration::from_secs(3);
/// What a box runs that does not know what it runs: nothing is older.
const UNKNOWN: &str = "0.0.0";

/// Something for the thread.
pub enum Message {
    /// What became of an effect.
    Ended(Ticket, Happened),
    /// What a release is made from.
    Gathered(ReleaseId, Box<Gathered>),
    /// A person asks.
    Asked(Asked, oneshot::Sender<Result<(), AskError>>),
    /// ledgerd ends.
    Stop,
}

/// What the thread holds.
pub struct Work {
    pub(super) services: Arc<Services>,
    pub(super) slotted: Result<Slotted, String>,
    pub(super) catalogue: Catalogue,
    pub(super) settings: Result<Settings, String>,
    pub(super) reports: Reports,
    pub(super) choice: Choice,
    pub(super) board: Name,
    options: Options,
    outbox: Sender<Message>,
    runtime: Handle,
    tallies: BTreeMap<ReleaseId, Tally>,
    /// The block at which the events were looked through, and when.
    looked_through: Option<(BlockId, u64, Instant)>,
    /// What the releases and wishes were read from.
    seen: Option<Arc<View>>,
    /// What this box last said of itself, and when.
    told: Option<(NodeUpdates, Instant)>,
    begun: Instant,
}

impl Work {
    /// The thread's work.
    pub fn new(
        services: Arc<Services>,
        disk: Arc<dyn Disk>,
        options: Options,
        outbox: Sender<Message>,
        runtime: Handle,
    ) -> Self {
        let slotted = Slotted::find(&services, disk, &options, &outbox).map_err(|error| chain(&error));
        if let Err(reason) = &slotted {
            tracing::info!(reason, "this machine is not updated");
        }
        let board = services.devices.board_status().name;
        // A board's name is the name of a folder; one that is no name fits no release.
        let board = board.parse().unwrap_or_else(|_| reports::dapp());
        Self {
            services,
            slotted,
            catalogue: Catalogue::default(),
            settings: Ok(Settings::default()),
            reports: Reports::default(),
            choice: Choice::nothing("it was not looked yet".to_owned()),
            board,
            options,
            outbox,
            runtime,
            tallies: BTreeMap::new(),
            looked_through: None,
            seen: None,
            told: None,
            begun: Instant::now(),
        }
    }

    /// Works until told to stop.
    pub fn run(mut self, inbox: &Receiver<Message>) {
        let mut look_at = Instant::now();
        loop {
            let now = Instant::now();
            if now >= look_at {
                self.look();
                look_at = now + self.options.pace;
            }
            self.drive();
            match inbox.recv_timeout(look_at.saturating_duration_since(Instant::now())) {
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => break,
                Ok(message) => self.hear(message),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
        if let Ok(slotted) = self.slotted {
            slotted.stop();
        }
    }

    pub(super) fn now(&self) -> Uptime {
        Uptime(u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    fn hear(&mut self, message: Message) {
        let now = self.now();
        match (message, &mut self.slotted) {
            (Message::Ended(ticket, happened), Ok(slotted)) => {
                slotted.updater.happened(ticket, happened, now)
            }
            (Message::Gathered(id, gathered), Ok(slotted)) => slotted.gathered(id, *gathered, now),
            (Message::Asked(asked, answer), _) => {
                let said = self.ask(asked);
                self.look();
                self.drive();
                self.show();
                // Who has gone needs no answer.
                drop(answer.send(said));
            }
            _ => {}
        }
    }

    /// Looks at the ledger, and decides what is wanted.
    fn look(&mut self) {
        let view = self.services.keeper.view();
        if self.seen.as_ref().is_none_or(|seen| !Arc::ptr_eq(seen, &view)) {
            self.read(&view);
        }
        self.look_through_events(&view);
        self.decide(&view);
        self.tell_status();
        self.show();
    }

    /// Reads the releases and the wishes; what cannot be read is tried again the next time.
    fn read(&mut self, view: &Arc<View>) {
        self.settings = Settings::of(view, self.services.home.node());
        match self.catalogue.refresh(view, &self.services.blobs.objects()) {
            Ok(()) => self.seen = Some(view.clone()),
            Err(error) => tracing::warn!(error = %chain(&error), "the releases cannot be read"),
        }
    }

    fn decide(&mut self, view: &View) {
        let now = self.now();
        let settings = match &self.settings {
            Ok(settings) => settings.clone(),
            Err(why) => {
                self.choice = Choice::nothing(why.clone());
                if let Ok(slotted) = &mut self.slotted {
                    slotted.choose(&self.choice, &self.catalogue, view.height, now);
                }
                return;
            }
        };
        let Ok(slotted) = &mut self.slotted else { return };
        slotted.limit(settings.bandwidth);
        slotted.learn(&self.catalogue, &self.board, &settings.channel);
        slotted.look_at_asked();
        let (asked, begun) = (slotted.asked.clone(), slotted.updater.job().release().map(|seen| seen.id));
        let Some(facts) = self.facts() else { return };
        self.choice = Choice::of(&self.catalogue, &settings, asked, begun, &facts);
        if let Ok(slotted) = &mut self.slotted {
            slotted.choose(&self.choice, &self.catalogue, view.height, now);
        }
    }

    /// What a decision goes by; none on a machine without slots.
    pub(super) fn facts(&self) -> Option<Facts> {
        let slotted = self.slotted.as_ref().ok()?;
        let unknown = || UNKNOWN.parse::<Version>().expect("because it is a version");
        let now = self.services.clock.now();
        let zone = self.services.keeper.view().org_text("timezone");
        Some(Facts {
            board: self.board.clone(),
            node: self.services.key,
            running: slotted.running().map_or_else(unknown, |seen| seen.version.clone()),
            memory: slotted.updater.memory().clone(),
            reports: self.tallies.clone(),
            now,
            minute: wishes::minute_of_day(now, &zone),
        })
    }

    fn drive(&mut self) {
        let now = self.now();
        let Ok(slotted) = &mut self.slotted else { return };
        for (ticket, report) in slotted.drive(&self.services, now) {
            self.tell(ticket, &report);
        }
    }

    /// Tells the ledger how a try ended.
    fn tell(&self, ticket: Ticket, report: &Report) {
        let (kind, data) = reports::event_of(report);
        let (keeper, outbox) = (self.services.keeper.clone(), self.outbox.clone());
        self.runtime.spawn(async move {
            let happened = match keeper.append(reports::dapp(), kind, data).await {
                Ok(_) => Happened::Done,
                Err(error) => Happened::Failed(chain(&error)),
            };
            // An agent that ends tells it at its next start.
            drop(outbox.send(Message::Ended(ticket, happened)));
        });
    }

    /// Reads what all boxes said, if the ledger may have more.
    fn look_through_events(&mut self, view: &View) {
        let durable = self.services.keeper.report().events.durable;
        let fresh = |(head, events, at): &(BlockId, u64, Instant)| {
            (*head == view.head && *events == durable) || at.elapsed() < REPORTS_EVERY
        };
        if self.looked_through.as_ref().is_some_and(fresh) {
            return;
        }
        let query = LogQuery { dapp: Some(reports::dapp()), limit: Some(EVENTS_MAX), ..LogQuery::default() };
        match self.runtime.block_on(self.services.keeper.log(query)) {
            Ok(entries) => {
                self.looked_through = Some((view.head, durable, Instant::now()));
                self.reports = Reports::of(entries);
                let keys = view.node_keys().into_iter().map(|(key, (_, name))| (name, key)).collect();
                self.tallies = self.reports.tallies(self.services.home.node(), &keys);
            }
            Err(error) => tracing::debug!(error = %chain(&error), "what other boxes said is looked up later"),
        }
    }

    /// Says in the ledger how this box is, if that is otherwise than it last said.
    fn tell_status(&mut self) {
        let Some(status) = self.status() else { return };
        let own = self.services.home.node();
        let last = self.told.as_ref().map(|(told, _)| told).or_else(|| self.reports.nodes.get(own));
        let same = last.is_some_and(|last| NodeUpdates { at: None, ..last.clone() } == status);
        if same || self.told.as_ref().is_some_and(|(_, at)| at.elapsed() < REPORTS_EVERY) {
            return;
        }
        let (kind, data) = reports::event_of_status(&status);
        let keeper = self.services.keeper.clone();
        self.runtime.spawn(async move {
            if let Err(error) = keeper.append(reports::dapp(), kind, data).await {
                tracing::debug!(error = %chain(&error), "how this box is was not told");
            }
        });
        self.told = Some((status, Instant::now()));
    }

    fn ask(&mut self, asked: Asked) -> Result<(), AskError> {
        let facts = self.facts();
        let slotted = self.slotted.as_mut().map_err(|reason| AskError::NoSlots(reason.clone()))?;
        match asked {
            Asked::Now(version) => {
                let settings = self.settings.as_ref().map_err(|why| AskError::Refused(why.clone()))?;
                let facts = facts.ok_or(AskError::Stopping)?;
                slotted.ask_now(&version, &self.catalogue, settings, &facts)
            }
            Asked::Cancel => slotted.cancel(),
            Asked::Back => slotted.go_back(),
        }
    }
}
