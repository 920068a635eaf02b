//! A box that runs from a slot: the machine, those who do what it wants, and what a person asked for.

use super::{
    AskError, Options,
    card::{Card, CardError},
    catalogue::{Catalogue, Listed, manifest_texts},
    choice::Choice,
    files::{Before, Files},
    gate,
    hands::{self, Hands},
    pool::{Gathered, Job, Pool},
    slot_chunks::SlotChunks,
    wishes::Settings,
    work::Message,
};
use crate::{
    boot::{BootError, Booted},
    devices::chain,
    services::Services,
};
use chunk::Manifest;
use model::{Name, ReleaseId};
use slots::Slot;
use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, mpsc::Sender},
};
use store::disk::Disk;
use update::{
    Act, Doing, Effect, Facts, Job as Doings, Kind, Report, Seen, Start, Ticket, Updater, Uptime, Verb,
    Version, may_install,
};

/// How long after a release could not be begun it is tried again.
const AGAIN_MS: u64 = 30_000;

/// A box cannot be updated.
#[derive(Debug, thiserror::Error)]
pub enum SlottedError {
    /// No slot is known to run.
    #[error("this machine did not start from a slot: only a card that `cargo xtask image` laid out has two")]
    NoSlots,
    /// The boot state, or the search for it.
    #[error(transparent)]
    Boot(#[from] BootError),
    /// The card.
    #[error(transparent)]
    Card(#[from] CardError),
    /// Threads.
    #[error("cannot start the threads of updates")]
    Threads(#[source] io::Error),
}

/// A box that runs from a slot.
pub struct Slotted {
    /// The machine.
    pub updater: Updater,
    /// What a person asked for.
    pub asked: Option<Version>,
    hands: Arc<Hands>,
    pool: Pool,
    gathering: Option<ReleaseId>,
    /// What could not be begun, why, and when it is tried again.
    unready: Option<(ReleaseId, String, Uptime)>,
    /// The release whose chunks are known to lie in the running slot.
    known: Option<ReleaseId>,
    before: Before,
}

impl Slotted {
    /// Finds the slots and the record, and begins with what is.
    pub fn find(
        services: &Arc<Services>,
        disk: Arc<dyn Disk>,
        options: &Options,
        outbox: &Sender<Message>,
    ) -> Result<Self, SlottedError> {
        let booted = Booted::find(&options.roots)?.ok_or(SlottedError::NoSlots)?;
        let card = Arc::new(Card::new(booted));
        let files = Files::open(&services.home, disk);
        let (latest, asked, before) = (files.record(), files.asked(), files.before());
        let start = Start { latest, slots: card.slots()?, running: card.running(), release: None };
        let updater = Updater::start(options.rules.clone(), start, Uptime(0));
        let others = services.clone();
        let anybody = move || others.abroad.peers.get().is_some_and(|peers| !peers.connected().is_empty());
        let tools = hands::Tools {
            card,
            blobs: services.blobs.clone(),
            files,
            post: services.keeper.post().clone(),
            anybody: Box::new(anybody),
            restart: options.restart.clone(),
        };
        let hands = Arc::new(Hands::new(tools));
        let pool = Pool::start(&hands, outbox).map_err(SlottedError::Threads)?;
        Ok(Self { updater, asked, hands, pool, gathering: None, unready: None, known: None, before })
    }

    /// The slot that runs.
    pub fn slot(&self) -> Slot {
        self.hands.card.running()
    }

    /// The release that runs, if it is known.
    pub fn running(&self) -> Option<&Seen> {
        self.updater.held(self.slot())
    }

    /// What cannot be begun just now, and why.
    pub fn unready(&self) -> Option<&str> {
        self.unready.as_ref().map(|(_, why, _)| why.as_str())
    }

    /// How much a second may be fetched.
    pub fn limit(&self, bandwidth: Option<u64>) {
        self.hands.limit.set(bandwidth);
    }

    /// Takes into account what the ledger has now.
    pub fn learn(&mut self, catalogue: &Catalogue, board: &Name, channel: &Name) {
        for approved in catalogue.approved() {
            let release = approved.release();
            if release.kind == Kind::System && release.channel == *channel && release.fits(board) {
                self.updater.learn(approved);
            }
        }
        self.recognise(catalogue, board);
        self.know_slot(catalogue);
    }

    /// The release that runs is the one whose hash tree's top the kernel was told; of several the one that lies here.
    fn recognise(&mut self, catalogue: &Catalogue, board: &Name) {
        let cmdline = self.hands.card.cmdline();
        let is_told = |part: &update::Part| {
            part.verity.as_ref().is_some_and(|verity| cmdline.contains(&verity.root.to_string()))
        };
        let runs = |listed: &&Listed| {
            let release = &listed.release;
            let fits = release.kind == Kind::System && release.fits(board) && listed.approved.is_ok();
            fits && release.parts.iter().any(is_told)
        };
        let found: Vec<&Listed> = catalogue.all().iter().filter(runs).collect();
        let held = self.running().map(|seen| seen.id);
        if found.is_empty() || found.iter().any(|listed| Some(listed.id) == held) {
            return;
        }
        let here = match found.as_slice() {
            [only] => Some(*only),
            several => several.iter().rev().find(|listed| self.lies_here(listed)).copied(),
        };
        if let Some(listed) = here {
            let seen = Seen { version: listed.release.version.clone(), id: listed.id };
            tracing::info!(version = %seen.version, "this is the release that runs");
            self.updater.recognise(seen);
        }
    }

    fn lies_here(&self, listed: &Listed) -> bool {
        let manifests = self.manifests(listed);
        let all = manifests.len() == listed.release.parts.len();
        all && manifests
            .iter()
            .all(|(part, manifest)| self.hands.card.holds(part, manifest).inspect_err(warn).unwrap_or(false))
    }

    fn manifests(&self, listed: &Listed) -> BTreeMap<Name, Manifest> {
        let texts = manifest_texts(listed, &self.hands.blobs.objects()).inspect_err(warn).unwrap_or_default();
        let parse =
            |(part, text): (Name, Vec<u8>)| Some((part, Manifest::parse(&text).inspect_err(warn).ok()?));
        texts.into_iter().filter_map(parse).collect()
    }

    /// What lies in the running slot is a seed, and other boxes may have it.
    fn know_slot(&mut self, catalogue: &Catalogue) {
        let Some(running) = self.running().cloned().filter(|seen| self.known != Some(seen.id)) else {
            return;
        };
        let Some(listed) = catalogue.get(&running.id) else { return };
        let found = SlotChunks::of_release(self.hands.card.clone(), &self.manifests(listed));
        self.hands.know_slot(found, Some(running.version));
        self.known = Some(running.id);
    }

    /// Instructs the machine with what is wanted.
    pub fn choose(&mut self, choice: &Choice, catalogue: &Catalogue, height: u64, now: Uptime) {
        self.updater.allow(choice.may.clone(), height);
        if choice.give_up {
            self.updater.cancel();
        }
        let Some(listed) = choice.begin.and_then(|id| catalogue.get(&id)) else { return };
        if self.unready.as_ref().is_some_and(|(id, ..)| *id != listed.id) {
            self.unready = None;
        }
        let waits = self.unready.as_ref().is_some_and(|(_, _, again)| now < *again);
        if !waits && self.gathering.is_none() && self.is_to_begin(listed.id) {
            self.gathering = Some(listed.id);
            self.pool.give(Job::Gather(Box::new(listed.clone())));
        }
    }

    fn is_to_begin(&self, id: ReleaseId) -> bool {
        match self.updater.job() {
            Doings::Idle => true,
            Doings::Writing { release, .. } => release.id != id || self.updater.lacks_order().is_some(),
            _ => false,
        }
    }

    /// What a release is made from was gathered.
    pub fn gathered(&mut self, id: ReleaseId, gathered: Gathered, now: Uptime) {
        self.gathering = None;
        let begun = match gathered {
            Ok(Some((order, materials))) => match self.updater.begin(order) {
                Ok(()) => {
                    self.hands.take_up(materials);
                    Ok(())
                }
                Err(busy) => Err((busy.to_string(), 0)),
            },
            Ok(None) => Err(("it is not approved any more".to_owned(), AGAIN_MS)),
            Err(error) => Err((chain(&error), AGAIN_MS)),
        };
        self.unready = begun.err().map(|(why, wait)| (id, why, now.plus(wait)));
        if let Some(why) = self.unready() {
            tracing::warn!(why, "an update cannot be begun");
        }
    }

    /// Has done what the machine wants now; gives back what is to be told to the ledger.
    pub fn drive(&mut self, services: &Services, now: Uptime) -> Vec<(Ticket, Report)> {
        if let (Doing::OnTrial, Some(height)) = (self.updater.status().doing, self.updater.height_before()) {
            self.updater.hear(&gate::checks(services, &self.before, height), now);
        }
        let mut reports = Vec::new();
        for effect in self.updater.next(now) {
            match effect {
                Effect { ticket, act: Act::Report(report) } => reports.push((ticket, report)),
                effect => {
                    self.note(services, &effect.act);
                    self.pool.give(Job::Act(effect));
                }
            }
        }
        reports
    }

    /// What people read of it, and what has to be known after the restart.
    fn note(&mut self, services: &Services, act: &Act) {
        match act {
            Act::Boot(Verb::TryNext(slot)) => {
                self.before = gate::look(services);
                if let Err(error) = self.hands.files.keep_before(&self.before) {
                    tracing::warn!(error = %chain(&error), "what was there before the trial was not kept");
                }
                tracing::info!(%slot, "a release is put on trial");
            }
            Act::Boot(Verb::Commit) => tracing::info!(slot = %self.slot(), "this slot works"),
            Act::Boot(verb) => tracing::info!(?verb, "the boot state changes"),
            Act::Restart => tracing::info!("the box restarts for an update"),
            _ => {}
        }
    }

    /// A person wants a release now.
    pub fn ask_now(
        &mut self,
        version: &Version,
        catalogue: &Catalogue,
        settings: &Settings,
        facts: &Facts,
    ) -> Result<(), AskError> {
        let of_version =
            |listed: &&Listed| listed.release.kind == Kind::System && listed.release.version == *version;
        let all = || catalogue.all().iter().filter(of_version);
        let best = all().find(|listed| {
            listed.release.fits(&facts.board)
                && listed.release.channel == settings.channel
                && listed.approved.is_ok()
        });
        let listed =
            best.or_else(|| all().find(|listed| listed.release.fits(&facts.board))).or_else(|| all().next());
        let listed = listed.ok_or_else(|| AskError::Unknown(version.clone()))?;
        let approved = listed.approved.as_ref().map_err(|why| AskError::Refused(why.clone()))?;
        if self.running().is_some_and(|seen| seen.id == listed.id) {
            return Err(AskError::Refused(format!("the release {version} runs already")));
        }
        let wishes = settings.wishes(Some(version.clone()));
        let may = may_install(approved, catalogue.approved(), &wishes, facts, true);
        may.map_err(|refused| AskError::Refused(refused.to_string()))?;
        self.updater.forgive(&Seen { version: version.clone(), id: listed.id });
        self.unready = None;
        self.keep_asked(Some(version.clone()))
    }

    /// A person does not want it any more.
    pub fn cancel(&mut self) -> Result<(), AskError> {
        self.updater.cancel();
        self.keep_asked(None)
    }

    /// A person goes back to the other slot.
    pub fn go_back(&mut self) -> Result<(), AskError> {
        self.updater.go_back().map_err(|error| AskError::Refused(error.to_string()))?;
        self.keep_asked(None)
    }

    /// What was asked for is forgotten once it runs or failed: it would be tried for ever.
    pub fn look_at_asked(&mut self) {
        let Some(asked) = &self.asked else { return };
        let runs = self.running().is_some_and(|seen| seen.version == *asked);
        let failed = self.updater.memory().failures().any(|failure| failure.seen.version == *asked);
        if (runs || failed)
            && let Err(error) = self.keep_asked(None)
        {
            tracing::warn!(%error, "what was asked for cannot be forgotten");
        }
    }

    fn keep_asked(&mut self, version: Option<Version>) -> Result<(), AskError> {
        if version != self.asked {
            let kept = self.hands.files.ask(version.as_ref());
            kept.map_err(|error| AskError::Refused(chain(&error)))?;
            self.asked = version;
        }
        Ok(())
    }

    /// Ends the threads.
    pub fn stop(self) {
        self.pool.stop();
    }
}

fn warn(error: &(impl std::error::Error + 'static)) {
    tracing::warn!(error = %chain(error), "what lies in the slots is not fully known");
}
