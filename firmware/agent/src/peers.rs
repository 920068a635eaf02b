//! The other boxes of the organisation: the network opened, and carried between it and the keeper.
//!
//! The network has a thread and a runtime of its own, so that a box that fetches a gigabyte delays no badge. What comes
//! in goes to the keeper's lane of news and waits there; what the keeper wants done is done here, without the
//! keeper waiting for it. Answers to peers are read from the store beside the keeper, on a thread that may block. A
//! network that cannot be opened is a trouble to name and no reason to leave a door without its box.

mod answers;
mod settings;

pub use settings::{NetSettings, PORT, PeerLimits, ShareSettings};

use crate::{
    blobs::Blobs,
    devices::chain,
    home::HomeError,
    keeper::{News, Post},
    services::Services,
};
use answers::Answers;
use model::{KeyId, PublicKey};
use net::{Event, Net, OpenError, PeerStatus, Reply};
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
};
use store::GitObjects;
use sync::{Request, RequestId};
use tokio::{
    runtime::{Builder, Handle},
    sync::{mpsc::Receiver, watch},
};

/// Threads that read answers for peers; more would only share one card.
const READERS: usize = 2;

/// Who hears a stranger's knock: the key that the connection proved, the words, and the answer.
pub type Knocks = Box<dyn Fn(&PublicKey, &[u8]) -> Vec<u8> + Send + Sync>;

/// Why there is no network.
#[derive(Debug, thiserror::Error)]
pub enum PeersError {
    /// It cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The node's key.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// Its thread cannot be started.
    #[error("cannot start the thread of the network")]
    Thread(#[source] io::Error),
    /// Its thread ended at once.
    #[error("the thread of the network ended")]
    Ended,
}

/// The network, for the keeper and the status.
pub struct Peers {
    net: Net,
    runtime: Handle,
    post: Post,
    answers: Arc<Answers>,
    /// Every key that was admitted.
    keys: Mutex<BTreeMap<KeyId, PublicKey>>,
    stop: watch::Sender<bool>,
}

impl Peers {
    /// Opens the network on a thread of its own. Nobody is admitted yet; who knocks is heard by `door`.
    pub fn open(
        options: net::Options,
        post: Post,
        objects: GitObjects,
        blobs: Arc<Blobs>,
        door: Knocks,
    ) -> Result<(Arc<Self>, JoinHandle<()>), PeersError> {
        let (opened, opening) = std::sync::mpsc::channel();
        let thread = thread::Builder::new().name("net".into()).spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().max_blocking_threads(READERS).build();
            match runtime {
                Ok(runtime) => {
                    runtime.block_on(run(options, post, Answers::new(objects, blobs), door, &opened))
                }
                Err(error) => drop(opened.send(Err(PeersError::Thread(error)))),
            }
        });
        let thread = thread.map_err(PeersError::Thread)?;
        let peers = opening.recv().map_err(|_| PeersError::Ended)??;
        Ok((peers, thread))
    }

    /// Where this box can be reached, as far as it knows.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.net.addresses()
    }

    /// The network itself, for whoever knocks at another box's door.
    pub fn net(&self) -> &Net {
        &self.net
    }

    /// Who is connected now.
    pub fn connected(&self) -> Vec<PeerStatus> {
        self.net.peers()
    }

    /// Admits the nodes with these keys, and nobody else.
    pub fn admit(&self, keys: impl IntoIterator<Item = PublicKey>) {
        let keys: BTreeMap<KeyId, PublicKey> = keys.into_iter().map(|key| (key.id(), key)).collect();
        let admitted: BTreeSet<PublicKey> = keys.values().cloned().collect();
        *self.keys() = keys;
        self.net.admit(&admitted);
    }

    /// Tells where an admitted peer may be reached.
    pub fn dial(&self, peer: KeyId, addresses: &[SocketAddr]) {
        if let Some(key) = self.key(peer) {
            self.net.dial(&key, addresses);
        }
    }

    /// Sends a frame. One that cannot be sent is lost; the peer's `Down` follows.
    pub fn send(&self, peer: KeyId, frame: Vec<u8>) {
        if let Some(key) = self.key(peer)
            && let Err(error) = self.net.send(&key, frame)
        {
            tracing::debug!(%peer, %error, "a frame was not sent");
        }
    }

    /// Asks a peer; the answer comes as news.
    pub fn request(&self, peer: KeyId, id: RequestId, bytes: Vec<u8>, max_bytes: u32) {
        let (net, post, key) = (self.net.clone(), self.post.clone(), self.key(peer));
        let max = usize::try_from(max_bytes).unwrap_or(usize::MAX);
        self.runtime.spawn(async move {
            let answer = match key {
                Some(key) => net.request(&key, bytes, max).await.map_err(|error| error.to_string()),
                None => Err("it is not admitted any more".into()),
            };
            if let Err(error) = &answer {
                tracing::debug!(%peer, error, "no answer");
            }
            post.tell(News::Answer { peer, id, bytes: answer.ok() }).await;
        });
    }

    /// Answers a peer's request with at most so many bytes, beside the keeper.
    pub fn serve(&self, peer: KeyId, request: Request, budget: u32, reply: Reply) {
        let (answers, post) = (self.answers.clone(), self.post.clone());
        self.runtime.spawn_blocking(move || {
            // Without an answer the reply is dropped, and the peer asks somebody else.
            if let Some(bytes) = answers.answer(&request, budget) {
                let length = bytes.len() as u64;
                reply.send(bytes);
                post.tell_blocking(News::Served { peer, bytes: length });
            }
        });
    }

    /// Does something slow for the keeper, on a thread that may block; what it gives is news.
    pub fn aside(&self, work: impl FnOnce() -> Option<News> + Send + 'static) {
        let post = self.post.clone();
        self.runtime.spawn_blocking(move || work().map(|news| post.tell_blocking(news)));
    }

    /// Closes the connection with a peer.
    pub fn close(&self, peer: KeyId) {
        if let Some(key) = self.key(peer) {
            self.net.close(&key);
        }
    }

    /// Closes the network.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    fn key(&self, peer: KeyId) -> Option<PublicKey> {
        self.keys().get(&peer).cloned()
    }

    fn keys(&self) -> MutexGuard<'_, BTreeMap<KeyId, PublicKey>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens the network of a box. A usual port that is taken, as by another box on this machine, is no reason to have none.
