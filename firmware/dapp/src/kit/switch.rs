//! One task for each device, so that a lamp that hangs does not keep a relay waiting.
//!
//! A lamp has a level: the newest counts, older ones that were not sent yet are skipped. A relay has commands,
//! in their order; one that comes too late to matter is not carried out, since a door that opens when nobody
//! stands before it any more is worse than one that does not. Every "on" carries its end (`for_ms`), which the
//! agent keeps also when this program dies.

use super::{
    news::{LogEvent, News},
    queue::Queue,
};
use crate::{
    client::{Client, ClientError},
    wire::SetDevice,
};
use model::Name;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::Instant,
};

/// How long a device may take to answer.
const TIMEOUT_MS: u64 = 1_000;
/// A relay that could not be set within this long is not set any more.
const LATE_MS: u64 = 1_000;
/// How often switching off is tried, and the pause between.
const RELEASE_TRIES: u32 = 10;
const AGAIN_MS: u64 = 200;

/// The devices of this box.
#[derive(Debug)]
pub struct Switches {
    words: Words,
    client: Client,
    queue: Arc<Queue>,
    news: mpsc::UnboundedSender<News>,
    lamps: BTreeMap<Name, watch::Sender<bool>>,
    relays: BTreeMap<Name, mpsc::UnboundedSender<Pull>>,
    tasks: Vec<JoinHandle<()>>,
}

/// What is said about the devices.
#[derive(Debug, Clone, Copy)]
pub struct Words {
    /// Whose they are.
    pub dapp: &'static str,
    /// What its relays are to people.
    pub relay: &'static str,
}

/// What a relay shall do.
#[derive(Debug)]
enum Pull {
    On { for_ms: u64, events: Vec<LogEvent>, since: Instant },
    Off,
}

/// A relay and what its task needs.
struct Relay {
    words: Words,
    device: Name,
    client: Client,
    queue: Arc<Queue>,
    news: mpsc::UnboundedSender<News>,
}

impl Switches {
    /// No device yet; each gets its task with its first command.
    pub fn new(words: Words, client: &Client, queue: Arc<Queue>, news: mpsc::UnboundedSender<News>) -> Self {
        let client = client.clone().with_timeout(Duration::from_millis(TIMEOUT_MS));
        let (lamps, relays) = (BTreeMap::new(), BTreeMap::new());
        Self { words, client, queue, news, lamps, relays, tasks: Vec::new() }
    }

    /// A relay on, and then the events about it; never waits.
    pub fn hold(&mut self, device: Name, for_ms: u64, events: Vec<LogEvent>) {
        self.pull(device, Pull::On { for_ms, events, since: Instant::now() });
    }

    /// A relay off; never waits.
    pub fn release(&mut self, device: Name) {
        self.pull(device, Pull::Off);
    }

    /// A lamp or buzzer; never waits.
    pub fn set(&mut self, device: Name, on: bool) {
        match self.lamps.get(&device) {
            Some(sender) => drop(sender.send_replace(on)),
            None => {
                let (sender, levels) = watch::channel(on);
                let light = light(self.words.dapp, device.clone(), self.client.clone(), levels);
                self.tasks.push(tokio::spawn(light));
                self.lamps.insert(device, sender);
            }
        }
    }

    /// Lets every task finish what it has, for at most `patience`.
    pub async fn finish(self, patience: Duration) {
        drop((self.lamps, self.relays));
        let all = async {
            for task in self.tasks {
                // A task that panicked has nothing more to finish.
                drop(task.await);
            }
        };
        drop(tokio::time::timeout(patience, all).await);
    }

    fn pull(&mut self, device: Name, pull: Pull) {
        let sender = self.relays.entry(device).or_insert_with_key(|device| {
            let (sender, pulls) = mpsc::unbounded_channel();
            let relay = Relay {
                words: self.words,
                device: device.clone(),
                client: self.client.clone(),
                queue: self.queue.clone(),
                news: self.news.clone(),
            };
            self.tasks.push(tokio::spawn(relay.run(pulls)));
            sender
        });
        // The task ends only after its sender.
        drop(sender.send(pull));
    }
}

/// Keeps a lamp at its newest level.
async fn light(dapp: &'static str, device: Name, client: Client, mut levels: watch::Receiver<bool>) {
    loop {
        let on = *levels.borrow_and_update();
        match client.set_device(&device, SetDevice { on, for_ms: None }).await {
            // The agent is away: when it is back the program sets everything anew.
            Ok(_) | Err(ClientError::Connect { .. }) => {}
            Err(error) => eprintln!("{dapp}: {device} was not set: {error}"),
        }
        if levels.changed().await.is_err() {
            return;
        }
    }
}

impl Relay {
    async fn run(self, mut pulls: mpsc::UnboundedReceiver<Pull>) {
        while let Some(pull) = pulls.recv().await {
            match pull {
                Pull::On { for_ms, events, since } => self.on(for_ms, events, since).await,
                Pull::Off => self.off(&mut pulls).await,
            }
        }
    }

    /// On, and then the events about it: also when it failed, with that said.
    async fn on(&self, for_ms: u64, mut events: Vec<LogEvent>, since: Instant) {
        let failed = if since.elapsed() > Duration::from_millis(LATE_MS) {
            Some(format!("the {} was busy for too long", self.words.relay))
        } else {
            let set = SetDevice { on: true, for_ms: Some(for_ms) };
            self.client.set_device(&self.device, set).await.err().map(|error| error.to_string())
        };
        if let Some(why) = failed {
            eprintln!("{}: {} did not switch: {why}", self.words.dapp, self.device);
            let why: String = why.chars().take(200).collect();
            let key = format!("{}_failed", self.words.relay);
            events.iter_mut().for_each(|event| drop(event.data.insert(key.clone(), why.clone().into())));
            drop(self.news.send(News::RelayFailed { device: self.device.clone() }));
        }
        events.into_iter().for_each(|event| self.queue.push(event));
    }

    /// Off, until it is off or something else is wanted.
    async fn off(&self, pulls: &mut mpsc::UnboundedReceiver<Pull>) {
        for _ in 0..RELEASE_TRIES {
            let set = SetDevice { on: false, for_ms: None };
            match self.client.set_device(&self.device, set).await {
                // Without an agent the relay is off already, and the program asks again when there is one.
                Ok(_) | Err(ClientError::Connect { .. }) => return,
                Err(error) => eprintln!("{}: {} was not switched off: {error}", self.words.dapp, self.device),
            }
            if !pulls.is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(AGAIN_MS)).await;
        }
    }
}
