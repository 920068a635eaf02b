//! The one thread that writes the ledger, and the handle by which everybody else asks it to.
//!
//! Commands arrive in a queue. Appends that wait together are synced together: a hundred callers cost one sync
//! of the write-ahead log. Between commands the thread does what is due: a block of the events that have waited
//! long enough, what other boxes and judges say (a bounded piece of it, in a lane of its own), and the tidying of
//! packs. Readers never ask it: they have the newest [`View`].

mod hear;
mod judging;
mod post;
mod sharing;
mod work;

pub use judging::Judge;
pub use post::{News, Post};

use crate::{
    blobs::Blobs,
    clock::LedgerClock,
    core::{Core, CoreError},
    history::{Librarian, Wanted},
    live::Live,
    peers::Peers,
    view::View,
    wire,
};
use hear::Abroad;
use judging::Judging;
use ledger::{Change, NewObjects};
use model::{BlockId, Event, EventError, Millis, Name};
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, SyncSender, TrySendError},
    },
    thread::{self, JoinHandle},
    time::Duration,
};
use store::index::IndexError;
use tokio::sync::{Notify, oneshot, watch};

/// How many commands may wait.
const WAITING_MAX: usize = 4096;

/// A number of as many digits as the times and counts of events will have for some centuries.
const LONGEST: u64 = 99_999_999_999_999;

/// Asks the thread.
#[derive(Clone)]
pub struct Keeper {
    commands: SyncSender<Command>,
    views: watch::Receiver<Arc<View>>,
    report: Arc<Mutex<Report>>,
    librarian: Librarian,
    node: Name,
    post: Post,
}

/// How the keeper is.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Events of this node.
    pub events: wire::EventCounts,
    /// What is wrong with the disk, if anything.
    pub trouble: Option<String>,
    /// When this box last heard from another one.
    pub heard_at: Millis,
}

/// What the keeper works with besides the ledger.
pub struct Tools {
    /// How long an event waits for its block at most.
    pub block_interval: Duration,
    /// Large files.
    pub blobs: Arc<Blobs>,
    /// Who runs judges.
    pub judge: Judge,
    /// Told when the box is to begin anew.
    pub anew: Arc<Notify>,
}

/// Why the keeper did not do it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum KeeperError {
    /// It could not.
    #[error(transparent)]
    Core(#[from] Arc<CoreError>),
    /// The index of events.
    #[error(transparent)]
    Index(Arc<IndexError>),
    /// An event that is no event.
    #[error(transparent)]
    Event(Arc<EventError>),
    /// Too many wait already.
    #[error("the ledger is busy: {WAITING_MAX} requests wait")]
    Busy,
    /// It has stopped.
    #[error("ledgerd is stopping")]
    Stopping,
}

/// The threads behind a keeper.
pub struct Threads {
    keeper: JoinHandle<()>,
    history: JoinHandle<()>,
    judges: JoinHandle<()>,
}

impl Threads {
    /// Waits until all have ended.
    pub fn join(self) {
        for (name, thread) in [("keeper", self.keeper), ("history", self.history), ("judges", self.judges)] {
            if thread.join().is_err() {
                tracing::error!(name, "a thread ended by a panic");
            }
        }
    }
}

/// Who hears of what is new.
struct Told {
    publish: watch::Sender<Arc<View>>,
    report: Arc<Mutex<Report>>,
    librarian: Librarian,
    anew: Arc<Notify>,
}

type Answer<T> = oneshot::Sender<Result<T, KeeperError>>;

/// An event before it has a number and a time.
pub struct Said {
    dapp: Name,
    kind: Name,
    data: serde_json::Map<String, serde_json::Value>,
}

impl Said {
    /// Refuses an event that would not fit, before it spoils the append that it would share with others.
    fn check(&self) -> Result<(), KeeperError> {
        let Self { dapp, kind, data } = self;
        let (dapp, kind, data) = (dapp.clone(), kind.clone(), data.clone());
        // No time and no number are longer than these.
        let longest = Event { at: Millis(LONGEST), dapp, kind, data, seq: LONGEST };
        longest.to_line().map(|_| ()).map_err(|error| KeeperError::Event(Arc::new(error)))
    }
}

enum Command {
    /// There is something in the lane.
    Bell,
    /// The network is open.
    Network(Arc<Peers>),
    Append(Said, Answer<Event>),
    Documents {
        dapp: Name,
        subject: String,
        changes: Vec<Change>,
        answer: Answer<wire::Merged>,
    },
    Propose {
        head: BlockId,
        objects: NewObjects,
        answer: Answer<wire::Merged>,
    },
    Branch {
        head: BlockId,
        objects: NewObjects,
        answer: Answer<()>,
    },
    Rotate(String, Answer<wire::Merged>),
    Flush(Answer<wire::Merged>),
    Proposals(wire::ProposalsQuery, Answer<wire::Proposals>),
    Agreement(Answer<wire::Agreement>),
    Stop(Answer<wire::Merged>),
}