pub fn open(services: &Services, settings: &NetSettings) -> Result<(Arc<Peers>, JoinHandle<()>), PeersError> {
    let key = services.home.net_key()?;
    let open = |settings: &NetSettings| {
        let (post, blobs) = (services.keeper.post().clone(), services.blobs.clone());
        Peers::open(settings.options(key.clone()), post, blobs.objects(), blobs, knocks(services))
    };
    match open(settings) {
        Err(PeersError::Open(error)) if settings.port == PORT => {
            tracing::warn!(error = %chain(&error), "port {PORT} cannot be had; any other will do");
            open(&NetSettings { port: 0, ..settings.clone() })
        }
        opened => opened,
    }
}

/// The join door of a box, for the network's thread.
fn knocks(services: &Services) -> Knocks {
    let (door, keeper, clock) = (services.door.clone(), services.keeper.clone(), services.clock.clone());
    Box::new(move |key, bytes| door.hear(key, bytes, &keeper.view(), clock.now()).to_bytes())
}

/// The thread: opens, hands the network over, and passes on what happens until it is told to stop.
async fn run(
    options: net::Options,
    post: Post,
    answers: Answers,
    door: Knocks,
    opened: &std::sync::mpsc::Sender<Result<Arc<Peers>, PeersError>>,
) {
    let (net, events) = match Net::open(options).await {
        Ok(open) => open,
        Err(error) => return drop(opened.send(Err(error.into()))),
    };
    let (stop, mut stopping) = watch::channel(false);
    let (keys, runtime) = (Mutex::default(), Handle::current());
    let answers = Arc::new(answers);
    let peers = Peers { net: net.clone(), runtime, post: post.clone(), answers, keys, stop };
    if opened.send(Ok(Arc::new(peers))).is_err() {
        return;
    }
    tokio::select! {
        () = pass_on(events, &post, &door) => {}
        _ = stopping.wait_for(|stop| *stop) => {}
    }
    net.shut().await;
}

async fn pass_on(mut events: Receiver<Event>, post: &Post, door: &Knocks) {
    while let Some(event) = events.recv().await {
        let news = match event {
            Event::Up { peer, addresses } => News::Up { peer: peer.id(), addresses },
            Event::Down { peer } => News::Down { peer: peer.id() },
            Event::Frame { peer, bytes } => News::Frame { peer: peer.id(), bytes },
            Event::Request { peer, bytes, reply } => News::Asked { peer: peer.id(), bytes, reply },
            Event::Knock { key, bytes, reply } => {
                reply.send(door(&key, &bytes));
                continue;
            }
            // Who is on the LAN the network itself dials.
            Event::Found { .. } => continue,
        };
        if !post.tell(news).await {
            return;
        }
    }
}
