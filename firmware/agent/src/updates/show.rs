//! How updates stand, in the words of the admin API and of the ledger.

use super::{catalogue::Listed, work::Work};
use crate::wire::{FailedRelease, ListedRelease, NodeUpdates, Progress, ReleaseName, Updates, Wanted};
use model::Name;
use slots::Slot;
use update::{Doing, Facts, Failure, Seen, Status, Wishes, may_install};

/// So many steps of progress are told in the ledger, for each is an event.
const STEP_PERCENT: u8 = 25;

impl Work {
    /// Shows how things stand.
    pub(super) fn show(&self) {
        let mut shown = Updates {
            node: self.services.home.node().to_string(),
            board: self.board.to_string(),
            stage: stage(Doing::Nothing).to_owned(),
            releases: self.listed(),
            history: self.reports.history(self.services.home.node()),
            nodes: self.nodes(),
            ..Updates::default()
        };
        self.show_wishes(&mut shown);
        self.show_machine(&mut shown);
        self.services.updates.show(shown);
    }

    fn show_wishes(&self, shown: &mut Updates) {
        let Ok(settings) = &self.settings else { return };
        shown.channel = settings.channel.to_string();
        shown.mode = settings.mode.text().to_owned();
        shown.pinned = settings.pinned.as_ref().map(ToString::to_string);
        shown.quiet = settings.quiet.as_ref().map(|quiet| quiet.text.clone());
        shown.bandwidth = settings.bandwidth;
    }

    fn show_machine(&self, shown: &mut Updates) {
        let slotted = match &self.slotted {
            Ok(slotted) => slotted,
            Err(reason) => return shown.reason = Some(reason.clone()),
        };
        let (status, memory) = (slotted.updater.status(), slotted.updater.memory());
        shown.can = true;
        shown.slot = Some(slotted.slot().to_string());
        shown.running = slotted.running().map(named);
        shown.fallback = self.fallback(slotted.slot()).map(named);
        shown.asked = slotted.asked.as_ref().map(ToString::to_string);
        shown.wanted = self.wanted(&status);
        shown.stage = stage(status.doing).to_owned();
        shown.bytes = Progress { done: status.written.0, total: status.written.1 };
        shown.fetched = Progress { done: status.fetched.0, total: status.fetched.1 };
        shown.percent = if status.written.1 > 0 { status.percent() } else { 0 };
        shown.waits = self.waits(&status);
        shown.floor = memory.floor().map(ToString::to_string);
        shown.failures = memory.failures().map(failed).collect();
    }

    fn fallback(&self, running: Slot) -> Option<&Seen> {
        self.slotted.as_ref().ok().and_then(|slotted| slotted.updater.held(running.other()))
    }

    /// What is wanted, or else what is being done.
    fn wanted(&self, status: &Status) -> Option<Wanted> {
        let done = status.release.as_ref().map(|seen| Wanted {
            version: seen.version.to_string(),
            id: seen.id,
            why: format!("{}: {}", seen.version, status.doing),
        });
        match status.doing {
            Doing::Nothing => self.choice.wanted.clone(),
            _ => self.choice.wanted.clone().or(done),
        }
    }

    fn waits(&self, status: &Status) -> Option<String> {
        let unready = || self.slotted.as_ref().ok().and_then(|slotted| slotted.unready().map(str::to_owned));
        match status.doing {
            Doing::Nothing => unready().or_else(|| self.choice.waits().map(str::to_owned)),
            _ => status.waits.clone().or_else(unready),
        }
    }

    fn listed(&self) -> Vec<ListedRelease> {
        let facts = self.facts();
        let wishes = self.settings.as_ref().ok().map(|settings| settings.wishes(None));
        self.catalogue
            .all()
            .iter()
            .map(|listed| self.shown(listed, facts.as_ref(), wishes.as_ref()))
            .collect()
    }

    fn shown(&self, listed: &Listed, facts: Option<&Facts>, wishes: Option<&Wishes>) -> ListedRelease {
        let release = &listed.release;
        let refused = match &listed.approved {
            Err(why) => Some(why.clone()),
            Ok(approved) => facts.zip(wishes).filter(|_| release.kind == update::Kind::System).and_then(
                |(facts, wishes)| {
                    let may = may_install(approved, self.catalogue.approved(), wishes, facts, true);
                    may.err().map(|refused| refused.to_string())
                },
            ),
        };
        ListedRelease {
            image: release.image.clone(),
            channel: release.channel.clone(),
            version: release.version.to_string(),
            id: listed.id,
            kind: kind(release.kind).to_owned(),
            signers: listed.approved.as_ref().map(|approved| approved.signers().to_vec()).unwrap_or_default(),
            refused,
        }
    }

    fn nodes(&self) -> Vec<NodeUpdates> {
        let own = self.services.home.node();
        let view = self.services.keeper.view();
        let mut names: Vec<Name> = view.node_keys().into_values().map(|(_, name)| name).collect();
        names.sort();
        names.dedup();
        names.into_iter().filter(|name| name != own).map(|name| self.node(name)).collect()
    }

    fn node(&self, node: Name) -> NodeUpdates {
        let said = self.reports.nodes.get(&node).cloned();
        said.unwrap_or(NodeUpdates {
            node,
            board: None,
            running: None,
            wanted: None,
            stage: None,
            percent: None,
            waits: None,
            at: None,
        })
    }

    /// What this box has to say of itself; nothing as long as no release concerns it.
    pub(super) fn status(&self) -> Option<NodeUpdates> {
        let slotted = self.slotted.as_ref().ok()?;
        let (status, running) = (slotted.updater.status(), slotted.running());
        let wanted = self.wanted(&status);
        if running.is_none() && wanted.is_none() {
            return None;
        }
        let percent = (status.written.1 > 0).then(|| status.percent() / STEP_PERCENT * STEP_PERCENT);
        Some(NodeUpdates {
            node: self.services.home.node().clone(),
            board: Some(self.board.to_string()),
            running: running.map(|seen| seen.version.to_string()),
            wanted: wanted.map(|wanted| wanted.version),
            stage: Some(stage(status.doing).to_owned()),
            percent,
            waits: self.choice.waits().map(str::to_owned),
            at: None,
        })
    }
}

fn named(seen: &Seen) -> ReleaseName {
    ReleaseName { version: seen.version.to_string(), id: seen.id }
}

fn failed(failure: &Failure) -> FailedRelease {
    let Failure { seen, reason } = failure;
    FailedRelease { version: seen.version.to_string(), id: seen.id, reason: reason.clone() }
}

fn kind(kind: update::Kind) -> &'static str {
    match kind {
        update::Kind::System => "system",
        update::Kind::Dapp => "dapp",
        update::Kind::Disk => "disk",
    }
}

fn stage(doing: Doing) -> &'static str {
    match doing {
        Doing::Nothing => "nothing",
        Doing::Looking => "looking",
        Doing::Writing => "writing",
        Doing::Checking => "checking",
        Doing::Ready => "ready",
        Doing::OnTrial => "on-trial",
        Doing::GoingBack => "going-back",
    }
}