impl Keeper {
    /// Starts the thread. It ends after [`Keeper::stop`].
    pub fn start(
        core: Core,
        clock: Arc<LedgerClock>,
        live: Live,
        tools: Tools,
    ) -> std::io::Result<(Self, Threads)> {
        let (librarian, history) = Librarian::start(core.history(), live.clone())?;
        let (commands, queue) = mpsc::sync_channel(WAITING_MAX);
        let (post, lane) = post::lane(commands.clone());
        let (judging, judges) = Judging::start(tools.judge, post.clone())?;
        let (publish, views) = watch::channel(core.view().clone());
        let report = Arc::new(Mutex::new(Report::default()));
        let node = core.node().clone();
        let keeper =
            Self { commands, views, report: report.clone(), librarian: librarian.clone(), node, post };
        let told = Told { publish, report, librarian, anew: tools.anew };
        let abroad = Abroad::new(lane, judging, tools.blobs);
        let work = work::Work::new(core, clock, live, tools.block_interval, told, abroad);
        let thread = thread::Builder::new().name("keeper".into()).spawn(move || work.run(&queue))?;
        Ok((keeper, Threads { keeper: thread, history, judges }))
    }

    /// Where news from other boxes is put.
    pub fn post(&self) -> &Post {
        &self.post
    }

    /// The network is open: the keeper talks to other boxes from now on.
    pub fn network(&self, peers: Arc<Peers>) {
        // A full queue or one that ends: then the box starts, or stops, without others.
        let _busy = self.commands.try_send(Command::Network(peers));
    }

    /// The newest state of main.
    pub fn view(&self) -> Arc<View> {
        self.views.borrow().clone()
    }

    /// Main as it moves.
    pub fn views(&self) -> watch::Receiver<Arc<View>> {
        self.views.clone()
    }

    /// How the keeper is.
    pub fn report(&self) -> Report {
        self.report.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// This node's name.
    pub fn node(&self) -> &Name {
        &self.node
    }

    /// Where main is, for those who watch.
    pub fn ledger_line(&self) -> wire::Live {
        let view = self.view();
        wire::Live::Ledger { head: view.head, height: view.height, events: self.report().events }
    }

    /// Appends an event; it survives a power cut when this returns.
    pub async fn append(
        &self,
        dapp: Name,
        kind: Name,
        data: serde_json::Map<String, serde_json::Value>,
    ) -> Result<Event, KeeperError> {
        let said = Said { dapp, kind, data };
        said.check()?;
        self.ask(|answer| Command::Append(said, answer)).await
    }

    /// Writes documents for a dapp and merges them into main.
    pub async fn write_documents(
        &self,
        dapp: Name,
        subject: String,
        changes: Vec<Change>,
    ) -> Result<wire::Merged, KeeperError> {
        self.ask(|answer| Command::Documents { dapp, subject, changes, answer }).await
    }

    /// Merges a writer's blocks into main.
    pub async fn propose(&self, head: BlockId, objects: NewObjects) -> Result<wire::Merged, KeeperError> {
        self.ask(|answer| Command::Propose { head, objects, answer }).await
    }

    /// Takes in the first block of a new branch.
    pub async fn begin_branch(&self, head: BlockId, objects: NewObjects) -> Result<(), KeeperError> {
        self.ask(|answer| Command::Branch { head, objects, answer }).await
    }

    /// Replaces this box's key by the one that was made for it.
    pub async fn rotate(&self, label: String) -> Result<wire::Merged, KeeperError> {
        self.ask(|answer| Command::Rotate(label, answer)).await
    }

    /// Writers' newest blocks and how they stand.
    pub async fn proposals(&self, query: wire::ProposalsQuery) -> Result<wire::Proposals, KeeperError> {
        self.ask(|answer| Command::Proposals(query, answer)).await
    }

    /// How this box agrees with others.
    pub async fn agreement(&self) -> Result<wire::Agreement, KeeperError> {
        self.ask(Command::Agreement).await
    }

    /// Puts the events that wait into a block.
    pub async fn flush(&self) -> Result<wire::Merged, KeeperError> {
        self.ask(Command::Flush).await
    }

    /// Events of all nodes, newest last.
    pub async fn log(&self, query: wire::LogQuery) -> Result<Vec<wire::LogEntry>, KeeperError> {
        self.librarian.log(query).await
    }

    /// Events of one dapp after a count, oldest first.
    pub async fn events_of(
        &self,
        dapp: Name,
        kind: Option<Name>,
        after: u64,
        limit: u64,
    ) -> Result<Vec<Event>, KeeperError> {
        self.librarian.events_of(Wanted { dapp, kind, after, limit }).await
    }

    /// Puts what waits into a block and ends the thread.
    pub async fn stop(&self) -> Result<wire::Merged, KeeperError> {
        self.ask(Command::Stop).await
    }

    async fn ask<T>(&self, command: impl FnOnce(Answer<T>) -> Command) -> Result<T, KeeperError> {
        let (answer, asked) = oneshot::channel();
        self.commands.try_send(command(answer)).map_err(|error| match error {
            TrySendError::Full(_) => KeeperError::Busy,
            TrySendError::Disconnected(_) => KeeperError::Stopping,
        })?;
        asked.await.map_err(|_| KeeperError::Stopping)?
    }
}
