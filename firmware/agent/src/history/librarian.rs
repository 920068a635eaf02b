//! The thread that has the history.
//!
//! What there is to learn is never waited for: if the queue is full it is dropped, and made up for with the next
//! block. What is asked is answered in order, so whoever appended an event finds it.

use super::{History, heard::Heard};
use crate::{
    devices::chain,
    keeper::KeeperError,
    live::Live,
    wire::{self, LogEntry, LogQuery},
};
use model::{BlockId, Event, Name};
use std::{
    io,
    sync::{
        Arc,
        mpsc::{self, Receiver, SyncSender, TrySendError},
    },
    thread::{self, JoinHandle},
};
use store::index::IndexError;
use tokio::sync::oneshot;

/// How many requests may wait.
const WAITING_MAX: usize = 256;

type Answer<T> = oneshot::Sender<Result<T, Arc<IndexError>>>;

enum Request {
    Learn(BlockId, Vec<Event>),
    Add(Vec<Event>),
    Log(LogQuery, Answer<Vec<LogEntry>>),
    EventsOf(Wanted, Answer<Vec<Event>>),
    Stop,
}

/// Which events of a dapp.
pub struct Wanted {
    /// The dapp.
    pub dapp: Name,
    /// Only of this kind.
    pub kind: Option<Name>,
    /// Only with a higher count.
    pub after: u64,
    /// At most so many.
    pub limit: u64,
}

/// Asks the thread.
#[derive(Clone)]
pub struct Librarian(SyncSender<Request>);

impl Librarian {
    /// Starts the thread; events of other boxes are told as they become known. It ends after [`Librarian::stop`].
    pub fn start(history: History, live: Live) -> io::Result<(Self, JoinHandle<()>)> {
        let (requests, queue) = mpsc::sync_channel(WAITING_MAX);
        let thread =
            thread::Builder::new().name("history".into()).spawn(move || serve(history, &live, &queue))?;
        Ok((Self(requests), thread))
    }

    /// Main is at `head`, other heads may have moved, and these events wait for a block.
    pub fn learn(&self, head: BlockId, pending: Vec<Event>) {
        self.tell(Request::Learn(head, pending));
    }

    /// These events are new.
    pub fn add(&self, events: Vec<Event>) {
        self.tell(Request::Add(events));
    }

    /// Events, newest last.
    pub async fn log(&self, query: LogQuery) -> Result<Vec<LogEntry>, KeeperError> {
        self.ask(|answer| Request::Log(query, answer)).await
    }

    /// Events of one dapp, oldest first.
    pub async fn events_of(&self, wanted: Wanted) -> Result<Vec<Event>, KeeperError> {
        self.ask(|answer| Request::EventsOf(wanted, answer)).await
    }

    /// Ends the thread after what waits; it closes the index.
    pub fn stop(&self) {
        // An error means that it has ended.
        let _ended = self.0.send(Request::Stop);
    }

    fn tell(&self, request: Request) {
        // A full queue loses nothing: the next block brings what was not taken in.
        let _full = self.0.try_send(request);
    }

    async fn ask<T>(&self, request: impl FnOnce(Answer<T>) -> Request) -> Result<T, KeeperError> {
        let (answer, asked) = oneshot::channel();
        self.0.try_send(request(answer)).map_err(|error| match error {
            TrySendError::Full(_) => KeeperError::Busy,
            TrySendError::Disconnected(_) => KeeperError::Stopping,
        })?;
        asked.await.map_err(|_| KeeperError::Stopping)?.map_err(KeeperError::Index)
    }
}

fn serve(mut history: History, live: &Live, queue: &Receiver<Request>) {
    let mut heard = Heard::default();
    for request in queue {
        match request {
            Request::Learn(head, pending) => {
                let news = history.learn(head, &pending).and_then(|()| heard.news(&mut history));
                warn(news.map(|news| news.into_iter().for_each(|entry| live.say(wire::Live::Event(entry)))));
            }
            Request::Add(events) => warn(history.add(&events)),
            Request::Log(query, answer) => reply(answer, history.log(&query)),
            Request::EventsOf(wanted, answer) => {
                let Wanted { dapp, kind, after, limit } = wanted;
                reply(answer, history.events_of(&dapp, kind.as_ref(), after, limit));
            }
            Request::Stop => break,
        }
    }
    warn(history.close());
}

fn reply<T>(answer: Answer<T>, result: Result<T, IndexError>) {
    // An asker that has gone needs no answer.
    let _gone = answer.send(result.map_err(Arc::new));
}

fn warn(result: Result<(), IndexError>) {
    if let Err(error) = result {
        tracing::warn!(error = %chain(&error), "the index of events is behind; it is made up for later");
    }
}
