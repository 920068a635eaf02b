//! One task for each device, so that a lamp that hangs does not keep a strike waiting.
//!
//! A lamp has a level: the newest counts, older ones that were not sent yet are skipped. A strike has commands,
//! in their order; one that comes too late to matter is not carried out, since a door that opens when nobody
//! stands before it any more is worse than one that does not. Every "on" carries its end (`for_ms`), which the
//! agent keeps also when this program dies.

use super::queue::Queue;
use crate::house::{Command, LogEvent, News};
use dapp::{
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
/// A strike that could not be set within this long is not set any more.
const STRIKE_LATE_MS: u64 = 1_000;
/// How often switching off is tried, and the pause between.
const RELEASE_TRIES: u32 = 10;
const AGAIN_MS: u64 = 200;

/// The devices of this box.
#[derive(Debug)]
pub struct Switches {
    client: Client,
    queue: Arc<Queue>,
    news: mpsc::UnboundedSender<News>,
    lamps: BTreeMap<Name, watch::Sender<bool>>,
    strikes: BTreeMap<Name, mpsc::UnboundedSender<Pull>>,
    tasks: Vec<JoinHandle<()>>,
}

/// What a strike shall do.
#[derive(Debug)]
enum Pull {
    On { for_ms: u64, events: Vec<LogEvent>, since: Instant },
    Off,
}

/// A strike and what its task needs.
struct Strike {
    device: Name,
    client: Client,
    queue: Arc<Queue>,
    news: mpsc::UnboundedSender<News>,
}

impl Switches {
    /// No device yet; each gets its task with its first command.
    pub fn new(client: &Client, queue: Arc<Queue>, news: mpsc::UnboundedSender<News>) -> Self {
        let client = client.clone().with_timeout(Duration::from_millis(TIMEOUT_MS));
        Self { client, queue, news, lamps: BTreeMap::new(), strikes: BTreeMap::new(), tasks: Vec::new() }
    }

    /// Carries out what the house wants; never waits.
    pub fn carry_out(&mut self, commands: Vec<Command>) {
        for command in commands {
            match command {
                Command::Strike { device, for_ms, events } => {
                    self.pull(device, Pull::On { for_ms, events, since: Instant::now() });
                }
                Command::Release { device } => self.pull(device, Pull::Off),
                Command::Set { device, on } => self.set(device, on),
                Command::Event(event) => self.queue.push(event),
            }
        }
    }

    /// Lets every task finish what it has, for at most `patience`.
    pub async fn finish(self, patience: Duration) {
        drop((self.lamps, self.strikes));
        let all = async {
            for task in self.tasks {
                // A task that panicked has nothing more to finish.
                drop(task.await);
            }
        };
        drop(tokio::time::timeout(patience, all).await);
    }

    fn pull(&mut self, device: Name, pull: Pull) {
        let sender = self.strikes.entry(device).or_insert_with_key(|device| {
            let (sender, pulls) = mpsc::unbounded_channel();
            let strike = Strike {
                device: device.clone(),
                client: self.client.clone(),
                queue: self.queue.clone(),
                news: self.news.clone(),
            };
            self.tasks.push(tokio::spawn(strike.run(pulls)));
            sender
        });
        // The task ends only after its sender.
        drop(sender.send(pull));
    }

    fn set(&mut self, device: Name, on: bool) {
        match self.lamps.get(&device) {
            Some(sender) => drop(sender.send_replace(on)),
            None => {
                let (sender, levels) = watch::channel(on);
                self.tasks.push(tokio::spawn(light(device.clone(), self.client.clone(), levels)));
                self.lamps.insert(device, sender);
            }
        }
    }
}

/// Keeps a lamp at its newest level.
async fn light(device: Name, client: Client, mut levels: watch::Receiver<bool>) {
    loop {
        let on = *levels.borrow_and_update();
        match client.set_device(&device, SetDevice { on, for_ms: None }).await {
            // The agent is away: when it is back the house sets everything anew.
            Ok(_) | Err(ClientError::Connect { .. }) => {}
            Err(error) => eprintln!("doorbot: {device} was not set: {error}"),
        }
        if levels.changed().await.is_err() {
            return;
        }
    }
}

impl Strike {
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
        let failed = if since.elapsed() > Duration::from_millis(STRIKE_LATE_MS) {
            Some("the strike was busy for too long".to_string())
        } else {
            let set = SetDevice { on: true, for_ms: Some(for_ms) };
            self.client.set_device(&self.device, set).await.err().map(|error| error.to_string())
        };
        if let Some(why) = failed {
            eprintln!("doorbot: {} did not switch: {why}", self.device);
            let why: String = why.chars().take(200).collect();
            events
                .iter_mut()
                .for_each(|event| drop(event.data.insert("strike_failed".into(), why.clone().into())));
            drop(self.news.send(News::StrikeFailed { device: self.device.clone() }));
        }
        events.into_iter().for_each(|event| self.queue.push(event));
    }

    /// Off, until it is off or something else is wanted.
    async fn off(&self, pulls: &mut mpsc::UnboundedReceiver<Pull>) {
        for _ in 0..RELEASE_TRIES {
            let set = SetDevice { on: false, for_ms: None };
            match self.client.set_device(&self.device, set).await {
                // Without an agent the strike is off already, and the house asks again when there is one.
                Ok(_) | Err(ClientError::Connect { .. }) => return,
                Err(error) => eprintln!("doorbot: {} was not switched off: {error}", self.device),
            }
            if !pulls.is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(AGAIN_MS)).await;
        }
    }
}
